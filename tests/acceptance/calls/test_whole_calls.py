"""Whole calls over real SIP and RTP, through a real Asterisk and a real engine, judged by sound and by record."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from ivr.demo.desks import AgentDesks
from ivr.lab.robots import Answer, Manner
from routing.agent import AgentState

pytestmark = pytest.mark.live

LI_NA, WANG_FANG, CHEN_WEI = "+8613800000001", "+8613800000002", "+8613800000003"
SHARED = "+8613800000005"


async def test_a_month_start_transferrer_hears_transfer_first_on_the_first(hotline: Any) -> None:
    call = await hotline.dial(LI_NA)
    await hotline.hear(call, hotline.clip("main_greeting"), deadline_s=8)
    await hotline.until(lambda: len(hotline.heard(call)) >= 2, deadline_s=10)
    await call.hang_up()
    assert hotline.heard(call)[0].name == "transfer"
    assert await hotline.ended(LI_NA) == "left/in_menu"
    (menu,) = await hotline.events(LI_NA, "menu")
    assert menu["order"][0]["option"] == "transfer"
    assert menu["order"][0]["key"] == "2"  # the key stays where it is
    told = [clip["prompt"] for event in await hotline.events(LI_NA, "prompts") for clip in event["clips"]]
    assert "main.transfer" in told


async def test_a_caller_without_a_number_hears_the_order_of_the_book(hotline: Any) -> None:
    call = await hotline.dial(None)
    await hotline.until(lambda: len(hotline.heard(call)) >= 2, deadline_s=14)
    await call.hang_up()
    assert [clip.name for clip in hotline.heard(call)][:2] == ["balance", "transfer"]
    assert await hotline.ended(None) == "left/in_menu"


async def test_a_shared_phone_shows_nobodys_habits(hotline: Any) -> None:
    call = await hotline.dial(SHARED)
    await hotline.until(lambda: len(hotline.heard(call)) >= 1, deadline_s=14)
    await call.hang_up()
    assert await hotline.ended(SHARED) == "left/in_menu"
    (found,) = await hotline.events(SHARED, "identified")
    assert (found["matches"], found["customer_id"]) == (2, None)


async def test_a_complaint_reaches_the_front_line_with_the_case_on_the_screen_before_the_ring(hotline: Any) -> None:
    async with AgentDesks(hotline.site.engines[0].url) as browser:
        desk = await browser.sign_in("grace", hotline.site.password)
        await desk.ready()
        call = await hotline.dial(CHEN_WEI)
        await call.ear.hear_sound(deadline_s=3)
        await call.ear.press("70")
        rung = await hotline.phones["grace"].rang(deadline_s=10)
        (stood,) = await desk.pops_stood()
        text = await desk.pop_text()
        await call.wait_ended(deadline_s=20)
        await desk.until("wrap_up")
        await desk.wrap_up()
    assert stood < rung.invited_at
    assert "Chen Wei" in text
    assert re.search(r"\b1000[0-9]{2}\b", text)  # the number of the case
    assert await hotline.ended(CHEN_WEI) == "served/agent"
    (offer,) = await hotline.offers(CHEN_WEI)
    assert offer.popped_at is not None
    assert (offer.disposition, offer.note) == ("resolved", "Demonstration call.")
    assert offer.popped_at <= offer.ringing_at <= offer.answered_at <= offer.closed_at


async def test_a_chinese_speaker_hears_chinese_and_reaches_an_agent_who_speaks_it(hotline: Any) -> None:
    await hotline.make_ready("meiling")
    call = await hotline.dial(WANG_FANG)
    await hotline.until(lambda: len(hotline.heard(call, "zh")) >= 1, deadline_s=14)
    await call.ear.press("0")
    await hotline.hear(call, hotline.phones["meiling"].manner.sentence, deadline_s=10)
    await call.wait_ended(deadline_s=20)
    assert await hotline.ended(WANG_FANG) == "served/agent"
    assert await hotline.agent_state("meiling") is AgentState.WRAP_UP


async def test_a_key_stops_the_prompt_at_once(hotline: Any) -> None:
    call = await hotline.dial(None)
    await hotline.hear(call, hotline.clip("main_greeting"), deadline_s=8)
    pressed = time.time()
    await call.ear.press("3")
    greeting = await hotline.hear(call, hotline.clip("cards_greeting"), deadline_s=5)
    await call.hang_up()
    assert greeting - pressed < 1.0
    assert await hotline.ended(None) == "left/in_menu"
    (key,) = await hotline.events(None, "key")
    assert key["option"] == "cards"


async def test_a_wrong_key_and_silence_are_told_apart(hotline: Any) -> None:
    call = await hotline.dial(None)
    await call.ear.hear_sound(deadline_s=3)
    await asyncio.sleep(1)
    await call.ear.press("9")
    await hotline.hear(call, hotline.clip("wrong_key"), deadline_s=8)
    await call.ear.press("3")
    await hotline.hear(call, hotline.clip("cards_greeting"), deadline_s=8)
    await hotline.hear(call, hotline.clip("nothing_heard"), deadline_s=30)
    await call.hang_up()
    assert await hotline.ended(None) == "left/in_menu"
    assert len(await hotline.events(None, "invalid")) == 1
    assert len(await hotline.events(None, "no_input")) == 1


async def test_an_agent_who_does_not_answer_is_set_aside_and_the_next_one_rings(hotline: Any) -> None:
    hotline.phones["carol"].manner = Manner(answer=Answer.DECLINE, ring_s=0.5)
    await hotline.make_ready("carol")
    await hotline.make_ready("chris")
    # Chris, who is the better general agent, is spared for others while Carol is free
    call = await hotline.dial(LI_NA)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("0")
    first = await hotline.phones["carol"].rang(deadline_s=8)
    second = await hotline.phones["chris"].rang(deadline_s=8)
    await call.wait_ended(deadline_s=20)
    assert second.invited_at - first.invited_at < 2.5
    assert await hotline.ended(LI_NA) == "served/agent"
    assert await hotline.agent_state("carol") is AgentState.MISSED
    declined, served = await hotline.offers(LI_NA)
    assert (declined.state, served.state) == ("declined", "completed")


async def test_a_waiting_caller_is_connected_the_moment_an_agent_is_ready(hotline: Any) -> None:
    call = await hotline.dial(LI_NA)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("0")
    await hotline.hear(call, hotline.clip("please_hold"), deadline_s=8)
    await asyncio.sleep(5)
    freed = time.time()
    await hotline.make_ready("chris")
    rung = await hotline.phones["chris"].rang(deadline_s=8)
    await call.hang_up()
    assert rung.invited_at - freed < 2.5  # nobody told the engine: it polls each second
    assert await hotline.ended(LI_NA) == "left/while_ringing"
    await hotline.until(lambda: hotline.phones["chris"].calls[0].ended.is_set())

    async def free_again() -> bool:
        return await hotline.agent_state("chris") is AgentState.READY

    await hotline.until(free_again)


async def test_an_agent_who_says_ready_on_the_desktop_is_rung_at_once(hotline: Any) -> None:
    async with AgentDesks(hotline.site.engines[0].url) as browser:
        desk = await browser.sign_in("chris", hotline.site.password)
        call = await hotline.dial(LI_NA)
        await call.ear.hear_sound(deadline_s=3)
        await call.ear.press("0")
        await hotline.hear(call, hotline.clip("please_hold"), deadline_s=8)
        said = time.time()
        await desk.page.click("#ready")
        rung = await hotline.phones["chris"].rang(deadline_s=8)
        (stood,) = await desk.pops_stood()
        await call.wait_ended(deadline_s=20)
        await desk.wrap_up()
    assert said < stood < rung.invited_at < said + 1.0
    assert await hotline.ended(LI_NA) == "served/agent"


async def test_a_caller_may_leave_the_queue_for_the_menu_they_came_from(hotline: Any) -> None:
    call = await hotline.dial(None)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("0")
    await hotline.hear(call, hotline.clip("please_hold"), deadline_s=8)
    await asyncio.sleep(4)
    await call.ear.press("*")
    await hotline.hear(call, hotline.clip("main_again"), deadline_s=6)
    await call.hang_up()
    assert await hotline.ended(None) == "left/in_menu"


HOSTILE = (
    b'"Robert\\"; EXEC System\\"touch pwned" <sip:1@127.0.0.2>',
    '"李娜 🙂 \u202egnol" <sip:1@127.0.0.2>'.encode(),
    b'"' + b"x" * 3000 + b'" <sip:1@127.0.0.2>',
    b'"%0Aagi_arg_1: evil%00" <sip:1@127.0.0.2>',
    b'"<img src=x onerror=alert(1)>" <sip:1@127.0.0.2>',
)


@pytest.mark.fault("S13", "a whole call under a hostile caller name")
@pytest.mark.parametrize("sender", HOSTILE, ids=["quotes", "emoji", "long", "percent", "html"])
async def test_a_hostile_name_changes_nothing_about_the_call(hotline: Any, sender: bytes) -> None:
    call = await hotline.dial(None, from_value=sender)
    await hotline.until(lambda: len(hotline.heard(call)) >= 1, deadline_s=14)
    await call.hang_up()
    assert await hotline.ended(None) == "left/in_menu"
    row = await hotline.record(None)
    assert len(row.caller_name) <= 64
    assert row.caller_name.isprintable()
    assert not Path("pwned").exists()
