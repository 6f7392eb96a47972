"""Nobody is held without an agent, and nobody is lost, whatever agents do with their conversations; planted faults are
found."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings

from ivr.steps import hold
from ivr.testing.turmoil.planted import Fault, assert_found_by
from ivr.testing.turmoil.talk_machine import TARGETS, Conversations
from models import handing
from routing.talk import Talk, TalkEvent, TalkState

TestConversations = Conversations.TestCase
TestConversations.settings = settings(
    max_examples=30, stateful_step_count=40, phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
)
talk_in_room = hold._Apart._talk_in_room


async def keeps_the_caller(self: Any, there: Any) -> tuple[bool, None]:
    return False, None


async def joins_whoever_is_there(self: Any) -> tuple[bool, Any]:
    if await hold.channels(self.call) is not None:
        return await talk_in_room(self)
    self.call.live.joined = True
    await self.call.leg.join(self.talk.room)
    self.call.live.joined = False
    return False, None


def takes_over_besides(first: Any, second: Any, offer: Any, *, now: float, wrap_up_s: float) -> None:
    offer.talk = Talk(TalkState.ROOM, since=now, room=1).as_json()


def left_on_hold(machine: Conversations) -> None:
    machine.an_agent_leaves_their_caller(0, TalkEvent.HOLD, TARGETS[0], 0, None)
    machine.a_conversation_ends(0)


def left_in_a_room_while_the_switch_is_away(machine: Conversations) -> None:
    machine.an_agent_leaves_their_caller(0, TalkEvent.HOLD, TARGETS[0], 0, None)
    machine.an_agent_asks_for_something_else(0, TalkEvent.RETRIEVE, 0, None)
    machine.time_goes_by_on_hold(0, 0, 1.2)
    machine.the_link_to_the_switch_goes_down_or_up(0)
    machine.a_conversation_ends(0)


def handed_over(machine: Conversations) -> None:
    machine.an_agent_leaves_their_caller(0, TalkEvent.CONSULT, TARGETS[0], 0, None)
    for _ in range(3):
        machine.time_goes_by_on_hold(0, 0, 1.2)
    machine.a_phone_is_picked_up(1, True)
    machine.time_goes_by_on_hold(0, 0, 1.2)
    machine.an_agent_asks_for_something_else(0, TalkEvent.COMPLETE, 0, None)
    machine.time_goes_by_on_hold(0, 0, 1.2)


PLANTED: dict[str, tuple[Callable[[Conversations], None], Fault]] = {
    "an agent who hangs up on hold still has the caller": (
        left_on_hold,
        (hold._Apart, "_agent_left", keeps_the_caller),
    ),
    "a caller joins a room of which nobody knows who is there": (
        left_in_a_room_while_the_switch_is_away,
        (hold._Apart, "_talk_in_room", joins_whoever_is_there),
    ),
    "who hands over keeps the caller": (handed_over, (handing, "take_over", takes_over_besides)),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    how, fault = PLANTED[what]
    assert_found_by(how, Conversations, fault, monkeypatch, callers=1)
