"""Hubs of two nodes on one truth: the browser is on one of them, the call on the other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from ivr.desktop.hub import Hub
from ivr.desktop.measures import Measures
from ivr.desktop.messages import State
from ivr.desktop.outbox import Outbox
from ivr.ports import Pop
from ivr.testing.clock import FakeClock
from ivr.testing.pops import a_pop, an_agent
from ivr.testing.roster import ScriptedRoster
from routing.agent import AgentState

CLOCK = FakeClock()
NOW = CLOCK.now()


class Nodes:
    """Two hubs; what one tells the other may be lost. Agent 1 has one window, on node b."""

    def __init__(self) -> None:
        self.roster = ScriptedRoster(an_agent(NOW, state=AgentState.READY))
        self.figures = CollectorRegistry()
        self.lost = False
        self.told = 0
        self.a = Hub(
            self.roster,
            CLOCK,
            self._pop_of,
            measures=Measures(self.figures),
            on_shown=self._stands,
            tell_nodes=lambda agent_id: self._tell(self.b, agent_id),
        )
        self.b = Hub(
            self.roster,
            CLOCK,
            self._pop_of,
            on_shown=self._stands,
            tell_nodes=lambda who: self._tell(self.a, who),
            holds=lambda call_id: False,
        )
        self.outbox = Outbox()
        self.b.join(1, self.outbox)

    def offer(self) -> Pop:
        """The call of node a is offered to the agent; nobody has been told."""
        pop = a_pop(NOW)
        self.roster.offer(1, pop.offer, state=AgentState.OFFERED)
        return pop

    async def shows(self) -> State:
        """The state with the pop, as the page on node b hears it."""
        async with asyncio.timeout(30):
            while True:
                message = await self.outbox.next()
                if isinstance(message, State) and message.pop is not None:
                    return message

    def pops(self, outcome: str) -> float:
        """How many pops of node a came to this."""
        return self.figures.get_sample_value("ringwise_pops_total", {"outcome": outcome}) or 0.0

    async def _pop_of(self, agent_id: int) -> Pop | None:
        return a_pop(NOW)

    async def _stands(self, offer_id: int, fence: int) -> None:
        self.roster.offer(1, replace(self.roster.offers[1], popped_at=NOW))

    def _tell(self, hub: Hub, agent_id: int) -> None:
        self.told += 1
        if not self.lost:
            hub.changed_elsewhere(agent_id)


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    nodes = Nodes()
    running = [asyncio.create_task(hub.run()) for hub in (nodes.a, nodes.b)]
    yield nodes
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_pop_is_shown_and_acknowledged_by_the_node_that_has_the_browser(nodes: Nodes) -> None:
    pop = nodes.offer()
    popping = asyncio.create_task(nodes.a.pop(1, pop, deadline_s=5))
    shown = await nodes.shows()
    assert shown.offer is not None
    await nodes.b.shown(1, shown.offer.offer_id, shown.offer.fence)
    assert await popping is True
    assert nodes.pops("shown") == 1


async def test_a_pop_that_stood_before_the_node_of_the_call_asked_is_not_waited_for(nodes: Nodes) -> None:
    pop = nodes.offer()
    nodes.a.changed(1)  # as the dispatcher does right after the claim
    shown = await nodes.shows()
    assert shown.offer is not None
    await nodes.b.shown(1, shown.offer.offer_id, shown.offer.fence)
    assert await nodes.a.pop(1, pop, deadline_s=0.05) is True


async def test_when_no_node_answers_the_phone_rings_after_the_deadline(nodes: Nodes) -> None:
    nodes.lost = True
    assert await nodes.a.pop(1, nodes.offer(), deadline_s=0.05) is False
    assert nodes.pops("no_browser") == 1


async def test_another_call_of_the_agent_does_not_acknowledge_it(nodes: Nodes) -> None:
    pop = nodes.offer()
    later = replace(pop.offer, offer_id=pop.offer.offer_id + 1, popped_at=NOW)
    nodes.roster.offer(1, later)
    assert await nodes.a.pop(1, pop, deadline_s=0.05) is False


async def test_nodes_do_not_tell_each_other_what_they_were_told(nodes: Nodes) -> None:
    nodes.b.leave(1, nodes.outbox)
    nodes.a.changed(1)
    assert nodes.told == 1
