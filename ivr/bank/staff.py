"""The demonstration bank's agents: names, phones and skills; passwords are made at each installation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Segment → agents who look after its customers; they speak both languages.
OWN_AGENTS: Mapping[str, tuple[str, ...]] = {"private": ("haoran", "ruth"), "business": ("chris", "carol")}


def own_agent(segment: str, customer_id: int) -> str | None:
    """Who looks after a customer; None for the segments that have nobody of their own."""
    agents = OWN_AGENTS.get(segment, ())
    return agents[customer_id % len(agents)] if agents else None


@dataclass(frozen=True, slots=True)
class AgentSeed:
    """An agent to be hired."""

    name: str  #: sign-in name
    full_name: str
    phone: str  #: PJSIP/agent-101
    skills: Mapping[str, int] = field(default_factory=dict)  #: skill → level, 1 (junior) to 10 (senior)


def demo_agents() -> tuple[AgentSeed, ...]:
    """Agents for every queue of the example book, in both languages.

    All three complaint tiers are covered: front line (level 1 and more), specialist (4 and more), senior (7 and more).
    """
    en, zh = {"lang:en": 5}, {"lang:zh": 5}
    both = {**en, **zh}
    groups = {"moving_house": 6, "new_car": 6, "family": 4, "disaster": 4}
    senior = {"complaints": 8, "general": 8, "payments": 8, "lending": 8, "insurance": 8}
    rows: tuple[tuple[str, str, dict[str, int]], ...] = (
        ("chris", "Chris Lam", {**both, "general": 5, "payments": 5, "cards": 3}),
        ("meiling", "Meiling Guo", {**zh, "general": 4, "payments": 4, "lending": 3}),
        ("carol", "Carol Tan", {**both, "cards": 7, "payments": 3, "general": 3}),
        ("haoran", "Haoran Deng", {**both, "lending": 6, "insurance": 6, "general": 2, **groups}),
        ("grace", "Grace Wong", {**both, "complaints": 1, "general": 4}),
        ("jianguo", "Jianguo He", {**both, "complaints": 5, "cards": 4}),
        ("ruth", "Ruth Adler", {**both, **senior, "family": 5, "retirement": 7, "bereavement": 8, "disaster": 8}),
        ("tingting", "Tingting Xu", {**zh, "lang:en": 1, "general": 1}),  # junior
    )
    return tuple(
        AgentSeed(name, full_name, f"PJSIP/agent-{101 + n}", skills) for n, (name, full_name, skills) in enumerate(rows)
    )
