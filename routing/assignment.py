"""Several needs and several agents at once, as an assignment.

Needs are taken in their order (`routing.order`). Each gets the best agent who is free; if none is, agents given out
before are exchanged along an augmenting path (Kuhn, 1955; Berge, 1957). So the needs that are served are the best set
in that order: nobody is passed over who could be served with all who come before them (the sets of needs that can
be served together form a transversal matroid: Edmonds and Fulkerson, 1965), and no more needs could be served.
"""

from dataclasses import dataclass, field

from routing.floor import Floor, Match
from routing.line import Group
from routing.need import Need
from routing.order import in_order
from routing.pool import Pool, bits

#: Of up to so many kinds of agents who are free, the groups that each may serve are looked up; else all are looked at.
FEW = 4
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
    dead: list[int] = field(default_factory=lambda: [0, 0])  #: kinds from which no free agent can be reached any more,
    #: by whether those who have missed a need may have it
    taken: int = 0  #: kinds of which somebody is given
    missed: bool = False  #: whether some need among them has been missed
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = self.floor.pool.draft()

    def give(self, need: Need, group: Group, agent_id: int) -> None:
        """Give a free agent."""
        kind = self.floor.kind_of(agent_id)
        self.pool.take(self.floor.agents[agent_id], kind)
        self.given[agent_id] = _Given(need, group, agent_id)
        self.by_kind.setdefault(kind, set()).add(agent_id)
        self.taken |= 1 << kind
        self.missed |= bool(need.not_agents)

    def release(self, agent_id: int) -> None:
        """Take back an agent."""
        kind = self.floor.kind_of(agent_id)
        del self.given[agent_id]
        self.by_kind[kind].discard(agent_id)
        if not self.by_kind[kind]:
            self.taken &= ~(1 << kind)
        self.pool.put(self.floor.agents[agent_id], kind)

    def serve(self, need: Need, group: Group) -> None:
        """Serve one more need if that is possible without leaving out another.

        Who has missed it is asked again only when it cannot be served otherwise, and then also for others to be served.
        """
        floor, pool = self.floor, self.pool
        if floor.line.is_held(need.id):
            agent_id = floor.wanted(need, pool, self.now)
        else:
            fit = group.fit(floor.kinds)
            agent_id = None
            if self._has_free(fit, need.avoided):
                agent_id = floor.agent_for(need, group, pool, self.now)
            elif self._augment(need, group):
                return
            elif need.not_agents and self._has_free(fit, need.never):
                agent_id = floor.agent_for(need, group, pool, self.now)
        if agent_id is not None:
            self.give(need, group, agent_id)
        elif floor.line.is_held(need.id):
            if not self._augment(need, group) and self.missed:
                self._augment(need, group, missed_too=True)
        elif need.not_agents or self.missed:
            self._augment(need, group, missed_too=True)

    def _has_free(self, fit: int, but: frozenset[int]) -> bool:
        """Whether somebody of these kinds is free who is not among those."""
        free = fit & self.pool.free
        if not but or not free:
            return bool(free)
        return any(self.pool.longest_idle(kind, but) is not None for kind in bits(free))

    def _augment(self, need: Need, group: Group, *, missed_too: bool = False) -> bool:
        """Exchange agents along a path that ends at a free one. Needs that are held stay put.

        On the way each need keeps off the agents whom it avoids; with `missed_too` only off those whom it never gets.
        """
        floor, free, taken = self.floor, self.pool.free, self.taken
        seen, tried = self.dead[missed_too], set[Group]()
        came_by: dict[int, int | None] = {}  # agent → the agent whose need would take them; None: this need itself
        queue: list[int] = []

        def reach(fit: int, but: frozenset[int], by: int | None) -> int:
            """Agents of these kinds may be taken from whom they are given to; the kinds that were looked through."""
            fresh = fit & taken & ~seen
            for kind in floor.kinds.in_order(fresh):
                for agent_id in sorted(self.by_kind[kind]):
                    if agent_id not in came_by and agent_id not in but:
                        came_by[agent_id] = by
                        queue.append(agent_id)
            return 0 if but else fresh

        if not floor.line.is_held(need.id):
            seen |= reach(group.fit(floor.kinds), need.never if missed_too else need.avoided, None)
        elif need.terms.agent_id in self.given:
            came_by[need.terms.agent_id] = None
            queue.append(need.terms.agent_id)
        for agent_id in queue:
            given = self.given[agent_id]
            but = given.need.never if missed_too else given.need.avoided
            if (not but and given.group in tried) or floor.line.is_held(given.need.id):
                continue
            fit = given.group.fit(floor.kinds)
            if self._has_free(fit, but) if but else fit & free:
                self._exchange(need, group, agent_id, came_by)
                if missed_too:
                    self.dead[False] = 0  # who is given to whom there has perhaps changed
                return True
            if not but:
                tried.add(given.group)
            seen |= reach(fit, but, agent_id)
        self.dead[missed_too] = seen
        return False

    def _exchange(self, need: Need, group: Group, agent_id: int, came_by: dict[int, int | None]) -> None:
        """Move every need on the path one agent further, the last one to a free agent."""
        last: int | None = agent_id
        while last is not None:
            agent_id, moved = last, self.given[last]
            other = self.floor.agent_for(moved.need, moved.group, self.pool, self.now)
            assert other is not None, "the path ends at a free agent whom this need may have"
            self.release(agent_id)
            self.give(moved.need, moved.group, other)
            last = came_by[agent_id]
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
    """Matches for everybody who waits and everybody who is ready, in the order in which needs are served."""
    floor.pass_time(now)
    line, free = floor.line, floor.pool.free
    if not free:
        return []
    if free.bit_count() <= FEW:
        skills = floor.kinds.skills
        served = list(dict.fromkeys(group for kind in bits(free) for group in line.served_by(skills[kind])))
    else:
        served = [group for group in line.standing if group.fit(floor.kinds) & free]
    hall, turns = _Hall(floor, now), dict[int, float]()
    for turn, need_id, group in in_order(floor, served, now):
        turns[need_id] = turn
        hall.serve(line.needs[need_id], group)
        if not hall.pool.size:
            break
    hall.improve()
    by_need = {given.need.id: given for given in hall.given.values()}
    return [
        Match(need_id, given.agent_id, given.need.place()[0] - turn)
        for need_id, turn in turns.items()
        if (given := by_need.get(need_id)) is not None
    ]
