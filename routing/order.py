"""In which order those who wait are served: how overdue they are, and what puts their row forward.

Between rows it may count besides whether the first in a row can still be answered within the goal, and how many wait
there for each agent at work: so more callers are answered in time, and no row is left behind by the others (compare
queue-and-idleness-ratio control: Gurvich and Whitt, Manufacturing & Service Operations Management 11(2), 2009). Both
are seconds on the scale of age, credit and goal, so nobody starves: `routing.policy.bound_s`. Neither takes anything
from priority: who has more credit, or the shorter goal, is put forward at least as far as every row in which somebody
has less. Nobody is overtaken within a row, and rows between which no free agent can choose do not count for each other.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace, merge
from itertools import accumulate, repeat

from routing.floor import Floor
from routing.line import Group, Place, Standing
from routing.row import Row

#: When somebody's turn is on the scale of overdue-ness, who it is, and the group they are decided on with.
Turn = tuple[float, int, Group]
#: By credit minus goal: the places of those in a row who have it, and how far they are put forward.
Ahead = list[tuple[list[Place], float]]


class _Served:
    """What of one row may be served now. One is made for each row whenever somebody is free: no more than is needed."""

    __slots__ = ("ahead", "ahead_s", "first", "fit", "groups", "kinds", "row", "turns")

    def __init__(self, row: Row, first: Standing, kinds: int) -> None:
        self.row = row
        self.first = first  #: the most overdue, also of those who wait for one ready agent alone
        self.kinds = kinds  #: of free agents who may serve somebody in it
        self.groups: list[Group] = []
        self.fit: int | None = None  #: the kinds that may serve it before anything softens, where that is known already
        self.ahead_s = 0.0  #: how far everybody in it is put forward
        self.ahead: Ahead = []  #: where not all alike
        self.turns: Iterator[Turn] | None = None  #: once more than the first is asked for


@dataclass(slots=True)
class _Choice:
    """Rows between which free agents may choose."""

    kinds: int
    rows: list[_Served]

    def put_forward(self, floor: Floor, now: float) -> None:
        """Say of each row how far it is put forward, and whoever has more credit or a shorter goal at least as far as
        every row in which somebody has less."""
        policy, rows, kinds, at_work = floor.policy, self.rows, floor.kinds, floor.at_work
        crowds = [one.row.crowd(kinds, at_work, one.fit) for one in rows]
        scale, in_time_s = policy.crowded_s / (max(crowds) or 1.0), policy.in_time_s
        most: dict[float, float] = {}  # by the least merit in a row: how far such rows are put forward at most
        for one, crowd in zip(rows, crowds, strict=True):
            one.ahead_s = ahead_s = crowd * scale + (in_time_s if now <= one.first[2] else 0.0)
            if most.get(one.row.least, -1.0) < ahead_s:
                most[one.row.least] = ahead_s
        merits = sorted(most)
        furthest = list(accumulate([most[merit_s] for merit_s in merits], max))
        below = {merit_s: furthest[number - 1] for number, merit_s in enumerate(merits) if number}
        for one in rows:
            row = one.row
            if len(row.places) > 1:
                for merit_s, places in row.places.items():
                    number = bisect_left(merits, merit_s)
                    ahead_s = max(one.ahead_s, furthest[number - 1]) if number else one.ahead_s
                    one.ahead.append((places, ahead_s))
            elif (ahead_s := below.get(row.least, 0.0)) > one.ahead_s:
                one.ahead_s = ahead_s


def in_order(floor: Floor, groups: Sequence[Group], now: float) -> Iterator[Turn]:
    """Everybody in these groups, and who waits for one ready agent alone, in the order in which they are served."""
    line, free, kinds = floor.line, floor.pool.free, floor.kinds
    alone_free = free & (free - 1) == 0  # one kind of agent: all of these groups are served by it
    rows: dict[Row, _Served] = {}
    for group in groups:
        row, first, fit = group.row, group.waiting[0], free if alone_free else group.fit(kinds)
        served = rows.get(row)
        if served is None:
            served = rows[row] = _Served(row, first, fit & free)
        else:
            served.kinds |= fit & free
            served.first = min(served.first, first)
        served.groups.append(group)
        if group.as_it_came and not alone_free:
            served.fit = fit
    alone = {agent_id: held for agent_id, held in line.held.items() if held and floor.is_ready(agent_id)}
    for agent_id, held in alone.items():
        kind = 1 << floor.kind_of(agent_id)
        for one in held:
            row = line.rows.of(one[1])
            served = rows.setdefault(row, _Served(row, one, kind))
            served.kinds |= kind
            served.first = min(served.first, one)
    if floor.policy.puts_forward and len(rows) > 1:
        for choice in _choices(list(rows.values()), free):
            choice.put_forward(floor, now)
    waits = [_waits(held, floor, rows, now) for held in alone.values()]
    merged = _merged([one for one in rows.values() if one.groups])
    return merge(merged, *waits) if waits else merged


def _choices(rows: list[_Served], free: int) -> list[_Choice]:
    """Rows that are connected by free agents."""
    if free & (free - 1) == 0:  # one kind of agent
        return [_Choice(free, rows)] if rows else []
    found: list[_Choice] = []
    for one in rows:
        joined, apart = _Choice(one.kinds, [one]), []
        for other in found:
            if other.kinds & joined.kinds:
                joined = _Choice(joined.kinds | other.kinds, other.rows + joined.rows)
            else:
                apart.append(other)
        found = [*apart, joined]
    return found


def _merged(rows: list[_Served]) -> Iterator[Turn]:
    """The turns of all rows. Of most rows only the first is looked at, and often only the first of all."""
    heads: list[tuple[float, int, int, Group]] = []
    for number, served in enumerate(rows):
        groups = served.groups
        group = groups[0] if len(groups) == 1 else min(groups, key=lambda one: one.waiting[0])
        place, need_id, _, _ = group.waiting[0]
        turn = _turn(served.ahead, place, need_id) if served.ahead else place - served.ahead_s
        heads.append((turn, need_id, number, group))
    if not heads:
        return
    turn, need_id, _, group = min(heads)
    yield turn, need_id, group
    heapify(heads)
    first = True
    while heads:
        turn, need_id, number, group = heads[0]
        if not first:
            yield turn, need_id, group
        first, served = False, rows[number]
        if served.turns is None:
            served.turns = _turns(served)
            next(served.turns)
        following = next(served.turns, None)
        if following is None:
            heappop(heads)
        else:
            heapreplace(heads, (following[0], following[1], number, following[2]))


def _turn(ahead: Ahead, place: float, need_id: int) -> float:
    """Who stands before somebody in their row that is put forward further comes no later than they do."""
    turn = place
    for places, ahead_s in ahead:
        behind = bisect_left(places, (place, need_id))
        if behind < len(places):
            turn = min(turn, places[behind][0] - ahead_s)
    return turn


def _turns(served: _Served) -> Iterator[Turn]:
    """One row, put forward; never in another order than it stands in."""
    lists = [zip(group.waiting, repeat(group)) for group in served.groups]
    for (place, need_id, _, _), group in lists[0] if len(lists) == 1 else merge(*lists, key=lambda one: one[0]):
        yield _turn(served.ahead, place, need_id) if served.ahead else place - served.ahead_s, need_id, group


def _waits(held: list[Standing], floor: Floor, rows: Mapping[Row, _Served], now: float) -> Iterator[Turn]:
    """Who waits for the same agent: as their rows are put forward, and for that besides."""
    line, turns = floor.line, list[Turn]()
    for place, need_id, _, merit_s in held:
        row = line.rows.of(need_id)
        of_all = rows[row].ahead_s
        ahead_s = next((s for places, s in rows[row].ahead if places is row.places[merit_s]), of_all)
        turn = place - ahead_s - floor.policy.wanted_s
        turns.append((turn, need_id, line.group_of(line.needs[need_id], now)))
    soonest = list(accumulate((turn for turn, _, _ in reversed(turns)), min))[::-1]
    return iter([(turn, need_id, group) for turn, (_, need_id, group) in zip(soonest, turns, strict=True)])
