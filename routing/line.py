"""Who waits: needs that ask for the same stand in one group, the most overdue first."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from routing.need import Need
from routing.policy import Policy
from routing.pool import Kinds
from routing.skills import alternatives
from routing.terms import NO_TERMS

Place = tuple[float, int]


class Group:
    """Waiting needs that are alike to the decision."""

    __slots__ = ("_fits", "_known", "asked", "number", "preferred", "waiting")

    def __init__(self, number: int, asked: tuple[dict[str, int], ...], preferred: Mapping[str, float]) -> None:
        self.number = number
        self.asked = asked  #: alternatives, the first that is met counts
        self.preferred = preferred
        self.waiting: list[Place] = []  #: sorted
        self._fits: tuple[int, ...] = ()
        self._known = -1

    def fits(self, kinds: Kinds) -> tuple[int, ...]:
        """By alternative: the kinds of agents who meet it."""
        if self._known != len(kinds):
            self._fits = tuple(kinds.fitting(asked) for asked in self.asked)
            self._known = len(kinds)
        return self._fits

    def fit(self, kinds: Kinds) -> int:
        """The kinds of agents who may serve it."""
        fits = self.fits(kinds)
        if len(fits) == 1:
            return fits[0]
        fit = 0
        for one in fits:
            fit |= one
        return fit


class Line:
    """The waiting needs. Softening moves a need from group to group as time passes."""

    def __init__(self, kinds: Kinds, policy: Policy) -> None:
        self.kinds = kinds
        self.policy = policy
        self.needs: dict[int, Need] = {}
        self.groups: list[Group] = []
        self.held: dict[int, list[Place]] = {}  #: agent → needs that wait for them alone
        self.wanting: dict[int, set[int]] = {}  #: agent → needs that would rather have them
        self._by_key: dict[object, Group] = {}
        self._at: dict[int, Group | int] = {}  # need → its group, or the agent it is held for
        self._due: list[tuple[float, int]] = []  # when a need becomes another one
        self._served_by: list[tuple[int, list[Group]]] = []  # by kind: groups looked through, those they may serve

    def put(self, need: Need, now: float, *, held: bool) -> None:
        """A need waits; `held` when it waits for the agent it wants."""
        self.needs[need.id] = need
        terms = need.terms
        if terms.agent_id is not None:
            self.wanting.setdefault(terms.agent_id, set()).add(need.id)
        if held and terms.agent_id is not None:
            insort(self.held.setdefault(terms.agent_id, []), need.place())
            self._at[need.id] = terms.agent_id
        else:
            group = self.group_of(need, now)
            insort(group.waiting, need.place())
            self._at[need.id] = group
        if terms is not NO_TERMS:
            age = now - need.since
            for threshold in terms.thresholds():
                if threshold > age:
                    heappush(self._due, (need.since + threshold, need.id))
                    break

    def take(self, need_id: int) -> Need | None:
        """A need that waits no more."""
        need = self.needs.pop(need_id, None)
        if need is None:
            return None
        at = self._at.pop(need_id)
        waiting = self.held[at] if isinstance(at, int) else at.waiting
        del waiting[bisect_left(waiting, need.place())]
        if need.terms.agent_id is not None:
            self.wanting[need.terms.agent_id].discard(need_id)
        return need

    def due(self, now: float) -> Iterator[int]:
        """The needs that have become other ones by now."""
        while self._due and self._due[0][0] <= now:
            yield heappop(self._due)[1]

    def is_held(self, need_id: int) -> bool:
        """Whether it waits for one agent alone."""
        return isinstance(self._at[need_id], int)

    def group_of(self, need: Need, now: float) -> Group:
        """The group of needs that ask for the same now."""
        asked = alternatives(need, now)
        key = (
            tuple(tuple(sorted(one.items())) for one in asked),
            tuple(sorted(need.terms.preferred.items())) if need.terms.preferred else (),
        )
        group = self._by_key.get(key)
        if group is None:
            group = self._by_key[key] = Group(len(self.groups), asked, need.terms.preferred)
            self.groups.append(group)
        return group

    def served_by(self, kind: int) -> list[Group]:
        """The groups that a kind of agent may serve."""
        while len(self._served_by) <= kind:
            self._served_by.append((0, []))
        seen, groups = self._served_by[kind]
        if seen < len(self.groups):
            groups += [group for group in self.groups[seen:] if group.fit(self.kinds) >> kind & 1]
            self._served_by[kind] = (len(self.groups), groups)
        return groups

    def pressure_s(self, group: Group) -> float:
        """What the length of a line counts for, in seconds: nothing for one who waits alone, never more than is set."""
        most = self.policy.pressure_s
        return most * (1 - 1 / len(group.waiting)) if most and len(group.waiting) > 1 else 0.0
