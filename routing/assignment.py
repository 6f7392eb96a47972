"""Several needs and several agents at once, as an assignment.

Needs are taken in the order of their overdue-ness. Each gets the best agent who is free; if none is, agents given out
before are exchanged along an augmenting path (Kuhn, 1955; Berge, 1957). So the needs that are served are the best set
in that order: nobody is passed over who could be served with all who come before them (the sets of needs that can
be served together form a transversal matroid: Edmonds and Fulkerson, 1965), and no more needs could be served.
"""

from dataclasses import dataclass, field

from routing.floor import Floor, Match
from routing.line import Group
from routing.need import Need
from routing.pool import Pool, bits

#: Up to so many matches, pairs are exchanged where that fits both better; more take too long for what it brings.
MOST_EXCHANGED = 40


@dataclass(slots=True)
class _Given:
    """An agent given to a need so far."""

    need: Need
    group: Group
    agent_id: int


@dataclass(slots=True)
class _Hall:
    """The assignment as it grows."""

    floor: Floor
    now: float
    given: dict[int, _Given] = field(default_factory=dict)  #: agent → what they are given to
    by_kind: dict[int, set[int]] = field(default_factory=dict)  #: kind → agents of it who are given
    dead: int = 0  #: kinds from which no free agent can be reached any more
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = self.floor.pool.draft()

    def give(self, need: Need, group: Group, agent_id: int) -> None:
        """Give a free agent."""
        kind = self.floor.kind_of(agent_id)
        self.pool.take(self.floor.agents[agent_id], kind)
        self.given[agent_id] = _Given(need, group, agent_id)
        self.by_kind.setdefault(kind, set()).add(agent_id)

    def release(self, agent_id: int) -> None:
        """Take back an agent."""
        kind = self.floor.kind_of(agent_id)
        del self.given[agent_id]
        self.by_kind[kind].discard(agent_id)
        self.pool.put(self.floor.agents[agent_id], kind)

    def serve(self, need: Need, group: Group) -> None:
        """Serve one more need if that is possible without leaving out another."""
        floor, pool = self.floor, self.pool
        if floor.line.is_held(need.id):
            self._serve_held(need, group)
            return
        if not need.avoided:
            agent_id = floor.agent_for(need, group, pool, self.now)
            if agent_id is not None:
                self.give(need, group, agent_id)
            else:
                self._augment(need, group)
            return
        free = any(
            pool.longest_idle(kind, need.avoided) is not None for kind in bits(group.fit(floor.kinds) & pool.free)
        )
        if free or not self._augment(need, group):
            agent_id = floor.agent_for(need, group, pool, self.now)
            if agent_id is not None:
                self.give(need, group, agent_id)

    def _serve_held(self, need: Need, group: Group) -> None:
        agent_id = self.floor.wanted(need, self.pool, self.now)
        if agent_id is None and need.terms.agent_id in self.given:
            agent_id = need.terms.agent_id
            if not self._move(self.given[agent_id]):
                return
        if agent_id is not None:
            self.give(need, group, agent_id)

    def _move(self, given: _Given) -> bool:
        """Give another free agent to a need that has one."""
        if given.need.avoided or self.floor.line.is_held(given.need.id):
            return False
        other = self.floor.agent_for(given.need, given.group, self.pool, self.now)
        if other is None:
            return False
        self.release(given.agent_id)
        self.give(given.need, given.group, other)
        return True

    def _augment(self, need: Need, group: Group) -> bool:
        """Exchange agents along a path that ends at a free one. Needs that avoid somebody or are held stay put."""
        floor, pool = self.floor, self.pool
        start = group.fit(floor.kinds) & ~self.dead & ~pool.free
        came_by: dict[int, tuple[int, int]] = {}  # kind → (kind before it on the path, agent there who would move on)
        seen, queue = start, floor.kinds.in_order(start)
        for kind in queue:
            tried: set[Group] = set()
            for agent_id in sorted(self.by_kind.get(kind, ())):
                given = self.given[agent_id]
                if given.group in tried or given.need.avoided or floor.line.is_held(given.need.id):
                    continue
                if start >> kind & 1 and agent_id in need.avoided:
                    continue
                tried.add(given.group)
                fit = given.group.fit(floor.kinds)
                if fit & pool.free:
                    self._exchange(need, group, agent_id, kind, came_by)
                    return True
                for more in floor.kinds.in_order(fit & ~seen):
                    came_by[more] = (kind, agent_id)
                    queue.append(more)
                seen |= fit
        if not need.avoided:
            self.dead |= seen
        return False

    def _exchange(
        self, need: Need, group: Group, agent_id: int, kind: int, came_by: dict[int, tuple[int, int]]
    ) -> None:
        """Move every need on the path one agent further, the last one to a free agent."""
        while True:
            moved = self.given[agent_id]
            other = self.floor.agent_for(moved.need, moved.group, self.pool, self.now)
            assert other is not None, "the path ends at a free agent whom this need may have"
            self.release(agent_id)
            self.give(moved.need, moved.group, other)
            if kind not in came_by:
                break
            kind, agent_id = came_by[kind]
        self.give(need, group, agent_id)

    def improve(self) -> None:
        """Exchange the agents of two needs where both may have either and it fits them better together."""
        chosen = sorted(self.given.values(), key=lambda one: one.need.place())
        if len(chosen) > MOST_EXCHANGED:
            return
        for number, one in enumerate(chosen):
            for other in chosen[number + 1 :]:
                if one.group is other.group or one.need.avoided or other.need.avoided:
                    continue
                crossed = self._misfit(one, other.agent_id), self._misfit(other, one.agent_id)
                if None in crossed:
                    continue
                now_both = self._misfit(one, one.agent_id), self._misfit(other, other.agent_id)
                if _sum(crossed) < _sum(now_both):
                    one.agent_id, other.agent_id = other.agent_id, one.agent_id
        self.given = {one.agent_id: one for one in chosen}

    def _misfit(self, given: _Given, agent_id: int) -> tuple[int, float, int, float] | None:
        """How badly an agent fits a need: another's wish, the alternative met, liking, too senior for it, loss; None
        when they do not."""
        floor, terms = self.floor, given.need.terms
        if floor.line.is_held(given.need.id) and agent_id != terms.agent_id:
            return None
        kind = floor.kind_of(agent_id)
        for number, fit in enumerate(given.group.fits(floor.kinds)):
            if fit >> kind & 1:
                like = floor.pool.liking(kind, given.group.preferred)
                wanted = 0 if terms.agent_id is None or terms.agent_id == agent_id else 1
                asked, most = given.group.asked[number], given.group.most_level
                senior = 0 if most is None else floor.kinds.above(most, asked) >> kind & 1
                return (wanted + number, -like, senior, round(floor.pool.loss(kind, asked), 9))
        return None


def _sum(pair: tuple[tuple[int, float, int, float] | None, ...]) -> tuple[float, ...]:
    return tuple(round(sum(parts), 9) for parts in zip(*(one for one in pair if one is not None), strict=True))


def assign(floor: Floor, now: float) -> list[Match]:
    """Matches for everybody who waits and everybody who is ready, the most overdue need first."""
    floor.pass_time(now)
    line, policy, free = floor.line, floor.policy, floor.pool.free
    served = [group for group in line.groups if group.waiting and group.fit(floor.kinds) & free]
    order = [(place, need_id, group) for group in served for place, need_id in group.waiting]
    for agent_id, waiting in line.held.items():
        if not floor.is_ready(agent_id):
            continue
        order += [(p - policy.wanted_s, need_id, line.group_of(line.needs[need_id], now)) for p, need_id in waiting]
    order.sort(key=lambda one: one[:2])
    hall = _Hall(floor, now)
    for _, need_id, group in order:
        if not hall.pool.size:
            break
        hall.serve(line.needs[need_id], group)
    hall.improve()
    rank = {need_id: number for number, (_, need_id, _) in enumerate(order)}
    return sorted(
        (Match(given.need.id, agent_id) for agent_id, given in hall.given.items()),
        key=lambda match: rank[match.need_id],
    )
