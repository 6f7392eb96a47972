"""The demonstration bank's agents against the queues of the example book."""

from pathlib import Path

import pytest

from ivr.bank.holdings import LIFE_EVENTS
from ivr.bank.staff import demo_agents
from ivr.queues import load
from menus.loader import load_book
from menus.schema import Route

CONFIG = Path(__file__).parents[2] / "config"
SITE, BOOK = load(CONFIG / "queues.yaml"), load_book(CONFIG / "menus")
QUEUES = SITE.queues


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_each_queue_has_an_agent_in_each_language(queue: str, language: str) -> None:
    needed = {**QUEUES[queue].skills, f"lang:{language}": 1}
    assert any(all(agent.skills.get(skill, 0) >= level for skill, level in needed.items()) for agent in demo_agents())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("step", [name for name, one in BOOK.steps.items() if isinstance(one, Route) and one.needs])
def test_what_a_choice_of_the_menu_asks_for_is_what_some_agent_has_and_others_will_do_after_a_while(
    step: str, language: str
) -> None:
    asked = BOOK.steps[step]
    assert isinstance(asked, Route)
    queue = QUEUES[asked.queue]
    needed = {**queue.required(asked.needs), f"lang:{language}": 1}
    assert any(all(agent.skills.get(skill, 0) >= level for skill, level in needed.items()) for agent in demo_agents())
    dropped = {skill for one in queue.softening for skill, level in one.skills.items() if level == 0}
    assert asked.needs.keys() - queue.skills.keys() <= dropped


def test_every_life_event_of_the_bank_has_a_group_of_agents() -> None:
    groups = SITE.callers.life_events
    assert groups.keys() == set(LIFE_EVENTS)
    for skills in groups.values():
        assert any(agent.skills.keys() & skills.keys() for agent in demo_agents())
