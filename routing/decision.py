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
    """Offers for this moment: needs in their order (`routing.order`), for each the agent who fits best.

    The same snapshot gives the same decisions, whatever the order of its rows. Agents who have missed a need are asked
    for it again only when every other ready agent who fits is needed for somebody else.
    """
    return decide_on(Floor.of(snapshot, now, policy), now)


def decide_on(floor: Floor, now: float) -> tuple[Decision, ...]:
    """Offers for everybody on a floor at this moment."""
    matches = assign(floor, now)
    if not matches:
        return ()
    named = max(1, min(floor.policy.others_named, floor.policy.reasons_named // len(matches)))
    agents = [floor.agents[id_] for _, _, id_ in floor.by_idle[: named + 1]]
    taken: dict[int, int] = {}
    decisions = []
    for match in matches:
        some = [agent for agent in agents if agent.id != match.agent_id][:named]
        rank, left_out = floor.line.rank(match.need_id), len(floor.agents) - 1 - len(some)
        decisions.append(_decision(floor, match, rank, now, some, left_out, taken))
        taken[match.agent_id] = match.need_id
    return tuple(decisions)


def _decision(
    floor: Floor, match: Match, rank: int, now: float, others: Sequence[Agent], left_out: int, taken: Mapping[int, int]
) -> Decision:
    need, agent = floor.line.needs[match.need_id], floor.agents[match.agent_id]
    reasons = why(
        floor, need, agent, rank, now, forward_s=match.forward_s, others=others, left_out=left_out, taken=taken
    )
    return Decision(need.id, need.version, agent.id, agent.version, need.call_id, reasons)
