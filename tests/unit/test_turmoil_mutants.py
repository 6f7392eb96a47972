"""The state machine finds what it looks for: each fault that is planted here is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ivr.clock import StoreClock
from ivr.testing import exchange
from ivr.testing.exchange import MemoryExchange
from ivr.testing.store import MemoryStore
from ivr.testing.turmoil.book import GENERAL
from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.machine import AGENTS, Turmoil
from ivr.testing.turmoil.planted import Fault, assert_found_by, assert_found_by_chance
from models import moves
from models.tables import AgentRow, NeedRow, OfferRow
from routing.agent import AgentEvent, AgentState
from routing.decision import Decision
from routing.errors import IllegalMove
from routing.need import NeedState
from routing.offer import OfferEvent

end, answer = moves.end, moves.answer


async def claims_without_versions(self: MemoryExchange, decision: Decision, **how: Any) -> Any:
    need, agent = self.store.needs[decision.need_id], self.store.agents[decision.agent_id]
    return await claim(self, Decision(need.id, need.version, agent.id, agent.version, need.call_id), **how)


async def claims_without_looking_at_the_agent(self: MemoryExchange, decision: Decision, **how: Any) -> Any:
    agent = self.store.agents[decision.agent_id]
    agent.state, ready = AgentState.READY.value, replace(decision, agent_version=agent.version)
    return await claim(self, ready, **how)


async def claims_without_looking_at_the_need(self: MemoryExchange, decision: Decision, **how: Any) -> Any:
    need = self.store.needs[decision.need_id]
    need.state, waiting = NeedState.WAITING.value, replace(decision, need_version=need.version)
    return await claim(self, waiting, **how)


claim = MemoryExchange.claim


def holds_by_id_alone(self: MemoryStore, offer_id: int, fence: int) -> tuple[NeedRow, AgentRow, OfferRow] | None:
    offer = self.offers.get(offer_id)
    if offer is None or offer.closed_at is not None:
        return None
    return self.needs[offer.need_id], self.agents[offer.agent_id], offer


def never_expires(need: NeedRow, agent: AgentRow, offer: OfferRow, event: OfferEvent, **how: Any) -> None:
    if event is not OfferEvent.EXPIRE:
        end(need, agent, offer, event, **how)


def forgets_the_age(need: NeedRow, agent: AgentRow, offer: OfferRow, event: OfferEvent, **how: Any) -> None:
    end(need, agent, offer, event, **how)
    if need.closed_at is None:
        need.since = how["now"]


def keeps_the_version(need: NeedRow, agent: AgentRow, offer: OfferRow, event: OfferEvent, **how: Any) -> None:
    version = need.version
    end(need, agent, offer, event, **how)
    need.version = version


def keeps_the_agent(need: NeedRow, agent: AgentRow, offer: OfferRow, event: OfferEvent, **how: Any) -> None:
    state = agent.state
    end(need, agent, offer, event, **how)
    if event is OfferEvent.WITHDRAW:
        agent.state = state


def leaves_the_agent_offered(need: NeedRow, agent: AgentRow, offer: OfferRow, now: float) -> None:
    answer(need, agent, offer, now)
    agent.state = AgentState.OFFERED.value


def leaves_the_lease(need: NeedRow, agent: AgentRow, offer: OfferRow, now: float) -> None:
    until = offer.expires_at
    answer(need, agent, offer, now)
    offer.expires_at = until


def goes_by_its_machine(self: StoreClock) -> float:
    return self._machine.now()


PLANTED: dict[str, Fault] = {
    "a claim does not look at the need": (MemoryExchange, "claim", claims_without_looking_at_the_need),
    "a claim does not look at the agent": (MemoryExchange, "claim", claims_without_looking_at_the_agent),
    "a write does not compare the fence": (MemoryStore, "hold", holds_by_id_alone),
    "an offer never lapses": (moves, "end", never_expires),
    "a need that returns forgets its age": (moves, "end", forgets_the_age),
    "a need that returns keeps its version": (moves, "end", keeps_the_version),
    "a caller who leaves does not free the agent": (moves, "end", keeps_the_agent),
    "an agent who answers stays offered": (moves, "answer", leaves_the_agent_offered),
    "a conversation has a lease": (moves, "answer", leaves_the_lease),
    "a node goes by the time of day of its machine": (StoreClock, "now", goes_by_its_machine),
    "a wrap-up never ends": (moves, "wrap_up_is_over", lambda agent, now: False),
    "calls that have vanished are left alone": (exchange, "is_gone", lambda *_: False),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_found_by_chance(Turmoil, PLANTED[what], monkeypatch, errors=(AssertionError, IllegalMove))


def agents_are_others_than_were_decided_on(machine: Turmoil) -> None:
    for who in range(AGENTS):
        machine.an_agent_steps_away_and_is_back(who, 0)
    machine.an_old_decision_is_claimed(0, 0)


def a_caller_leaves_and_the_store_does_not_hear_of_it(machine: Turmoil) -> None:
    for who in range(AGENTS):
        machine.an_agent_says(who, AgentEvent.PAUSE, 0)
    machine.a_call_comes_in(0, GENERAL)
    machine.the_next_write_is_lost(0, Loss.BEFORE)
    machine.a_caller_hangs_up(0)


BROUGHT_OUT: dict[str, tuple[Callable[[Turmoil], None], Fault]] = {
    "a claim does not compare versions": (
        agents_are_others_than_were_decided_on,
        (MemoryExchange, "claim", claims_without_versions),
    ),
    "what ended calls have left open stays open": (
        a_caller_leaves_and_the_store_does_not_hear_of_it,
        (exchange, "is_over", lambda *_: False),
    ),
}


@pytest.mark.parametrize("what", BROUGHT_OUT)
def test_a_planted_fault_that_is_brought_out_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    how, fault = BROUGHT_OUT[what]
    assert_found_by(how, Turmoil, fault, monkeypatch, callers=1, decided=True, served=False)


def a_call_is_taken_for_lost() -> None:
    """Its engine takes another time for the store's, and it comes just after the channels were read."""
    machine = Turmoil()
    machine.begin(callers=0, decided=False, served=False)
    machine.time_passes(6.0)
    clock = machine.centre.nodes[0].clock
    clock.set(clock.monotonic(), clock.now() - 5.0, clock.monotonic())
    machine.a_call_comes_in_while_a_node_sweeps(1, 0)
    machine.teardown()


def test_a_call_that_was_taken_for_lost_is_served_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    a_call_is_taken_for_lost()
    monkeypatch.setattr(exchange, "PROVISIONAL", ())
    with pytest.raises(AssertionError, match="waits at node-0 though agents for it are there"):
        a_call_is_taken_for_lost()
