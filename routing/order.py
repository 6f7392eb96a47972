"""In which order those who wait are served: how overdue they are, and what puts their row forward.

Between rows it may count besides whether the first in a row can still be answered within the goal, and how many wait
there for each agent at work: so more callers are answered in time, and no row is left behind by the others (compare
queue-and-idleness-ratio control: Gurvich and Whitt, Manufacturing & Service Operations Management 11(2), 2009). Both
are seconds on the scale of age, credit and goal, so nobody starves: `routing.policy.bound_s`. Neither takes anything
from priority: who has more credit, or the shorter goal, is put forward at least as far as every row in which somebody
has less. Nobody is overtaken within a row, and rows between which no free agent can choose do not count for each other.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import accumulate, repeat

from routing.floor import Floor
from routing.line import Group, Standing
from routing.row import Row

#: When somebody's turn is on the scale of overdue-ness, who it is, and the group they are decided on with.
Turn = tuple[float, int, Group]


class _Weights:
    """How far rows between which free agents may choose are put forward: each by itself, and whoever has more credit or
    a shorter goal at least as far as every row in which somebody has less."""

    __slots__ = ("_below", "_furthest", "_merits", "ahead_s")

    def __init__(
        self, rows: Sequence[Row], firsts: Sequence[Standing], fits: Sequence[int | None], floor: Floor, now: float
    ) -> None:
        kinds, at_work = floor.kinds, floor.at_work
        crowds = [row.crowd(kinds, at_work, fit) for row, fit in zip(rows, fits, strict=True)]
        scale, in_time_s = floor.policy.crowded_s / (max(crowds) or 1.0), floor.policy.in_time_s
        self.ahead_s = [
            crowd * scale + (in_time_s if now <= first[2] else 0.0) for crowd, first in zip(crowds, firsts, strict=True)
        ]  #: each row by itself
        most: dict[float, float] = {}  # by the least merit in a row: how far such rows are put forward at most
        for row, ahead_s in zip(rows, self.ahead_s, strict=True):
            if most.get(row.least, -1.0) < ahead_s:
                most[row.least] = ahead_s
        self._merits = sorted(most)
        self._furthest = list(accumulate([most[merit_s] for merit_s in self._merits], max))
        self._below = {merit_s: self._furthest[n - 1] if n else 0.0 for n, merit_s in enumerate(self._merits)}

    def of(self, ahead_s: float, merit_s: float) -> float:
        """How far somebody is put forward whose row by itself is so far."""
        number = bisect_left(self._merits, merit_s)
        return max(ahead_s, self._furthest[number - 1]) if number else ahead_s

    def turn(self, row: Row, ahead_s: float, place: float, need_id: int) -> float:
        """When it is somebody's turn: no later than those are who stand behind them in their row."""
        if len(row.places) == 1:
            below = self._below[row.least]
            return place - (below if below > ahead_s else ahead_s)
        turn = place
        for merit_s, places in row.places.items():
            behind = bisect_left(places, (place, need_id))
            if behind < len(places):
                turn = min(turn, places[behind][0] - self.of(ahead_s, merit_s))
        return turn


class _Served:
    """What of one row may be served now."""

    __slots__ = ("ahead_s", "first", "fit", "groups", "kinds", "row", "weights")

    def __init__(self, row: Row, first: Standing, kinds: int) -> None:
        self.row = row
        self.first = first  #: the most overdue, also of those who wait for one ready agent alone
        self.kinds = kinds  #: of free agents who may serve somebody in it
        self.groups: list[Group] = []
        self.fit: int | None = None  #: the kinds that may serve it before anything softens, where that is known already
        self.ahead_s = 0.0
        self.weights: _Weights | None = None  #: none: nothing puts rows forward

    def turn(self, place: float, need_id: int) -> float:
        """When it is somebody's turn in it."""
        return place if self.weights is None else self.weights.turn(self.row, self.ahead_s, place, need_id)


def in_order(floor: Floor, groups: Sequence[Group], now: float) -> Iterator[Turn]:
    """Everybody in these groups, and who waits for one ready agent alone, in the order in which they are served."""
    free, held = floor.pool.free, floor.line.held
    alone = {agent_id: waiting for agent_id, waiting in held.items() if waiting and floor.is_ready(agent_id)}
    first = None if alone or free & (free - 1) else _first(floor, groups, now)  # one kind of agent: served by it
    if first is not None:
        yield first
    for turn in _all(floor, groups, alone, now):
        if first is None or turn[1] != first[1]:
            yield turn


def _first(floor: Floor, groups: Sequence[Group], now: float) -> Turn | None:
    """The first turn of rows that the same agents may serve, each in one group; None when that is not so.

    An agent who becomes free asks for no more of what `_all` gives.
    """
    rows = [group.row for group in groups]
    if not rows or len(set(rows)) < len(rows):
        return None
    firsts = [group.waiting[0] for group in groups]
    if not floor.policy.puts_forward or len(rows) == 1:
        place, need_id, _, _ = min(firsts)
        return place, need_id, next(group for group in groups if group.waiting[0][1] == need_id)
    weights = _Weights(rows, firsts, [None] * len(rows), floor, now)
    turn, need_id, number = min(
        [
            (weights.turn(row, ahead_s, first[0], first[1]), first[1], number)
            for number, (row, ahead_s, first) in enumerate(zip(rows, weights.ahead_s, firsts, strict=True))
        ]
    )
    return turn, need_id, groups[number]


def _all(floor: Floor, groups: Sequence[Group], alone: Mapping[int, Sequence[Standing]], now: float) -> Iterator[Turn]:
    line, free, kinds = floor.line, floor.pool.free, floor.kinds
    rows: dict[Row, _Served] = {}
    for group in groups:
        row, first, fit = group.row, group.waiting[0], group.fit(kinds)
        served = rows.get(row)
        if served is None:
            served = rows[row] = _Served(row, first, fit & free)
        else:
            served.kinds |= fit & free
            served.first = min(served.first, first)
        served.groups.append(group)
        if group.as_it_came:
            served.fit = fit
    for agent_id, held in alone.items():
        kind = 1 << floor.kind_of(agent_id)
        for one in held:
            row = line.rows.of(one[1])
            served = rows.setdefault(row, _Served(row, one, kind))
            served.kinds |= kind
            served.first = min(served.first, one)
    if floor.policy.puts_forward and len(rows) > 1:
        for together in _between_which_agents_choose(rows.values()):
            weights = _Weights(
                [one.row for one in together],
                [one.first for one in together],
                [one.fit for one in together],
                floor,
                now,
            )
            for each, ahead_s in zip(together, weights.ahead_s, strict=True):
                each.weights, each.ahead_s = weights, ahead_s
    waits = [_waits(held, floor, rows, now) for held in alone.values()]
    return merge(*(_turns(one) for one in rows.values() if one.groups), *waits)


def _between_which_agents_choose(rows: Iterable[_Served]) -> Iterator[list[_Served]]:
    """Rows that are connected by free agents."""
    found: list[tuple[int, list[_Served]]] = []
    for one in rows:
        kinds, together, apart = one.kinds, [one], []
        for other, theirs in found:
            if other & kinds:
                kinds, together = kinds | other, theirs + together
            else:
                apart.append((other, theirs))
        found = [*apart, (kinds, together)]
    return (together for _, together in found)


def _turns(served: _Served) -> Iterator[Turn]:
    """One row, put forward; never in another order than it stands in."""
    lists = [zip(group.waiting, repeat(group)) for group in served.groups]
    for (place, need_id, _, _), group in lists[0] if len(lists) == 1 else merge(*lists, key=lambda one: one[0]):
        yield served.turn(place, need_id), need_id, group


def _waits(held: Sequence[Standing], floor: Floor, rows: Mapping[Row, _Served], now: float) -> Iterator[Turn]:
    """Who waits for the same agent: as their rows are put forward, and for that besides."""
    line, turns = floor.line, list[Turn]()
    for place, need_id, _, merit_s in held:
        served = rows[line.rows.of(need_id)]
        ahead_s = 0.0 if served.weights is None else served.weights.of(served.ahead_s, merit_s)
        turn = place - ahead_s - floor.policy.wanted_s
        turns.append((turn, need_id, line.group_of(line.needs[need_id], now)))
    soonest = list(accumulate((turn for turn, _, _ in reversed(turns)), min))[::-1]
    return iter([(turn, need_id, group) for turn, (_, need_id, group) in zip(soonest, turns, strict=True)])
