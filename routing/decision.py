"""decide(snapshot, now) → which need is offered to which agent, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routing.agent import Agent
from routing.assignment import assign
from routing.floor import Floor, Match
from routing.policy import Policy as Policy
from routing.reasons import why
from routing.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Decision:
    """One need for one agent, with the versions it was decided on; a claim makes it true or finds it too late."""

    need_id: int
    need_version: int
    agent_id: int
    agent_version: int
    call_id: str
    why: Mapping[str, object] = field(default_factory=dict)  #: reasons for, and why not the others; plain JSON values


def decide(snapshot: Snapshot, now: float, policy: Policy | None = None) -> tuple[Decision, ...]:
    """Offers for this moment: the most overdue needs first, for each the agent who fits best and is missed least.

    The same snapshot gives the same decisions, whatever the order of its rows. Agents who have missed a need are asked
    for it again only when no other ready agent fits.
    """
    return decide_on(Floor.of(snapshot, now, policy), now)


def decide_on(floor: Floor, now: float) -> tuple[Decision, ...]:
    """Offers for everybody on a floor at this moment."""
    matches = assign(floor, now)
    if not matches:
        return ()
    agents = sorted(floor.agents.values(), key=_ready_and_idle_longest)
    named = max(1, min(floor.policy.others_named, floor.policy.reasons_named // len(matches)))
    rank = {id_: number for number, (_, id_) in enumerate(sorted(one.place() for one in floor.line.needs.values()), 1)}
    taken: dict[int, int] = {}
    decisions = []
    for match in matches:
        some = [agent for agent in agents[: named + 1] if agent.id != match.agent_id][:named]
        decisions.append(_decision(floor, match, rank[match.need_id], now, some, len(agents) - 1 - len(some), taken))
        taken[match.agent_id] = match.need_id
    return tuple(decisions)


def decide_for_agent(floor: Floor, agent_id: int, now: float) -> Decision | None:
    """The offer for an agent who has just become ready."""
    match = floor.for_agent(agent_id, now)
    return None if match is None else _decision(floor, match, 1, now, (), len(floor.agents) - 1, {})


def decide_for_need(floor: Floor, need_id: int, now: float) -> Decision | None:
    """The offer for a need that has just come."""
    match = floor.for_need(need_id, now)
    return None if match is None else _decision(floor, match, 1, now, (), len(floor.agents) - 1, {})


def _decision(
    floor: Floor, match: Match, rank: int, now: float, others: Sequence[Agent], left_out: int, taken: Mapping[int, int]
) -> Decision:
    need, agent = floor.line.needs[match.need_id], floor.agents[match.agent_id]
    reasons = why(floor, need, agent, rank, now, others=others, left_out=left_out, taken=taken)
    return Decision(need.id, need.version, agent.id, agent.version, need.call_id, reasons)


def _ready_and_idle_longest(agent: Agent) -> tuple[bool, float, int]:
    return not agent.is_free, agent.since, agent.id
