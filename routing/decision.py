"""decide(snapshot, now) → which need is offered to which agent, and why."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routing.agent import Agent, AgentState
from routing.need import Need, NeedState
from routing.skills import asked_of_agent, fits, missing
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


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be set about deciding."""

    others_named: int = 20  #: how many agents who were not chosen a decision names with the reason; more are counted


def decide(snapshot: Snapshot, now: float, policy: Policy | None = None) -> tuple[Decision, ...]:
    """Offers for this moment: needs by age plus credit, for each the longest idle of the ready agents who fit.

    The same snapshot gives the same decisions, whatever the order of its rows. Agents who have missed a need are asked
    for it again only when no other ready agent fits.
    """
    policy = policy or Policy()
    agents = sorted(snapshot.agents, key=_ready_and_idle_longest)
    ready = [agent for agent in agents if agent.state is AgentState.READY]
    waiting = sorted((need for need in snapshot.needs if need.state is NeedState.WAITING), key=Need.place)
    pools: dict[tuple[tuple[str, int], ...], deque[Agent]] = {}
    taken: dict[int, Need] = {}
    decisions: list[Decision] = []
    for rank, need in enumerate(waiting, 1):
        if len(taken) == len(ready):
            break
        asked = asked_of_agent(need)
        like = tuple(sorted(asked.items()))
        if like not in pools:
            pools[like] = deque(agent for agent in ready if fits(agent.skills, asked))
        agent = _first_free(pools[like], need, taken)
        if agent is None:
            continue
        why = _why(need, rank, agent, asked, agents, taken, now, policy)
        taken[agent.id] = need
        decisions.append(Decision(need.id, need.version, agent.id, agent.version, need.call_id, why))
    return tuple(decisions)


def _ready_and_idle_longest(agent: Agent) -> tuple[bool, float, int]:
    return agent.state is not AgentState.READY, agent.since, agent.id


def _first_free(pool: deque[Agent], need: Need, taken: Mapping[int, Need]) -> Agent | None:
    while pool and pool[0].id in taken:
        pool.popleft()
    asked_before: Agent | None = None
    for agent in pool:
        if agent.id in taken:
            continue
        if agent.id not in need.not_agents:
            return agent
        asked_before = asked_before or agent
    return asked_before


def _why(
    need: Need,
    rank: int,
    chosen: Agent,
    asked: Mapping[str, int],
    agents: Sequence[Agent],
    taken: Mapping[int, Need],
    now: float,
    policy: Policy,
) -> dict[str, object]:
    named = [agent for agent in agents[: policy.others_named + 1] if agent.id != chosen.id][: policy.others_named]
    return {
        "rank": rank,
        "waited_s": _seconds(now - need.since),
        "credit_s": need.credit_s,
        "idle_s": _seconds(now - chosen.since),
        "levels": {skill: {"asked": level, "has": chosen.skills.get(skill, 0)} for skill, level in asked.items()},
        "asked_before": chosen.id in need.not_agents,
        "others": [{"agent": agent.name, "why_not": _why_not(agent, need, asked, taken, now)} for agent in named],
        "others_left_out": len(agents) - 1 - len(named),
    }


def _why_not(agent: Agent, need: Need, asked: Mapping[str, int], taken: Mapping[int, Need], now: float) -> str:
    if agent.state is not AgentState.READY:
        return str(agent.state)
    lacks = missing(agent.skills, asked)
    if lacks:
        return "; ".join(map(str, lacks))
    if agent.id in taken:
        return f"taken by need {taken[agent.id].id}"
    if agent.id in need.not_agents:
        return "has missed this need"
    return f"idle for {_seconds(now - agent.since)} s only"


def _seconds(seconds: float) -> float:
    """Never negative, whatever the clock did."""
    return round(max(seconds, 0.0), 1)
