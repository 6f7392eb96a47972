"""Calling customers back: what they hear, and what becomes of the wish, whatever goes wrong."""

import asyncio
from collections.abc import Callable

import pytest

from ivr.conversation import converse
from ivr.errors import HungUp
from ivr.ports import Dialled, DialStatus, PhoneAnswered
from ivr.testing.books import book_that_records, book_with_callbacks
from ivr.testing.calling_back import CONNECT, SETTINGS, callback_stage, dialled, picks_up, wish
from ivr.testing.line import Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts
from models.tables import CallbackRow
from routing.errors import StoreAway


async def talking(then: Callable[[Stage], None]) -> tuple[Stage, CallbackRow, ScriptedLeg]:
    """A customer who is called and connected, whose line is yet to be taken; what happens as soon as they talk."""
    node = callback_stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    leg = picks_up(node, CONNECT)

    async def ring(phone: str) -> None:
        await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))
        then(node)

    leg.on_dial = ring
    return node, row, leg


# --- what the customer hears, and what becomes of it --------------------------------------------------------------


async def test_a_customer_who_presses_the_key_talks_to_an_agent_who_knows_that_it_is_a_callback():
    node = callback_stage()
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
    node = callback_stage()
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
    node = callback_stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    call = await node.take(leg := picks_up(node))
    assert leg.heard == ["greeting", "greeting"]
    assert leg.is_done
    assert (leg.rung, call.result, call.reason) == ([], "left", "no_input")
    assert (row.state, row.next_at) == ("waiting", node.clock.now() + 900)


async def test_another_key_does_not_connect():
    node = callback_stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.take(leg := picks_up(node, Press("5", hearing="greeting"), CONNECT))
    assert leg.heard == ["greeting", "greeting", "bye"]


async def test_hanging_up_while_greeted_or_while_waiting_means_to_be_called_again_and_then_missed():
    node = callback_stage()
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
    node = callback_stage()
    row = await wish(node)
    row.tries = 1
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.take(picks_up(node))
    assert row.outcome == "missed"
    await node.take(leg := node.leg(HangUp(hearing="missed")))
    assert leg.heard == ["welcome", "missed"]


async def test_nobody_came_after_all_goes_on_as_the_book_says_and_the_customer_is_called_again():
    node = callback_stage(queue={"max_wait_s": 30})
    row = await wish(node)
    agent = node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    agent.state = "paused"
    call = await node.take(leg := picks_up(node, CONNECT))
    assert leg.heard[-1] == "bye"
    assert (call.result, call.reason, row.state) == ("diverted", "no_agents", "waiting")


async def test_a_customer_who_hangs_up_while_talking_was_served():
    def hang_up(node: Stage) -> None:
        raise HungUp

    node, row, leg = await talking(hang_up)
    assert (await node.take(leg)).reason == "agent"
    assert row.outcome == "served"


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
    node = callback_stage()
    row = await wish(node)
    await node.callbacks.claim(row.id, 0, node="node-x", now=node.clock.now(), lease_s=45)
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    node.clock.advance(45)
    await node.dialler.round()
    assert (row.state, row.tries, row.next_at) == ("waiting", 1, node.clock.now() + 900)


async def test_the_second_engine_greets_a_customer_whose_first_engine_died_while_greeting():
    one = callback_stage()
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
    one = callback_stage()
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
    one = callback_stage()
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
    node = callback_stage()
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
    node = callback_stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.callbacks.came_back(ANI, "general", now=node.clock.now())
    await node.take(leg := picks_up(node, CONNECT))
    assert (leg.heard, leg.rung, leg.is_done) == ([], [], True)
    assert row.outcome == "came_back"


async def test_a_store_that_goes_away_while_they_talk_is_told_at_the_end_of_the_lease():
    def lose(node: Stage) -> None:
        node.store.away = True

    node, row, leg = await talking(lose)
    async with node.dispatching():
        await converse(leg, node.parts)
    assert row.state == "talking"
    node.store.away = False
    node.clock.advance(60)
    await node.dialler.round()
    assert row.outcome == "served"


# --- who calls by themselves --------------------------------------------------------------------------------------


async def test_a_customer_who_calls_and_reaches_an_agent_of_that_queue_is_not_called_back():
    node = callback_stage()
    row = await wish(node, due_in_s=3600)
    node.agent()
    assert (await node.take(node.leg(Press("0", hearing="main.balance")))).reason == "agent"
    assert (row.state, row.outcome) == ("closed", "came_back")
    assert node.parts.called_back == {"came_back": 1}


async def test_a_store_that_goes_away_before_the_wish_is_closed_costs_the_agent_nothing():
    async def lost(*_: object, **__: object) -> bool:
        raise StoreAway

    node = callback_stage()
    await wish(node, due_in_s=3600)
    agent = node.agent()
    node.parts.callbacks.came_back = lost
    assert (await node.take(node.leg(Press("0", hearing="main.balance")))).reason == "agent"
    assert node.desk.changes[-1] == agent.id
    assert node.parts.called_back == {}


async def test_a_customer_who_calls_and_gives_up_is_still_called_back():
    node = callback_stage()
    row = await wish(node, due_in_s=3600)
    await node.take(node.leg(Press("0", hearing="main.balance"), HangUp(after_s=20)))
    assert row.closed_at is None


async def test_a_whole_story_from_the_queue_to_the_callback():
    node = callback_stage()
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


# --- who rings in meanwhile, and who holds the agent until they are there -------------------------------------------


async def test_a_caller_who_rings_in_has_the_place_that_they_keep_for_a_callback():
    node = callback_stage()
    row = await wish(node, ago_s=900, credit_s=60.0)
    await node.take(leg := node.leg(Press("0", hearing="main"), HangUp(after_s=5), call_id="c1"))
    assert leg.rung == []
    assert (node.need.since, node.need.credit_s) == (row.since, 60.0)
    (told,) = node.told("callback", "c1")
    assert (told["outcome"], told["since"]) == ("kept_place", row.since)
    assert row.state == "waiting"  # they gave up: they are called
    node.agent(skills={"general": 5, "lang:zh": 5, "lang:en": 5})
    await node.take(node.leg(Press("0", hearing="main"), HangUp(hearing="bye"), call_id="c2"))
    assert (row.state, row.outcome) == ("closed", "came_back")


async def test_another_queue_and_a_callback_for_later_give_no_place():
    node = callback_stage()
    later = await wish(node, ago_s=-900)
    await node.take(node.leg(Press("0", hearing="main"), HangUp(after_s=5), call_id="c1"))
    assert node.need.since == pytest.approx(node.clock.now(), abs=10)
    later.queue, later.since = "cards", node.clock.now() - 900
    await node.take(node.leg(Press("0", hearing="main"), HangUp(after_s=5), call_id="c2"))
    assert node.need.since == pytest.approx(node.clock.now(), abs=10)


def announcing() -> Stage:
    """Conversations are recorded, and callers are told so before they wait."""
    book, records = book_with_callbacks(), book_that_records()
    prompts = {**book.prompts, "record_now": records.prompts["record_now"], "may_we": records.prompts["may_we"]}
    book = book.model_copy(update={"recorded": records.recorded, "prompts": prompts})
    return Stage(book, settings=SETTINGS, queue={"recording": "announced"})


async def test_while_a_recording_is_announced_the_agent_is_left_to_the_customer():
    node, seen = announcing(), set[tuple[str, bool]]()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    leg = picks_up(node, CONNECT)
    for tenths in range(400):
        node.clock.later(tenths / 10, lambda: seen.add((row.state, bool(node.store.needs))))
    await node.take(leg)
    assert leg.heard[:2] == ["greeting", "record_now"]
    assert {("dialling", False), ("talking", True)} <= seen
    assert ("talking", False) not in seen


async def test_the_wait_of_a_caller_begins_before_a_recording_is_announced():
    node, announced = announcing(), list[float]()
    leg = node.leg(Press("0", hearing="main"), HangUp(hearing="hold"))
    for tenths in range(200):
        node.clock.later(tenths / 10, lambda: "record_now" in leg.heard and announced.append(node.clock.now()))
    await node.take(leg)
    assert leg.heard[-2:] == ["record_now", "hold"]
    assert node.need.since <= announced[0]
