"""Calling customers back: when somebody is dialled, and what becomes of the wish while nobody answers."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from ivr.callbacks import LEASE_S, may_ring_at
from ivr.conversation import converse
from ivr.errors import ActionUnknown, SwitchAway
from ivr.ports import CallbackWish, ChannelGone, ChannelSeen
from ivr.queues import Queues
from ivr.testing.books import book_with_callbacks
from ivr.testing.calling_back import SETTINGS, callback_stage, dialled, wish
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts
from models.tables import CallbackRow

OTHER = "+8613800000002"


# --- when somebody is dialled -------------------------------------------------------------------------------------


async def test_a_customer_is_dialled_once_when_an_agent_is_ready():
    node = callback_stage()
    row = await wish(node)
    assert await dialled(node) == 0
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 1
    assert await dialled(node) == 1
    assert node.switchboard.called_out == [(ANI, f"callback-{row.id}-1")]
    assert (row.state, row.tries, row.node) == ("dialling", 1, "node-a")
    assert row.next_at == node.clock.now() + 30 + LEASE_S


async def test_two_nodes_dial_a_customer_once():
    one = callback_stage()
    other = Stage(book_with_callbacks(), settings=SETTINGS, node="node-b", beside=one)
    await wish(one)
    one.agent(skills={"general": 5, "lang:zh": 5})
    await asyncio.gather(one.dialler.round(), other.dialler.round())
    assert len(one.switchboard.called_out) + len(other.switchboard.called_out) == 1


async def test_nobody_is_dialled_before_the_time_that_was_wished():
    node = callback_stage()
    await wish(node, due_in_s=60)
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    node.clock.advance(60)
    assert await dialled(node) == 1


async def test_nobody_is_dialled_while_they_are_on_a_call_with_us():
    node = callback_stage()
    await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5, "lang:en": 5})
    leg = node.leg(HangUp(hearing="main"))
    node.log.opened(leg.arrival, now=1, facts=CallerFacts(ani=ANI), language="en", book_version=1)
    assert await dialled(node) == 0
    await converse(leg, node.parts)
    assert await dialled(node) == 1


async def test_no_more_phones_ring_than_the_settings_allow_at_once():
    node = callback_stage()
    for number in range(4):
        await wish(node, f"+861380000001{number}")
        node.agent(f"agent-{number}", skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 2
    assert await dialled(node) == 2


async def test_a_caller_who_came_later_does_not_get_the_agent_of_the_callback():
    node = callback_stage()
    await wish(node, language="en")
    await node.dialler.round()
    waits = node.leg(Press("0", hearing="main.balance"), HangUp(after_s=60), ani=OTHER)
    node.clock.later(20, lambda: (node.agent(), node.hints.nudge("routing")))
    await node.take(waits)
    assert waits.rung == []
    assert await dialled(node) == 1


async def test_a_caller_who_came_before_is_served_before_anybody_is_dialled():
    node = callback_stage()
    row = await wish(node, language="en")
    row.since = node.clock.now() + 30  # later than the caller below
    await node.dialler.round()
    waits = node.leg(Press("0", hearing="main.balance"), ani=OTHER)
    node.clock.later(20, lambda: (node.agent(), node.hints.nudge("routing")))
    assert (await node.take(waits)).reason == "agent"
    assert await dialled(node) == 0


async def test_a_number_that_may_not_be_called_any_more_is_given_up():
    node = callback_stage()
    row = await wish(node, "+4930123456")
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    assert (row.outcome, node.parts.called_back) == ("missed", {"missed": 1})


async def test_without_a_switch_or_a_greeting_nobody_is_dialled():
    node = callback_stage()
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
    node = callback_stage()
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


# --- nobody answers -----------------------------------------------------------------------------------------------


async def test_a_phone_that_nobody_answers_is_rung_again_later_and_given_up_at_last():
    node = callback_stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    for tries, state in ((1, "waiting"), (2, "closed")):
        await node.dialler.round()
        call_id = f"callback-{row.id}-{tries}"
        await node.dialler.take(ChannelGone(call_id, call_id))
        assert (row.state, row.tries) == (state, tries)
        node.clock.advance(900)
    assert row.outcome == "missed"
    assert await dialled(node) == 2


async def test_the_end_of_another_channel_of_the_call_says_nothing():
    node = callback_stage()
    row = await wish(node)
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.dialler.take(ChannelGone(f"callback-{row.id}-1", "1795.7"))
    await node.dialler.take(ChannelGone("1795.1", "1795.1"))
    assert row.state == "dialling"


async def test_a_switch_that_does_not_call_costs_a_try():
    node = callback_stage()
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
    node = callback_stage()
    row = await _unknown(node)
    call_id = f"callback-{row.id}-1"
    node.switchboard.seen["x"] = ChannelSeen(call_id, "PJSIP/trunk-1", False)
    assert await dialled(node) == 1
    assert (row.state, row.next_at) == ("dialling", node.clock.now() + LEASE_S)
    node.switchboard.seen.clear()
    node.clock.advance(LEASE_S)
    await node.dialler.round()
    assert (row.state, row.tries) == ("waiting", 1)


async def test_while_the_switch_cannot_be_asked_nothing_is_decided():
    node = callback_stage()
    row = await _unknown(node)

    async def away() -> tuple[ChannelSeen, ...]:
        raise SwitchAway

    node.switchboard.channels = away  # type: ignore[method-assign]
    await node.dialler.round()
    assert (row.state, row.tries) == ("dialling", 1)


# --- opening hours --------------------------------------------------------------------------------------------------


def at(node: Stage, local: str) -> float:
    """That moment of the site's clock: 2026-11-27 is a Friday."""
    return datetime.fromisoformat(local).replace(tzinfo=node.parts.settings.zone).timestamp()


async def test_a_retry_is_moved_into_the_hours_of_the_wish():
    node = callback_stage()
    node.clock.advance(at(node, "2026-11-27T19:50") - node.clock.now())
    row = await wish(node, hours="service")
    node.agent(skills={"general": 5, "lang:zh": 5})
    await node.dialler.round()
    await node.dialler.take(ChannelGone("callback-1-1", "callback-1-1"))
    assert (row.state, row.next_at) == ("waiting", at(node, "2026-11-30T08:00"))


async def test_nobody_is_rung_after_hours_however_many_agents_stay_and_the_place_is_kept():
    node = callback_stage()
    node.clock.advance(at(node, "2026-11-27T19:59:30") - node.clock.now())
    row = await wish(node, hours="service")
    assert await dialled(node) == 0
    node.clock.advance(60)
    node.agent(skills={"general": 5, "lang:zh": 5})
    assert await dialled(node) == 0
    assert (row.state, row.next_at, row.tries) == ("waiting", at(node, "2026-11-30T08:00"), 0)
    assert await node.callbacks.all_open(now=node.clock.now()) == ()  # so that it keeps no other from being looked at
    node.clock.advance(at(node, "2026-11-30T08:00") - node.clock.now())
    assert await dialled(node) == 1


@pytest.mark.parametrize(
    ("hours", "queue_hours", "opens"),
    [
        (None, None, "2026-11-27T21:00"),
        ("service", None, "2026-11-30T08:00"),
        (None, "late", "2026-11-28T10:00"),
        ("service", "late", "2026-11-30T10:00"),
        ("unknown", None, "2026-11-27T21:00"),
        ("service", "never", "2026-11-27T21:00"),
    ],
)
async def test_a_phone_may_ring_in_the_hours_of_the_wish_and_of_its_queue(hours, queue_hours, opens):
    node = callback_stage()
    site = Queues.model_validate(
        {
            "version": 1,
            "calendar": {"hours": {"late": "Mo-Su 10:00-20:00", "never": "Mo-Su off"}},
            "queues": {"general": {"skills": {"general": 1}, **({"hours": queue_hours} if queue_hours else {})}},
        }
    )
    parts = replace(node.parts, queues=site.table(str(node.parts.settings.zone)))
    now = at(node, "2026-11-27T21:00")
    asked = CallbackWish("c", ANI, None, "general", "", "en", "now", now, now, hours=hours)
    assert may_ring_at(parts, asked, now) == at(node, opens)
