"""Why this agent, and why not the others: plain JSON values for the record of an offer."""

from collections import Counter
from collections.abc import Mapping, Sequence

from routing.agent import AT_WORK, Agent, AgentState
from routing.floor import Floor
from routing.need import Need
from routing.phone import PhoneState
from routing.skills import LANGUAGE, alternatives, fits, missing


def why(
    floor: Floor,
    need: Need,
    chosen: Agent,
    rank: int,
    now: float,
    *,
    forward_s: float,
    others: Sequence[Agent],
    left_out: int,
    taken: Mapping[int, int] | None = None,
) -> dict[str, object]:
    """The reasons of one decision; `taken` says which need has each agent that was given out in the same batch."""
    asked_now = alternatives(need, now)
    met = next((number for number, asked in enumerate(asked_now) if fits(chosen.skills, asked)), 0)
    asked, terms = asked_now[met], need.terms
    reasons: dict[str, object] = {
        "rank": rank,
        "waited_s": _seconds(now - need.since),
        "credit_s": need.credit_s,
        "overdue_s": round(need.overdue_s(now), 1),
        "forward_s": round(forward_s, 1),
        "in_time": terms.goal_s > 0 and now - need.since <= terms.goal_s,
        "idle_s": _seconds(now - chosen.since),
        "levels": {skill: {"asked": level, "has": chosen.skills.get(skill, 0)} for skill, level in asked.items()},
        "asked_before": chosen.id in need.not_agents,
        "others": [
            {"agent": one.name, "why_not": _why_not(floor, one, need, chosen, asked, now, taken or {})}
            for one in others
        ],
        "others_left_out": left_out,
    }
    if terms.softening:
        reasons["softened"] = terms.steps(now - need.since, len(need.not_agents))
    if met > 0:
        reasons["alternative"] = met
    if terms.preferred:
        reasons["preferred"] = {skill: weight for skill, weight in terms.preferred.items() if skill in chosen.skills}
    if terms.most_level is not None:
        reasons["simple"] = _is_junior(chosen, asked, terms.most_level)
    if terms.agent_id is not None:
        reasons["wanted_agent"] = chosen.id == terms.agent_id
        reasons["wanted_is"] = terms.agent_is
    if terms.barred:
        reasons["neutral"] = "not " + ", ".join(
            floor.agents[id_].name if id_ in floor.agents else f"agent {id_}" for id_ in sorted(terms.barred)
        )
    return reasons


def why_nobody(floor: Floor, need_id: int, now: float) -> tuple[tuple[str, int], ...]:
    """Of a need that waits: what keeps agents from it, and how many of them, most first; empty when it does not wait.

    An agent who is ready and may serve it is counted as `free, and would be asked next`.
    """
    need = floor.line.needs.get(need_id)
    if need is None:
        return ()
    asked, held = alternatives(need, now)[0], floor.line.is_held(need_id)
    found: Counter[str] = Counter()
    for agent in floor.agents.values():
        why_not = _kept_from(floor, agent, need, asked, now)
        if agent.state in AT_WORK and not agent.is_free and not floor.may_serve(agent, need, now):
            why_not = f"{why_not}, and may not serve it"
        if held and why_not is None and agent.id != need.terms.agent_id:
            why_not = "the caller waits for another agent, for a while"
        found[why_not or "free, and would be asked next"] += 1
    return tuple(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _kept_from(floor: Floor, agent: Agent, need: Need, asked: Mapping[str, int], now: float) -> str | None:
    """What keeps an agent from a need, whoever else there is; None when nothing does."""
    if agent.state is not AgentState.READY:
        return str(agent.state)
    if agent.id in need.terms.barred:
        return "the complaint is about them, or they have sent it on"
    if agent.id in need.refused_by:
        return "has refused this need"
    if agent.phone_trouble is not None:
        return "phone unreachable" if agent.phone_trouble is PhoneState.UNREACHABLE else "phone in use"
    if not floor.may_serve(agent, need, now):
        return "; ".join(map(str, missing(agent.skills, asked)))
    return None


def _why_not(
    floor: Floor,
    agent: Agent,
    need: Need,
    chosen: Agent,
    asked: Mapping[str, int],
    now: float,
    taken: Mapping[int, int],
) -> str:
    kept = _kept_from(floor, agent, need, asked, now)
    if kept is not None:
        return kept
    if agent.id in taken:
        return f"taken by need {taken[agent.id]}"
    if agent.id in need.not_agents:
        return "has missed this need"
    if chosen.id == need.terms.agent_id:
        return "not the agent who is wanted"
    if not fits(agent.skills, asked):
        return "meets a later alternative only"
    preferred = need.terms.preferred
    if sum(w for s, w in preferred.items() if s in agent.skills) < sum(
        w for s, w in preferred.items() if s in chosen.skills
    ):
        return "has less of what is preferred"
    most = need.terms.most_level
    if most is not None and _is_junior(chosen, asked, most) and not _is_junior(agent, asked, most):
        return "spared: the enquiry is a simple one"
    spared = [skill for skill, level in agent.skills.items() if level > max(asked.get(skill, 0), 0)]
    extra = [skill for skill in sorted(spared) if agent.skills[skill] > chosen.skills.get(skill, 0)]
    if extra:
        return f"spared for others: {', '.join(extra[:3])}"
    return f"idle for {_seconds(now - agent.since)} s only"


def _is_junior(agent: Agent, asked: Mapping[str, int], most_level: int) -> bool:
    """Whether an agent has no more than a simple enquiry needs."""
    return all(agent.skills.get(skill, 0) <= most_level for skill in asked if not skill.startswith(LANGUAGE))


def _seconds(seconds: float) -> float:
    """Never negative, whatever the clock did."""
    return round(max(seconds, 0.0), 1)
