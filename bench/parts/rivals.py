"""Ways to bring callers and agents together: the product's own decision, and what it is held against."""

from collections import Counter, deque
from collections.abc import Mapping
from random import Random

from parts.simulation import Scene
from routing.agent import Agent, AgentState
from routing.assignment import assign
from routing.decision import Policy as Settings
from routing.demand import LATELY_S, demand_of, is_stale
from routing.floor import Floor
from routing.need import Need
from routing.terms import Terms

GOAL = Terms(goal_s=20.0)
READY, BUSY = AgentState.READY, AgentState.BUSY


class Ours:
    """The product's own decision function, event by event."""

    def __init__(
        self, scene: Scene, settings: Settings | None = None, credit_s: Mapping[int, float] | None = None
    ) -> None:
        self.floor, self.credit_s = Floor(settings), credit_s or {}
        self.skills = [{"lang:en": 5} | {f"type-{type_}": 5 for type_ in types} for types in scene.agents]
        self.asked = [{f"type-{type_}": 1} for type_ in range(len(scene.arrivals))]
        self.came: deque[tuple[float, int]] = deque()  # calls of late: when, and of which type
        self.counted_at = float("-inf")
        self.busy = [Agent(n, "", BUSY, 0, "", skills) for n, skills in enumerate(self.skills)]
        for number in range(len(scene.agents)):
            self._is_ready(number, 0.0)

    def _is_ready(self, number: int, at: float) -> None:
        self.floor.agent_is(Agent(number, "", READY, 0, "", self.skills[number], at), at)

    def _count(self, at: float) -> None:
        """How often each skill was asked for of late, as the product counts it in its records."""
        while self.came[0][0] < at - LATELY_S:
            self.came.popleft()
        counts = Counter(type_ for _, type_ in self.came)
        self.floor.pool.demand = demand_of((self.asked[type_], "en", count) for type_, count in counts.items())
        self.counted_at = at

    def comes(self, call: int, type_: int, now: float) -> int | None:
        """A call comes."""
        at, floor = now * 60, self.floor
        self.came.append((at, type_))
        if is_stale(self.counted_at, at):
            self._count(at)
        credit_s = self.credit_s.get(type_, 0.0)
        need = Need(call, str(call), f"type-{type_}", at, 0, required=self.asked[type_], credit_s=credit_s, terms=GOAL)
        floor.need_is(need, at)
        match = next(iter(assign(floor, at)), None)
        if match is None:
            return None
        floor.need_left(call)
        floor.agent_is(self.busy[match.agent_id], at)
        return match.agent_id

    def free(self, agent: int, now: float) -> int | None:
        """An agent becomes free."""
        at, floor = now * 60, self.floor
        self._is_ready(agent, at)
        match = next(iter(assign(floor, at)), None)
        if match is None:
            return None
        floor.need_left(match.need_id)
        floor.agent_is(self.busy[agent], at)
        return match.need_id

    def leaves(self, call: int, type_: int, now: float) -> None:
        """A waiting call has hung up."""
        self.floor.need_left(call)


class Lines:
    """Calls wait by type in order of arrival; what is common to the others."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.lines: list[deque[int]] = [deque() for _ in scene.arrivals]
        self.gone: set[int] = set()
        self.may: list[list[int]] = [
            [agent for agent, types in enumerate(scene.agents) if type_ in types]
            for type_ in range(len(scene.arrivals))
        ]
        self.idle = dict.fromkeys(range(len(scene.agents)), 0.0)  # idle since

    def comes(self, call: int, type_: int, now: float) -> int | None:
        """A call comes."""
        idle = [agent for agent in self.may[type_] if agent in self.idle]
        if not idle:
            self.lines[type_].append(call)
            return None
        agent = self.choose_agent(type_, idle)
        del self.idle[agent]
        return agent

    def free(self, agent: int, now: float) -> int | None:
        """An agent becomes free."""
        waiting = []
        for type_ in self.scene.agents[agent]:
            line = self.lines[type_]
            while line and line[0] in self.gone:
                self.gone.discard(line.popleft())
            if line:
                waiting.append(type_)
        self.has_talked(agent, now)
        if not waiting:
            self.idle[agent] = now
            return None
        return self.lines[self.choose_type(agent, waiting)].popleft()

    def leaves(self, call: int, type_: int, now: float) -> None:
        """A waiting call has hung up."""
        self.gone.add(call)

    def has_talked(self, agent: int, now: float) -> None:
        """An agent's call has ended."""

    def choose_agent(self, type_: int, idle: list[int]) -> int:
        """The longest idle."""
        return min(idle, key=lambda agent: (self.idle[agent], agent))

    def choose_type(self, agent: int, waiting: list[int]) -> int:
        """The one whose first call came first: calls are numbered as they come."""
        return min(waiting, key=lambda type_: self.lines[type_][0])


class LongestIdle(Lines):
    """First come, first served over all whom the agent may serve; the longest idle agent."""


class FixedPriorities(Lines):
    """Type 1 before type 2 and so on; the longest idle agent."""

    def choose_type(self, agent: int, waiting: list[int]) -> int:
        """The most important."""
        return min(waiting)


class Penalties(Lines):
    """app_queue: one queue per type, penalty 0 for the primary skill and 1 for the others; autofill.

    Which queue gets a shared member is open with equal weights: a random one, or the longest waiting caller with
    `force_longest_waiting_caller=yes`.
    """

    def __init__(self, scene: Scene, *, oldest_first: bool = False, seed: int = 0) -> None:
        super().__init__(scene)
        self.oldest_first = oldest_first
        self.rng = Random(seed)

    def choose_agent(self, type_: int, idle: list[int]) -> int:
        """Those with the lowest penalty, by the strategy."""
        primary = [agent for agent in idle if self.scene.agents[agent][0] == type_]
        return self.by_strategy(type_, primary or idle)

    def choose_type(self, agent: int, waiting: list[int]) -> int:
        """A random queue, or the one with the longest waiting caller."""
        return super().choose_type(agent, waiting) if self.oldest_first else self.rng.choice(waiting)

    def by_strategy(self, type_: int, idle: list[int]) -> int:
        """The member that the strategy rings."""
        raise NotImplementedError


class RoundRobin(Penalties):
    """rrmemory: the next member after the one reached last in this queue."""

    def __init__(self, scene: Scene, *, oldest_first: bool = False, seed: int = 0) -> None:
        super().__init__(scene, oldest_first=oldest_first, seed=seed)
        self.last = [-1] * len(scene.arrivals)

    def by_strategy(self, type_: int, idle: list[int]) -> int:
        """The next in the order of members."""
        after = [agent for agent in idle if agent > self.last[type_]]
        self.last[type_] = min(after or idle)
        return self.last[type_]


class LeastRecent(Penalties):
    """leastrecent: longest since the last call of this queue ended."""

    def __init__(self, scene: Scene, *, oldest_first: bool = False, seed: int = 0) -> None:
        super().__init__(scene, oldest_first=oldest_first, seed=seed)
        self.ended: list[dict[int, float]] = [{} for _ in scene.arrivals]
        self.on = dict[int, int]()  # agent → type of the call

    def by_strategy(self, type_: int, idle: list[int]) -> int:
        """The member whose last call is longest ago."""
        agent = min(idle, key=lambda one: (self.ended[type_].get(one, 0.0), one))
        self.on[agent] = type_
        return agent

    def choose_type(self, agent: int, waiting: list[int]) -> int:
        """As always; remembered for the end of the call."""
        self.on[agent] = super().choose_type(agent, waiting)
        return self.on[agent]

    def has_talked(self, agent: int, now: float) -> None:
        """The call has ended in its queue."""
        self.ended[self.on[agent]][agent] = now


class FewestCalls(Penalties):
    """fewestcalls: fewest completed calls in this queue."""

    def __init__(self, scene: Scene, *, oldest_first: bool = False, seed: int = 0) -> None:
        super().__init__(scene, oldest_first=oldest_first, seed=seed)
        self.calls: list[dict[int, int]] = [{} for _ in scene.arrivals]

    def by_strategy(self, type_: int, idle: list[int]) -> int:
        """The member with the fewest."""
        agent = min(idle, key=lambda one: (self.calls[type_].get(one, 0), one))
        self.calls[type_][agent] = self.calls[type_].get(agent, 0) + 1
        return agent
