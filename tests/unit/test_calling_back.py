"""Calling customers back: when they are dialled, what they hear, and what becomes of the wish, whatever goes wrong."""

import asyncio
from typing import Any

import pytest

from ivr.callbacks import LEASE_S
from ivr.conversation import converse
from ivr.errors import ActionUnknown, HungUp, SwitchAway
from ivr.ports import Arrival, CallbackWish, ChannelGone, ChannelSeen, Dialled, DialStatus, PhoneAnswered
from ivr.testing.books import book_with_callbacks
from ivr.testing.line import Action, Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts
from models.tables import CallbackRow

OTHER = "+8613800000002"
SETTINGS = {"outbound": {"allow": ["+86"]}, "callbacks": {"most_tries": 2, "retry_s": 900, "at_once": 2, "ring_s": 30}}
CONNECT = Press("1", hearing="greeting")


def stage(**more: Any) -> Stage:
    return Stage(book_with_callbacks(), settings=SETTINGS, **more)


async def wish(node: Stage, number: str = ANI, *, ago_s: float = 300, due_in_s: float = 0, **more: Any) -> CallbackRow:
    now = node.clock.now()
    more = {"kind": "keep_place", "language": "zh", "required": {"general": 1}, "reason": "Cards", **more}
    kept = CallbackWish("c0", number, 7, "general", since=now - ago_s, due_at=now + due_in_s, **more)
    return node.store.callbacks[await node.callbacks.request(kept, now=now - ago_s)]


def picks_up(node: Stage, *script: Action, rung: int = 1) -> ScriptedLeg:
    """The line of the customer who was dialled last, as it comes in at the door."""
    _, call_id = node.switchboard.called_out[-1]
    channel = f"PJSIP/trunk-{call_id}"
    leg = ScriptedLeg(Arrival(call_id, call_id, channel, "95588", "", "callback", rung), node.clock, list(script))
    node.legs[channel] = leg
    return leg


async def dialled(node: Stage) -> int:
    """How many phones ring after one more round."""
    await node.dialler.round()
    return len(node.switchboard.called_out)


# --- when somebody is dialled -------------------------------------------------------------------------------------


async def test_a_customer_is_dialled_once_when_an_agent_is_ready():
    node = stage()
    row = await wish(node)
    assert await dialled(node) == 0
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 1
    assert await dialled(node) == 1
    assert node.switchboard.called_out == [(ANI, f"callback-{row.id}-1")]
    assert (row.state, row.tries, row.node) == ("dialling", 1, "node-a")
    assert row.next_at == node.clock.now() + 30 + LEASE_S


async def test_two_nodes_dial_a_customer_once():
    one = stage()
    other = Stage(book_with_callbacks(), settings=SETTINGS, node="node-b", beside=one)
    await wish(one)
    one.agent(skills={"general": 5, "lang:zh": 5})
    await asyncio.gather(one.dialler.round(), other.dialler.round())
    assert len(one.switchboard.called_out) + len(other.switchboard.called_out) == 1


async def test_nobody_is_dialled_before_the_time_that_was_wished():
    node = stage()
    await wish(node, due_in_s=60)
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    node.clock.advance(60)
    assert await dialled(node) == 1


async def test_nobody_is_dialled_while_they_are_on_a_call_with_us():
    node = stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5, "lang:en": 5})
    leg = node.leg(HangUp(hearing="main"))
    node.log.opened(leg.arrival, now=1, facts=CallerFacts(ani=ANI), language="en", book_version=1)
    assert await dialled(node) == 0
    await converse(leg, node.parts)
    assert await dialled(node) == 1


async def test_no_more_phones_ring_than_the_settings_allow_at_once():
    node = stage()
    for number in range(4):
        await wish(node, f"+861380000001{number}")
        node.agent(f"agent-{number}", skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 2
    assert await dialled(node) == 2


async def test_a_caller_who_came_later_does_not_get_the_agent_of_the_callback():
    node = stage()
    await wish(node, language="en")
    await node.dialler.round()
    waits = node.leg(Press("0", hearing="main.balance"), HangUp(after_s=60), ani=OTHER)
    node.clock.later(20, lambda: (node.agent(), node.hints.nudge("routing")))
    await node.take(waits)
    assert waits.rung == []
    assert await dialled(node) == 1


async def test_a_caller_who_came_before_is_served_before_anybody_is_dialled():
    node = stage()
    row = await wish(node, language="en")
    row.since = node.clock.now() + 30  # later than the caller below
    await node.dialler.round()
    waits = node.leg(Press("0", hearing="main.balance"), ani=OTHER)
    node.clock.later(20, lambda: (node.agent(), node.hints.nudge("routing")))
    assert (await node.take(waits)).reason == "agent"
    assert await dialled(node) == 0


async def test_a_number_that_may_not_be_called_any_more_is_given_up():
    node = stage()
    row = await wish(node, "+4930123456")
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    assert (row.outcome, node.parts.called_back) == ("missed", {"missed": 1})


async def test_without_a_switch_or_a_greeting_nobody_is_dialled():
    node = stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    node.switchboard.up = False
    assert await dialled(node) == 0
    silent = Stage(
        book_with_callbacks().model_copy(update={"calling_back": None}), settings=SETTINGS, beside=node, node="node-b"
    )
    assert await dialled(silent) == 0
    assert node.store.callbacks[1].state == "waiting"


async def test_a_store_that_is_away_stops_nothing_for_good():
    node = stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    node.store.away = True
    running = asyncio.create_task(node.dialler.run())
    node.hints.nudge("callbacks")
    for _ in range(20):
        await asyncio.sleep(0)
    assert node.switchboard.called_out == []
    node.store.away = False
    node.hints.nudge("callbacks")
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert len(node.switchboard.called_out) == 1


# --- what the customer hears, and what becomes of it --------------------------------------------------------------


async def test_a_customer_who_presses_the_key_talks_to_an_agent_who_knows_that_it_is_a_callback():
    node = stage()
    node.store.facts[ANI] = (CallerFacts(ani=ANI, customer_id=7, matches=1, language="en"),)
    row = await wish(node, tier=2, credit_s=60.0)
    node.agent(skills={"general": 5, "lang:zh": 5, "complaints": 5})
    await node.dialler.round()
    call = await node.take(leg := picks_up(node, CONNECT))
    assert leg.heard == ["greeting", "bye"]
    assert leg.rung == ["PJSIP/grace"]
    assert (call.ani, call.customer_id, call.language, call.result, call.reason) == (ANI, 7, "zh", "served", "agent")
    need = node.need
    assert (need.since, need.language, need.tier, need.credit_s) == (row.since, "zh", 2, 60.0)
    assert need.reason == "Callback: Cards"
    ((_, pop),) = node.desk.pops
    assert (pop.ani, pop.offer.reason, pop.language) == (ANI, "Callback: Cards", "zh")
    assert (row.state, row.outcome) == ("closed", "served")
    assert node.parts.called_back == {"dialled": 1, "served": 1}
    assert node.parts.arrivals == {}


async def test_a_customer_who_is_connected_while_the_agent_left_waits_at_the_kept_place():
    node = stage()
    row = await wish(node)
    agent = node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    agent.state = "paused"
    leg = picks_up(node, CONNECT)
    node.clock.later(40, lambda: (setattr(agent, "state", "ready"), node.hints.nudge("routing")))
    call = await node.take(leg)
    assert leg.heard[:2] == ["greeting", "hold"]
    assert (call.reason, node.need.since, row.outcome) == ("agent", row.since, "served")


async def test_an_answering_machine_reaches_nobody_and_the_customer_is_called_again():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    call = await node.take(leg := picks_up(node))
    assert leg.heard == ["greeting", "greeting"]
    assert leg.is_done
    assert (leg.rung, call.result, call.reason) == ([], "left", "no_input")
    assert (row.state, row.next_at) == ("waiting", node.clock.now() + 900)


async def test_another_key_does_not_connect():
    node = stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.take(leg := picks_up(node, Press("5", hearing="greeting"), CONNECT))
    assert leg.heard == ["greeting", "greeting", "bye"]


async def test_hanging_up_while_greeted_or_while_waiting_means_to_be_called_again_and_then_missed():
    node = stage()
    row = await wish(node)
    agent = node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    assert (await node.take(picks_up(node, HangUp(hearing="greeting")))).reason == "in_menu"
    assert (row.state, row.tries) == ("waiting", 1)
    node.clock.advance(900)
    await node.dialler.round()
    agent.state = "paused"
    assert (await node.take(picks_up(node, CONNECT, HangUp(after_s=20)))).reason == "in_queue"
    assert (row.state, row.tries, row.outcome) == ("closed", 2, "missed")
    assert node.need.outcome == "abandoned"
    assert node.parts.called_back == {"dialled": 2, "retried": 1, "missed": 1}


async def test_a_missed_callback_is_told_at_the_next_call():
    node = stage()
    row = await wish(node)
    row.tries = 1
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.take(picks_up(node))
    assert row.outcome == "missed"
    await node.take(leg := node.leg(HangUp(hearing="missed")))
    assert leg.heard == ["welcome", "missed"]


async def test_nobody_came_after_all_goes_on_as_the_book_says_and_the_customer_is_called_again():
    node = stage(queue={"max_wait_s": 30})
    row = await wish(node)
    agent = node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    agent.state = "paused"
    call = await node.take(leg := picks_up(node, CONNECT))
    assert leg.heard[-1] == "bye"
    assert (call.result, call.reason, row.state) == ("diverted", "no_agents", "waiting")


async def test_a_customer_who_hangs_up_while_talking_was_served():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    leg = picks_up(node, CONNECT)

    async def ring(phone: str) -> None:
        await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))
        raise HungUp

    leg.on_dial = ring
    assert (await node.take(leg)).reason == "agent"
    assert row.outcome == "served"


# --- nobody answers -----------------------------------------------------------------------------------------------


async def test_a_phone_that_nobody_answers_is_rung_again_later_and_given_up_at_last():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    for tries, state in ((1, "waiting"), (2, "closed")):
        await node.dialler.round()
        call_id = f"callback-{row.id}-{tries}"
        await node.dialler.take(ChannelGone(call_id, call_id, "PJSIP/trunk-1"))
        assert (row.state, row.tries) == (state, tries)
        node.clock.advance(900)
    assert row.outcome == "missed"
    assert await dialled(node) == 2


async def test_the_end_of_another_channel_of_the_call_says_nothing():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.dialler.take(ChannelGone(f"callback-{row.id}-1", "1795.7", "PJSIP/agent-101-1"))
    await node.dialler.take(ChannelGone("1795.1", "1795.1", "PJSIP/trunk-2"))
    assert row.state == "dialling"


async def test_a_switch_that_does_not_call_costs_a_try():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})

    async def refuse(number: str, call_id: str) -> None:
        raise SwitchAway

    node.switchboard.on_call_out = refuse
    await node.dialler.round()
    assert (row.state, row.next_at) == ("waiting", node.clock.now() + 900)


async def _unknown(node: Stage) -> CallbackRow:
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})

    async def break_(number: str, call_id: str) -> None:
        raise ActionUnknown

    node.switchboard.on_call_out = break_
    await node.dialler.round()
    node.clock.advance(30 + LEASE_S)
    return row


async def test_an_order_whose_answer_is_missing_is_never_given_again_but_looked_for():
    node = stage()
    row = await _unknown(node)
    call_id = f"callback-{row.id}-1"
    node.switchboard.seen["x"] = ChannelSeen(call_id, call_id, "PJSIP/trunk-1", False)
    assert await dialled(node) == 1
    assert (row.state, row.next_at) == ("dialling", node.clock.now() + LEASE_S)
    node.switchboard.seen.clear()
    node.clock.advance(LEASE_S)
    await node.dialler.round()
    assert (row.state, row.tries) == ("waiting", 1)


async def test_while_the_switch_cannot_be_asked_nothing_is_decided():
    node = stage()
    row = await _unknown(node)

    async def away() -> tuple[ChannelSeen, ...]:
        raise SwitchAway

    node.switchboard.channels = away  # type: ignore[method-assign]
    await node.dialler.round()
    assert (row.state, row.tries) == ("dialling", 1)


# --- engines that die ---------------------------------------------------------------------------------------------


async def _dies(node: Stage, leg: ScriptedLeg, *, answered: bool) -> None:
    async def ring(phone: str) -> None:
        if answered:
            await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))
        raise asyncio.CancelledError

    leg.on_dial = ring
    with pytest.raises(asyncio.CancelledError):
        await node.take(leg)


async def test_an_engine_that_dies_before_it_dials_costs_the_customer_one_lease():
    node = stage()
    row = await wish(node)
    await node.callbacks.claim(row.id, 0, node="node-x", now=node.clock.now(), lease_s=45)
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    node.clock.advance(45)
    await node.dialler.round()
    assert (row.state, row.tries, row.next_at) == ("waiting", 1, node.clock.now() + 900)


async def test_the_second_engine_greets_a_customer_whose_first_engine_died_while_greeting():
    one = stage()
    row = await wish(one)
    one.agent(skills={"general": 5, "lang:zh": 5})
    await one.dialler.round()
    await one.take(picks_up(one, Break(hearing="greeting")))
    assert row.state == "dialling"
    two = Stage(book_with_callbacks(), settings=SETTINGS, node="node-b", beside=one)
    two.switchboard.called_out = one.switchboard.called_out
    call = await two.take(leg := picks_up(two, CONNECT, rung=2))
    assert leg.heard == ["greeting", "bye"]
    assert (call.reason, row.outcome) == ("agent", "served")


async def test_the_second_engine_lets_a_customer_who_asked_wait_on_at_the_kept_place():
    one = stage()
    row = await wish(one)
    one.agent(skills={"general": 5, "lang:zh": 5})
    await one.dialler.round()
    await _dies(one, picks_up(one, CONNECT), answered=False)
    assert row.state == "talking"
    two = Stage(book_with_callbacks(), settings=SETTINGS, node="node-b", beside=one)
    two.switchboard.called_out = one.switchboard.called_out
    call = await two.take(leg := picks_up(two, rung=2))
    assert leg.heard == ["bye"]
    assert (call.reason, row.outcome, two.need.since) == ("agent", "served", row.since)


async def test_the_second_engine_goes_on_after_a_conversation_that_the_first_one_did_not_see_end():
    one = stage()
    row = await wish(one)
    one.agent(skills={"general": 5, "lang:zh": 5})
    await one.dialler.round()
    await _dies(one, picks_up(one, CONNECT), answered=True)
    two = Stage(book_with_callbacks(), settings=SETTINGS, node="node-b", beside=one)
    two.switchboard.called_out = one.switchboard.called_out
    call = await two.take(leg := picks_up(two, rung=2))
    assert (leg.heard, leg.rung) == (["bye"], [])
    assert (call.reason, row.outcome) == ("agent", "served")


async def test_after_every_engine_of_a_call_has_died_the_records_say_that_they_talked():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    leg = picks_up(node, CONNECT)
    await _dies(node, leg, answered=True)
    row.next_at = node.clock.now()
    node.parts.live.clear()
    await node.dialler.round()
    assert row.outcome == "served"


async def test_a_customer_who_was_called_for_a_wish_that_has_moved_on_is_not_led_into_the_menu():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.callbacks.came_back(ANI, "general", now=node.clock.now())
    await node.take(leg := picks_up(node, CONNECT))
    assert (leg.heard, leg.rung, leg.is_done) == ([], [], True)
    assert row.outcome == "came_back"


async def test_a_store_that_goes_away_while_they_talk_is_told_at_the_end_of_the_lease():
    node = stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    leg = picks_up(node, CONNECT)

    async def ring(phone: str) -> None:
        await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))
        node.store.away = True

    leg.on_dial = ring
    async with node.dispatching():
        await converse(leg, node.parts)
    assert row.state == "talking"
    node.store.away = False
    node.clock.advance(60)
    await node.dialler.round()
    assert row.outcome == "served"


# --- who calls by themselves --------------------------------------------------------------------------------------


async def test_a_customer_who_calls_and_reaches_an_agent_of_that_queue_is_not_called_back():
    node = stage()
    row = await wish(node, due_in_s=3600)
    node.agent()
    assert (await node.take(node.leg(Press("0", hearing="main.balance")))).reason == "agent"
    assert (row.state, row.outcome) == ("closed", "came_back")
    assert node.parts.called_back == {"came_back": 1}


async def test_a_customer_who_calls_and_gives_up_is_still_called_back():
    node = stage()
    row = await wish(node, due_in_s=3600)
    await node.take(node.leg(Press("0", hearing="main.balance"), HangUp(after_s=20)))
    assert row.closed_at is None


async def test_a_whole_story_from_the_queue_to_the_callback():
    node = stage()
    await node.take(node.leg(Press("0", hearing="main.balance"), Press("1", after_s=45)))
    asked_at = node.need.since
    assert node.told("callback")[0]["outcome"] == "kept"
    await node.dialler.round()
    node.agent()
    assert await dialled(node) == 1
    leg = picks_up(node, CONNECT)
    leg.dials = [Dialled(DialStatus.NO_ANSWER), Dialled(DialStatus.ANSWERED, 90.0)]
    node.clock.later(60, lambda: (node.agent("tom"), node.hints.nudge("routing")))
    call = await node.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/tom"]
    assert (call.reason, node.need.since) == ("agent", asked_at)
    assert node.store.callbacks[1].outcome == "served"
