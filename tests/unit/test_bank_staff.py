"""The demonstration bank's agents."""

from dataclasses import fields

from ivr.bank.staff import AgentSeed, demo_agents
from routing.skills import TIER_LEVELS


def test_every_agent_has_a_sign_in_name_and_a_phone_of_their_own() -> None:
    agents = demo_agents()
    assert len({agent.name for agent in agents}) == len(agents) >= 6
    assert len({agent.phone for agent in agents}) == len(agents)
    assert all(agent.phone.startswith("PJSIP/agent-") for agent in agents)


def test_complaints_have_a_front_line_a_specialist_and_a_senior() -> None:
    levels = {agent.skills["complaints"] for agent in demo_agents() if "complaints" in agent.skills}
    assert {max(tier for tier, least in TIER_LEVELS.items() if level >= least) for level in levels} == {1, 2, 3}


def test_there_is_a_junior() -> None:
    assert any(
        max(level for skill, level in agent.skills.items() if not skill.startswith("lang:")) == 1
        for agent in demo_agents()
    )


def test_every_level_is_from_1_to_10_and_every_agent_speaks_a_language() -> None:
    for agent in demo_agents():
        assert all(1 <= level <= 10 for level in agent.skills.values())
        assert any(skill.startswith("lang:") for skill in agent.skills)


def test_no_password_is_written_in_the_code() -> None:
    assert "password" not in {field.name for field in fields(AgentSeed)}
