"""A queue whose callers go to another queue's agents as well after a while, decided by the product."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from random import Random

from routing.agent import Agent, AgentState
from routing.assignment import assign
from routing.floor import Floor
from routing.need import Need
from routing.policy import Policy
from routing.terms import Overflow, Terms

GOAL_S, AFTER_S, SERVICE_S, DAY_S = 20.0, 180.0, 180.0, 8 * 3600.0
#: By queue: its agents, and the mean seconds between two callers; 0.95 and 0.94 of what its own agents can do.
OWN, OTHER = "payments", "general"
AGENTS: Mapping[str, int] = {OWN: 5, OTHER: 15}
EVERY_S: Mapping[str, float] = {OWN: 38.0, OTHER: 12.8}
TERMS: Mapping[str, Terms] = {
    OWN: Terms(goal_s=GOAL_S, overflow=(Overflow(OTHER, {OTHER: 1}, AFTER_S),)),
    OTHER: Terms(goal_s=GOAL_S),
}


@dataclass(slots=True)
class Waits:
    """How long callers waited, seconds, by queue; nobody hangs up."""

    by_queue: dict[str, list[float]] = field(default_factory=lambda: {OWN: [], OTHER: []})
    overtaken: int = 0  #: served before somebody of their own queue who came earlier

    def figures(self, queue: str) -> dict[str, float]:
        """Mean, share within the goal, percentiles and the longest."""
        waits = sorted(self.by_queue[queue])
        return {
            "mean_s": round(sum(waits) / len(waits), 1),
            "service_level": round(sum(one <= GOAL_S for one in waits) / len(waits), 4),
            "p95_s": round(waits[int(0.95 * len(waits))], 1),
            "p99_s": round(waits[int(0.99 * len(waits))], 1),
            "longest_s": round(waits[-1], 1),
        }


def day(policy: Policy, seed: int, into: Waits) -> None:
    """One day with this way to decide; the same seed is the same callers."""
    rng, floor, events = Random(seed), Floor(policy), list[tuple[float, int, str, float]]()
    for queue, every_s in EVERY_S.items():
        at = 0.0
        while at < DAY_S:
            at += rng.expovariate(1 / every_s)
            events.append((at, len(events) + 1, queue, rng.expovariate(1 / SERVICE_S)))
    names = [queue for queue, count in AGENTS.items() for _ in range(count)]
    service = {call: service_s for _, call, _, service_s in events}
    heapify(events)

    def agent_is(number: int, state: AgentState, at: float) -> None:
        floor.agent_is(Agent(number, "", state, 0, "", {"lang:en": 1, names[number]: 1}, at), at)

    for number in range(len(names)):
        agent_is(number, AgentState.READY, 0.0)
    while events:
        at, call, queue, _ = heappop(events)
        if queue:
            floor.need_is(Need(call, "", queue, at, 0, required={queue: 1}, terms=TERMS[queue]), at)
        else:
            agent_is(call, AgentState.READY, at)
        for match in assign(floor, at):
            need = floor.line.needs[match.need_id]
            before = (one for one in floor.line.needs.values() if one.queue == need.queue and one.since < need.since)
            into.overtaken += any(before)
            into.by_queue[need.queue].append(at - need.since)
            floor.need_left(match.need_id)
            agent_is(match.agent_id, AgentState.BUSY, at)
            heappush(events, (at + service[match.need_id], match.agent_id, "", 0.0))
