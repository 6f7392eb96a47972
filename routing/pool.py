"""Who is free: agents of equal skills are one kind, and sets of kinds are the bits of an integer."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from routing.agent import Agent
from routing.skills import LANGUAGE

#: Levels of a skill, 1 (junior) to 10 (senior).
MOST_LEVEL = 10
#: How much more a level beyond the one asked for counts than a skill that is not asked for.
SENIOR = 2.0


def bits(some: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while some:
        lowest = some & -some
        yield lowest.bit_length() - 1
        some ^= lowest


class Kinds:
    """Every kind of agent: one mapping of skills, with a number for it. Grows, never shrinks."""

    def __init__(self) -> None:
        self.skills: list[Mapping[str, int]] = []
        self._keys: list[tuple[tuple[str, int], ...]] = []
        self._number: dict[tuple[tuple[str, int], ...], int] = {}
        self._at_least: dict[str, list[int]] = {}  # skill → by level, the kinds that have it

    def __len__(self) -> int:
        return len(self.skills)

    def number(self, skills: Mapping[str, int]) -> int:
        """The number of the kind with exactly these skills."""
        key = tuple(sorted(skills.items()))
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.skills)
            self._keys.append(key)
            self.skills.append(dict(key))  # sorted: sums over it are the same whatever the order of rows
            for skill, level in key:
                at_least = self._at_least.setdefault(skill, [0] * (MOST_LEVEL + 1))
                for enough in range(1, min(level, MOST_LEVEL) + 1):
                    at_least[enough] |= 1 << number
        return number

    def in_order(self, some: int) -> list[int]:
        """Kinds in an order that does not depend on their numbers."""
        numbers = list(bits(some))
        return sorted(numbers, key=self._keys.__getitem__) if len(numbers) > 1 else numbers

    def having(self, skill: str, level: int = 1) -> int:
        """The kinds that have a skill at this level or more."""
        at_least = self._at_least.get(skill)
        return at_least[level] if at_least is not None and level <= MOST_LEVEL else 0

    def above(self, level: int, asked: Mapping[str, int]) -> int:
        """The kinds that have more than this level of a skill that is asked for; languages aside."""
        found = 0
        for skill in asked:
            if not skill.startswith(LANGUAGE):
                found |= self.having(skill, level + 1)
        return found

    def fitting(self, asked: Mapping[str, int]) -> int:
        """The kinds that meet everything that is asked."""
        fit: int | None = None
        for skill, level in asked.items():
            having = self.having(skill, level)
            fit = having if fit is None else fit & having
            if not fit:
                return 0
        return (1 << len(self.skills)) - 1 if fit is None else fit


class Pool:
    """The agents who are ready, by kind, the longest idle first."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.ready: list[list[tuple[float, int]]] = []  # by kind: (idle since, id), sorted
        self.free = 0  #: the kinds of which somebody is ready
        self.size = 0
        self.skilled: dict[str, int] = {}  #: skill → how many ready agents have it
        self.demand: Mapping[str, float] = {}  #: skill → how many needs have asked for it of late
        self._drafted: dict[int, list[tuple[float, int]]] | None = None  # of a draft: what is other in it, by kind

    def draft(self) -> "Pool":
        """A copy to try things on while this one stays as it is."""
        copy = Pool(self.kinds)
        copy.ready, copy._drafted = self.ready, {}
        copy.free, copy.size, copy.skilled, copy.demand = self.free, self.size, dict(self.skilled), self.demand
        return copy

    def of(self, kind: int) -> list[tuple[float, int]]:
        """Who is ready of a kind."""
        if self._drafted is not None and (drafted := self._drafted.get(kind)) is not None:
            return drafted
        return self.ready[kind]

    def _to_change(self, kind: int) -> list[tuple[float, int]]:
        """The same, to be changed."""
        if self._drafted is not None and kind not in self._drafted:
            self._drafted[kind] = list(self.ready[kind])
        return self.of(kind)

    def put(self, agent: Agent, kind: int) -> None:
        """An agent becomes ready."""
        while len(self.ready) <= kind:
            self.ready.append([])
        insort(self._to_change(kind), (agent.since, agent.id))
        self.free |= 1 << kind
        self._count(kind, 1)

    def take(self, agent: Agent, kind: int) -> None:
        """An agent who was ready is so no more."""
        ready, who = self._to_change(kind), (agent.since, agent.id)
        del ready[bisect_left(ready, who)]
        if not ready:
            self.free &= ~(1 << kind)
        self._count(kind, -1)

    def _count(self, kind: int, more: int) -> None:
        self.size += more
        skilled = self.skilled
        for skill in self.kinds.skills[kind]:
            skilled[skill] = skilled.get(skill, 0) + more

    def longest_idle(self, kind: int, but: frozenset[int] = frozenset()) -> int | None:
        """The longest idle agent of a kind, without some."""
        ready = self.of(kind)
        if not but:
            return ready[0][1]
        return next((id_ for _, id_ in ready if id_ not in but), None)

    def loss(self, kind: int, asked: Mapping[str, int]) -> float:
        """What the others lose when one of this kind is taken: for each skill that is not asked for, its share.

        A skill that few ready agents have counts much, one that all have counts little, in proportion to how often it
        is asked for (and once besides, so that of skills never asked for the scarcer one counts more); a level above
        the one asked counts in proportion, and twice in a skill that is asked for: seniors are for callers of just
        this kind.
        """
        loss, skilled, demand = 0.0, self.skilled, self.demand
        for skill, level in self.kinds.skills[kind].items():
            least = asked.get(skill, 0)
            if level > least:
                share = (level - least) * (SENIOR if least else 1.0) / (level * skilled[skill])
                loss += share * (1.0 + demand.get(skill, 0.0))
        return loss

    def best(
        self,
        fit: int,
        asked: Mapping[str, int],
        preferred: Mapping[str, float],
        most_level: int | None,
        but: frozenset[int],
        looked_at: int,
    ) -> int | None:
        """Of the kinds in `fit`: the preferred; of them, if any, those not above `most_level`; of them the most
        preferred, then the least loss to others, then the longest idle."""
        fit &= self.free
        if preferred and fit:
            liked = 0
            for skill in preferred:
                liked |= self.kinds.having(skill)
            fit = self._there(fit & liked, but) or fit
        if most_level is not None and fit:
            fit = self._there(fit & ~self.kinds.above(most_level, asked), but) or fit
        best: tuple[float, float, float, int] | None = None
        for kind in bits(fit):
            if but and self.longest_idle(kind, but) is None:
                continue
            like = self.liking(kind, preferred) if preferred else 0.0
            loss = self.loss(kind, asked)
            if best is None or (-like, loss) <= best[:2]:
                since, id_ = next(who for who in self.of(kind) if who[1] not in but)
                rank = (-like, loss, since, id_)
                if best is None or rank < best:
                    best = rank
            looked_at -= 1
            if looked_at <= 0:
                break
        return None if best is None else best[3]

    def _there(self, some: int, but: frozenset[int]) -> int:
        """Of some kinds those of which somebody is free."""
        return sum(1 << kind for kind in bits(some) if self.longest_idle(kind, but) is not None)

    def liking(self, kind: int, preferred: Mapping[str, float]) -> float:
        """The weights of the preferred skills that a kind has."""
        skills = self.kinds.skills[kind]
        return sum(weight for skill, weight in preferred.items() if skill in skills)


def narrow_first(agents: Sequence[Agent]) -> list[Agent]:
    """Agents in the order in which their kinds are numbered: who can do little before who can do much."""
    having: dict[str, int] = {}
    for agent in agents:
        for skill in agent.skills:
            having[skill] = having.get(skill, 0) + 1
    return sorted(agents, key=lambda one: (fsum(level / having[s] for s, level in one.skills.items()), one.id))
