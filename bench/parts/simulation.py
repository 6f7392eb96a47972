"""A discrete-event simulation of callers, agents and a way to bring them together; times in minutes.

Every policy gets the same arrivals, service times and patiences (common random numbers). A policy is told when a call
comes, leaves or when an agent becomes free, and answers with the partner it chooses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, sqrt
from random import Random
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scene:
    """A call centre: types of calls and what each agent may do, the primary skill first."""

    arrivals: tuple[float, ...]  #: per minute, by type
    agents: tuple[tuple[int, ...], ...]  #: by agent: types
    service_min: float = 10.0
    patience_min: float = inf


@dataclass(frozen=True, slots=True)
class Calls:
    """One stream of calls, the same for every policy."""

    at: list[float]
    type_: list[int]
    service: list[float]
    patience: list[float]


class Policy(Protocol):
    """A way to bring callers and agents together. Agents are all idle at first."""

    def comes(self, call: int, type_: int, now: float) -> int | None:
        """The agent for a call that comes, or None: it waits."""

    def free(self, agent: int, now: float) -> int | None:
        """The call for an agent who becomes free, or None: they are idle."""

    def leaves(self, call: int, type_: int, now: float) -> None:
        """A waiting call has hung up."""


@dataclass(slots=True)
class Outcome:
    """What one run came to, after its warm-up."""

    offered: list[int]
    answered: list[int]
    in_time: int = 0  #: answered within the goal
    waited: list[float] = field(default_factory=list)  #: by type, over all calls
    waited_answered: float = 0.0
    delayed: int = 0
    longest: float = 0.0
    occupancy: list[float] = field(default_factory=list)  #: by agent

    @property
    def p_abandon(self) -> float:
        """Share of the calls that hung up."""
        return 1 - sum(self.answered) / sum(self.offered)

    @property
    def asa(self) -> float:
        """Mean wait of answered calls."""
        return self.waited_answered / sum(self.answered)

    @property
    def wait(self) -> float:
        """Mean wait of all calls."""
        return sum(self.waited) / sum(self.offered)

    @property
    def p_wait(self) -> float:
        """Share of calls that waited."""
        return self.delayed / sum(self.offered)

    @property
    def service_level(self) -> float:
        """Share of calls answered within the goal."""
        return self.in_time / sum(self.offered)

    @property
    def worst_wait(self) -> float:
        """Mean wait of the type that waits longest."""
        return max(waited / offered for waited, offered in zip(self.waited, self.offered, strict=True) if offered)


def stream(scene: Scene, calls: int, seed: int) -> Calls:
    """So many calls."""
    rng, total = Random(seed), sum(scene.arrivals)
    at, now = [], 0.0
    for _ in range(calls):
        now += rng.expovariate(total)
        at.append(now)
    types = rng.choices(range(len(scene.arrivals)), weights=scene.arrivals, k=calls)
    service = [rng.expovariate(1 / scene.service_min) for _ in range(calls)]
    endless = scene.patience_min == inf
    patience = [inf if endless else rng.expovariate(1 / scene.patience_min) for _ in range(calls)]
    return Calls(at, types, service, patience)


def run(scene: Scene, calls: Calls, policy: Policy, goal_min: float = 1 / 3, warm_up: float = 0.1) -> Outcome:
    """Play a stream of calls; what comes in the first part is not counted."""
    first, end = int(len(calls.at) * warm_up), calls.at[-1]
    start = calls.at[first]
    kinds = len(scene.arrivals)
    outcome = Outcome([0] * kinds, [0] * kinds, waited=[0.0] * kinds)
    busy = [0.0] * len(scene.agents)
    waiting: set[int] = set()
    events: list[tuple[float, int, int]] = []  # time, 0 agent free or 1 patience over, who

    def serve(call: int, agent: int, now: float) -> None:
        over = now + calls.service[call]
        heappush(events, (over, 0, agent))
        busy[agent] += max(0.0, min(over, end) - max(now, start))
        if call >= first:
            wait, type_ = now - calls.at[call], calls.type_[call]
            outcome.answered[type_] += 1
            outcome.waited[type_] += wait
            outcome.waited_answered += wait
            outcome.in_time += wait <= goal_min
            outcome.longest = max(outcome.longest, wait)

    def happen(until: float) -> None:
        while events and events[0][0] <= until:
            now, what, who = heappop(events)
            if what == 0:
                call = policy.free(who, now)
                if call is not None:
                    waiting.discard(call)
                    serve(call, who, now)
            elif who in waiting:
                waiting.discard(who)
                policy.leaves(who, calls.type_[who], now)
                if who >= first:
                    outcome.waited[calls.type_[who]] += calls.patience[who]

    for call, at in enumerate(calls.at):
        happen(at)
        type_ = calls.type_[call]
        if call >= first:
            outcome.offered[type_] += 1
        agent = policy.comes(call, type_, at)
        if agent is not None:
            serve(call, agent, at)
            continue
        outcome.delayed += call >= first
        waiting.add(call)
        if calls.patience[call] < inf:
            heappush(events, (at + calls.patience[call], 1, call))
    happen(inf)
    outcome.occupancy = [one / (end - start) for one in busy]
    return outcome


def mean_and_half_width(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval (normal; at least 20 runs)."""
    count, mean = len(values), sum(values) / len(values)
    spread = sqrt(sum((value - mean) ** 2 for value in values) / max(count - 1, 1))
    return mean, 1.96 * spread / sqrt(count)


def standard_deviation(values: Sequence[float]) -> float:
    """Of a whole population."""
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values))
