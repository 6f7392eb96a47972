"""Who waits: needs that ask for the same stand in one group, the most overdue first."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Set
from heapq import heappop, heappush

from routing.need import Need
from routing.pool import Kinds
from routing.row import Row, Rows, is_caller
from routing.skills import alternatives, fits
from routing.terms import NO_TERMS

Place = tuple[float, int]
#: A place, until when somebody on the line can be served within their goal, and the merit of the need.
Standing = tuple[float, int, float, float]
#: So many groups that nobody stands in are kept besides twice as many as there are needs: they mostly fill again.
MOST_EMPTY = 1000


class Group:
    """Waiting needs of one row that are alike to the decision now."""

    __slots__ = ("_fits", "_known", "as_it_came", "asked", "most_level", "preferred", "row", "scarcest", "waiting")

    def __init__(
        self,
        row: Row,
        asked: tuple[Mapping[str, int], ...],
        scarcest: Set[str],
        preferred: Mapping[str, float],
        most_level: int | None,
    ) -> None:
        self.row = row
        self.as_it_came = asked == (row.asked,)  #: nothing has softened
        self.asked = asked  #: alternatives, the first that is met counts
        self.scarcest = scarcest  #: of the skills of each: whoever may serve it has one of them
        self.preferred = preferred
        self.most_level = most_level  #: agents with no more of what is asked for are asked first
        self.waiting: list[Standing] = []  #: sorted
        self._fits: tuple[int, ...] = ()
        self._known = -1

    def fits(self, kinds: Kinds) -> tuple[int, ...]:
        """By alternative: the kinds of agents who meet it."""
        if self._known < 0:
            self._fits = tuple(kinds.fitting(asked) for asked in self.asked)
            self._known = len(kinds.skills)
        while self._known < len(kinds.skills):  # a new kind is one more bit
            skills, bit = kinds.skills[self._known], 1 << self._known
            self._fits = tuple(
                fit | bit if fits(skills, asked) else fit for fit, asked in zip(self._fits, self.asked, strict=True)
            )
            self._known += 1
        return self._fits

    def suits(self, skills: Mapping[str, int]) -> bool:
        """Whether agents with these skills may serve it. As `fits`, spelt out: a hundred an event."""
        for asked in self.asked:
            for skill, level in asked.items():
                if skills.get(skill, 0) < level:
                    break
            else:
                return True
        return False

    def fit(self, kinds: Kinds) -> int:
        """The kinds of agents who may serve it."""
        found = self._fits if self._known == len(kinds.skills) else self.fits(kinds)
        fit = found[0]
        for one in found[1:]:
            fit |= one
        return fit


class Line:
    """The waiting needs. Softening moves a need from group to group as time passes."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.needs: dict[int, Need] = {}
        self.rows = Rows()
        self.places: list[Place] = []  #: of all who wait, sorted
        self.standing: set[Group] = set()  #: groups in which somebody waits
        self.held: dict[int, list[Standing]] = {}  #: agent → needs that wait for them alone
        self.wanting: dict[int, set[int]] = {}  #: agent → needs that would rather have them
        self._by_key: dict[object, Group] = {}
        self._at: dict[int, Group | int] = {}  # need → its group, or the agent it is held for
        self._due: list[tuple[float, int]] = []  # when a need becomes another one
        self._by_skill: dict[str, dict[Group, None]] = {}  # scarcest skill of an alternative → groups that stand

    def put(self, need: Need, now: float, *, held: bool) -> None:
        """A need waits; `held` when it waits for the agent it wants."""
        self.needs[need.id] = need
        self.rows.put(need)
        insort(self.places, need.place())
        terms = need.terms
        if terms.agent_id is not None:
            self.wanting.setdefault(terms.agent_id, set()).add(need.id)
        if held and terms.agent_id is not None:
            insort(self.held.setdefault(terms.agent_id, []), _standing(need))
            self._at[need.id] = terms.agent_id
        else:
            group = self.group_of(need, now)
            if not group.waiting:
                self.standing.add(group)
                for skill in group.scarcest:
                    self._by_skill.setdefault(skill, {})[group] = None
            insort(group.waiting, _standing(need))
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
        self.rows.take(need)
        place = need.place()
        del self.places[bisect_left(self.places, place)]
        waiting = self.held[at] if isinstance(at, int) else at.waiting
        del waiting[bisect_left(waiting, place)]
        if not waiting and not isinstance(at, int):
            self.standing.discard(at)
            for skill in at.scarcest:
                del self._by_skill[skill][at]
        if need.terms.agent_id is not None:
            self.wanting[need.terms.agent_id].discard(need_id)
        return need

    def due(self, now: float) -> Iterator[int]:
        """The needs that have become other ones by now."""
        while self._due and self._due[0][0] <= now:
            yield heappop(self._due)[1]

    def rank(self, need_id: int) -> int:
        """The number of a need among all who wait, the most overdue first."""
        return bisect_left(self.places, self.needs[need_id].place()) + 1

    def is_held(self, need_id: int) -> bool:
        """Whether it waits for one agent alone."""
        return isinstance(self._at[need_id], int)

    def group_of(self, need: Need, now: float) -> Group:
        """The group of needs that ask for the same now."""
        terms, row = need.terms, self.rows.of(need.id)
        asked = (row.asked,) if terms is NO_TERMS else alternatives(need, now)
        as_it_came = len(asked) == 1 and (asked[0] is row.asked or asked[0] == row.asked)
        key = (
            row,
            () if as_it_came else tuple(tuple(sorted(one.items())) for one in asked),
            tuple(sorted(terms.preferred.items())) if terms.preferred else (),
            terms.most_level,
        )
        group = self._by_key.get(key)
        if group is None:
            if len(self._by_key) > MOST_EMPTY + 2 * len(self.needs):
                self._forget_empty()
            scarcest = {min(one, key=lambda skill: self.kinds.having(skill).bit_count()) for one in asked}
            group = self._by_key[key] = Group(row, asked, scarcest, terms.preferred, terms.most_level)
        return group

    def _forget_empty(self) -> None:
        self._by_key = {key: group for key, group in self._by_key.items() if group.waiting}
        self.rows.forget_empty()

    def served_by(self, skills: Mapping[str, int]) -> list[Group]:
        """The groups in which somebody waits whom agents with these skills may serve."""
        found = [group for skill in skills for group in self._by_skill.get(skill, ()) if group.suits(skills)]
        return list(dict.fromkeys(found))  # one may be found by several alternatives


def _standing(need: Need) -> Standing:
    goal_s = need.terms.goal_s
    has_goal = goal_s > 0 and is_caller(need)
    return (*need.place(), need.since + goal_s if has_goal else float("-inf"), need.merit_s)
