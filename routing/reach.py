"""Complaints as they are decided on: a lower level will do only while nobody at work has the one that is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from routing.agent import AT_WORK, Agent
from routing.need import Need


def within_reach(needs: Iterable[Need], agents: Sequence[Agent]) -> tuple[Need, ...]:
    """Needs without the rungs that nobody needs, as it is with these agents. Doing it again changes nothing."""
    needs = tuple(needs)
    if all(need.terms.authority is None for need in needs):
        return needs
    return tuple(_within_reach(need, agents) for need in needs)


def _within_reach(need: Need, agents: Sequence[Agent]) -> Need:
    asked = need.terms.authority
    if asked is None or not asked.rungs:
        return need
    language = f"lang:{need.language}"
    levels = (
        agent.skills.get(asked.skill, 0)
        for agent in agents
        if agent.state in AT_WORK and agent.skills.get(language, 0) and agent.id not in need.terms.barred
    )
    return replace(need, terms=replace(need.terms, authority=asked.reachable(max(levels, default=0))))
