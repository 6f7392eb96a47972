"""Each wish to be called back is carried out once when its turn has come, and never lost; what is planted is found."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings

from ivr import callbacks, conversation
from ivr.callbacks import CallbackDialler
from ivr.errors import ActionUnknown
from ivr.ports import CallbackSeen
from ivr.testing import selfservice
from ivr.testing.selfservice import MemoryCallbacks
from ivr.testing.turmoil.book import GENERAL
from ivr.testing.turmoil.callback_machine import NUMBERS, Callbacks
from ivr.testing.turmoil.link import Link, Order
from ivr.testing.turmoil.planted import Fault, assert_found_by, assert_found_by_chance
from models.callbacks import seen_of
from models.tables import CallbackRow
from routing.agent import AgentEvent
from routing.callback import CallbackEvent, CallbackState

TestCallbacks = Callbacks.TestCase
TestCallbacks.settings = settings(
    stateful_step_count=40, phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
)
wished, call_out = selfservice.wished, Link.call_out


async def claims_whatever_has_become_of_it(
    self: MemoryCallbacks, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
) -> CallbackSeen | None:
    row = self.store.callbacks[callback_id]
    row.state, row.fence, row.tries = CallbackState.DIALLING.value, row.fence + 1, row.tries + 1
    row.node, row.next_at = node, now + lease_s
    return seen_of(row)


async def asks_again(self: Link, number: str, **order: Any) -> None:
    try:
        await call_out(self, number, **order)
    except ActionUnknown:
        await call_out(self, number, **order)


async def leaves_it_alone(self: CallbackDialler, left_over: object) -> None:
    return None


async def takes_it_for_served(call: Any, callback: CallbackSeen) -> None:
    await callbacks.tell_wish(call.parts, callback.id, callback.fence, CallbackEvent.SERVE)


def loses_the_place(wish: Any, before: CallbackRow | None, now: float) -> CallbackRow:
    row = wished(wish, before, now)
    row.since = wish.since
    return row


def does_not_wait_for_the_call_before(wish: Any, before: CallbackRow | None, now: float) -> CallbackRow:
    row = wished(wish, before, now)
    row.next_at = row.due_at
    return row


PLANTED: dict[str, Fault] = {
    "what a dead node was dialling is left alone": (CallbackDialler, "_put_right", leaves_it_alone),
    "a wish is given up after the first call": (callbacks, "after_a_failure", lambda *_: CallbackEvent.MISS),
    "a wish that replaces another loses its place": (selfservice, "wished", loses_the_place),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_found_by_chance(Callbacks, PLANTED[what], monkeypatch)


def read_before_another_node_dials(machine: Callbacks) -> None:
    for what in (AgentEvent.PAUSE, AgentEvent.READY):
        for who in range(3):
            machine.an_agent_says(who, what, 0)
        if what is AgentEvent.PAUSE:
            machine.a_caller_takes_a_callback(0, GENERAL, NUMBERS[0])
            machine.a_node_looks_whom_to_call_back(1, None, False)
    machine.a_node_looks_whom_to_call_back(0, None, False)
    machine.a_node_looks_whom_to_call_back(1, None, True)


def wishes_anew_while_the_phone_rings(machine: Callbacks) -> None:
    for _ in range(2):
        machine.a_caller_takes_a_callback(0, GENERAL, NUMBERS[0])
        machine.a_node_looks_whom_to_call_back(0, None, False)


def an_order_is_not_answered(machine: Callbacks) -> None:
    machine.a_caller_takes_a_callback(0, GENERAL, NUMBERS[0])
    machine.a_node_looks_whom_to_call_back(0, Order.UNKNOWN, False)


def a_machine_picks_up(machine: Callbacks) -> None:
    machine.a_caller_takes_a_callback(0, GENERAL, NUMBERS[0])
    machine.a_node_looks_whom_to_call_back(0, None, False)
    machine.a_customer_picks_up(0, 0, connects=False, told=True)


BROUGHT_OUT: dict[str, tuple[Callable[[Callbacks], None], Fault]] = {
    "a claim compares nothing": (
        read_before_another_node_dials,
        (MemoryCallbacks, "claim", claims_whatever_has_become_of_it),
    ),
    "a new wish does not wait for the call of the one before": (
        wishes_anew_while_the_phone_rings,
        (selfservice, "wished", does_not_wait_for_the_call_before),
    ),
    "an order whose answer is missing is given again": (an_order_is_not_answered, (Link, "call_out", asks_again)),
    "a customer who was not reached is taken for served": (
        a_machine_picks_up,
        (conversation, "settle_callback", takes_it_for_served),
    ),
}


@pytest.mark.parametrize("what", BROUGHT_OUT)
def test_a_planted_fault_that_is_brought_out_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    how, fault = BROUGHT_OUT[what]
    assert_found_by(how, Callbacks, fault, monkeypatch, callers=0, decided=False, served=False)
