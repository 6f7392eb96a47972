"""The demonstration bank's agents against the queues of the example book."""

from pathlib import Path

import pytest

from ivr.bank.staff import demo_agents
from ivr.queues import load

QUEUES = load(Path(__file__).parents[2] / "config" / "queues.yaml").queues


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_each_queue_has_an_agent_in_each_language(queue: str, language: str) -> None:
    needed = {**QUEUES[queue].skills, f"lang:{language}": 1}
    assert any(all(agent.skills.get(skill, 0) >= level for skill, level in needed.items()) for agent in demo_agents())
