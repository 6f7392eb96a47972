"""The transition tables: every pair of state and event, and what follows from the end of an offer."""

from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from routing.aftermath import AFTERMATH, end_offer
from routing.agent import AGENT_MOVES, AgentEvent, AgentState, Stance, move_agent
from routing.call import CALL_MOVES, ENDINGS, CallEvent, CallState, Ending, Reason, Result, move_call
from routing.callback import CALLBACK_MOVES, CallbackEvent, CallbackState, move_callback
from routing.diagram import all_diagrams, mermaid
from routing.errors import IllegalMove
from routing.need import NEED_MOVES, NeedEvent, NeedState, move_need
from routing.offer import OFFER_MOVES, OPEN_OFFERS, OfferEvent, OfferState, move_offer
from routing.talk import TALK_MOVES, TalkEvent, TalkState, move_talk

TABLES: list[tuple[Any, type[StrEnum], type[StrEnum], Any, StrEnum]] = [
    (CALL_MOVES, CallState, CallEvent, move_call, CallState.MENU),
    (NEED_MOVES, NeedState, NeedEvent, move_need, NeedState.WAITING),
    (AGENT_MOVES, AgentState, AgentEvent, move_agent, AgentState.LOGGED_OUT),
    (OFFER_MOVES, OfferState, OfferEvent, move_offer, OfferState.OFFERED),
    (CALLBACK_MOVES, CallbackState, CallbackEvent, move_callback, CallbackState.WAITING),
    (TALK_MOVES, TalkState, TalkEvent, move_talk, TalkState.LINE),
]
NOUNS = ["call", "need", "agent", "offer", "callback", "talk"]


@pytest.mark.parametrize(("moves", "states", "events", "move", "start"), TABLES, ids=NOUNS)
def test_every_pair_moves_as_the_table_says_or_raises(moves, states, events, move, start):
    for state, event in product(states, events):
        if (state, event) in moves:
            assert move(state, event) is moves[state, event]
        else:
            with pytest.raises(IllegalMove, match="nothing was changed"):
                move(state, event)


@pytest.mark.parametrize(("moves", "states", "events", "move", "start"), TABLES, ids=NOUNS)
def test_every_state_can_be_reached_and_every_event_is_known_somewhere(moves, states, events, move, start):
    reached, edge = {start}, [start]
    while edge:
        state = edge.pop()
        for event in events:
            after = moves.get((state, event))
            if after is not None and after not in reached:
                reached.add(after)
                edge.append(after)
    assert reached == set(states)
    assert {event for _, event in moves} == set(events)


def test_a_closed_offer_knows_no_event_and_an_open_one_can_always_end():
    closed = set(OfferState) - OPEN_OFFERS
    assert not {state for state, _ in OFFER_MOVES} & closed
    for state in OPEN_OFFERS:
        assert any(OFFER_MOVES.get((state, event)) in closed for event in OfferEvent)


def test_every_way_to_end_an_offer_says_what_becomes_of_need_and_agent():
    assert set(AFTERMATH) == set(OfferEvent) - {OfferEvent.RING, OfferEvent.ANSWER}
    for event, aftermath in AFTERMATH.items():
        talked = event is OfferEvent.COMPLETE
        move_need(NeedState.TALKING if talked else NeedState.OFFERED, aftermath.need)
        move_agent(AgentState.BUSY if talked else AgentState.OFFERED, aftermath.agent)


def test_a_conversation_whose_answer_was_never_recorded_can_be_completed():
    for state in OPEN_OFFERS:
        assert end_offer(state, OfferEvent.COMPLETE) is OfferState.COMPLETED


def test_a_conversation_cannot_be_missed():
    with pytest.raises(IllegalMove):
        end_offer(OfferState.ANSWERED, OfferEvent.MISS)


@pytest.mark.parametrize("state", [AgentState.OFFERED, AgentState.BUSY])
def test_a_pause_asked_for_during_an_offer_or_a_call_is_kept(state):
    stance = Stance(state).after(AgentEvent.PAUSE, reason="meal")
    assert stance == Stance(state, pause_after="meal")
    assert stance.after(AgentEvent.READY) == Stance(state)


@pytest.mark.parametrize("event", [AgentEvent.MISS, AgentEvent.WITHDRAW])
def test_a_pause_kept_through_an_offer_begins_when_the_offer_ends(event):
    stance = Stance(AgentState.OFFERED, pause_after="meal")
    assert stance.after(event) == Stance(AgentState.PAUSED, pause_reason="meal")


def test_a_pause_kept_through_a_call_begins_after_the_wrap_up():
    busy = Stance(AgentState.OFFERED, pause_after="meal").after(AgentEvent.ANSWER)
    wrap_up = busy.after(AgentEvent.HANG_UP, wrap_up_until=5.0)
    assert wrap_up == Stance(AgentState.WRAP_UP, pause_after="meal", wrap_up_until=5.0)
    assert wrap_up.after(AgentEvent.WRAP_UP_OVER) == Stance(AgentState.PAUSED, pause_reason="meal")


def test_an_agent_who_says_ready_in_wrap_up_is_ready_whatever_was_asked_for_before():
    assert Stance(AgentState.WRAP_UP, pause_after="meal").after(AgentEvent.READY) == Stance(AgentState.READY)


def test_nobody_is_offered_and_ready_at_once():
    with pytest.raises(IllegalMove):
        Stance(AgentState.OFFERED).after(AgentEvent.READY)


def test_an_agent_whose_desk_is_lost_is_paused_with_that_reason():
    assert Stance(AgentState.READY).after(AgentEvent.DESK_LOST).pause_reason == "desk_lost"


def test_an_ending_takes_only_the_reasons_of_its_result():
    for result, reason in product(Result, Reason):
        if reason in ENDINGS[result]:
            assert str(Ending(result, reason)) == f"{result}/{reason}"
        else:
            with pytest.raises(ValueError, match="cannot have the reason"):
                Ending(result, reason)


def test_every_reason_belongs_to_a_result():
    assert frozenset().union(*ENDINGS.values()) == frozenset(Reason)


@pytest.mark.parametrize(("moves", "states", "events", "move", "start"), TABLES, ids=NOUNS)
def test_the_picture_has_one_arrow_for_every_move(moves, states, events, move, start):
    picture = mermaid(moves, start)
    for (state, event), after in moves.items():
        assert f"    {state} --> {after}: {event}" in picture.splitlines()
    assert picture.count(": ") == len(moves)
    assert f"    [*] --> {start}" in picture
    assert picture in all_diagrams()
