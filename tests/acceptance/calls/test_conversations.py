"""What agents do with a caller while they talk, from real desktops, over real SIP and RTP."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from ivr.demo.desks import AgentDesk, AgentDesks
from ivr.lab.g711 import RATE, Samples
from ivr.lab.recognise import recognise
from models.agents import Agents
from routing.agent import AgentState

pytestmark = pytest.mark.live

CHEN_WEI = "+8613800000003"


def talkative(hotline: Any, *names: str) -> None:
    """Let these agents' phones talk until somebody hangs up."""
    for name in names:
        hotline.phones[name].manner = replace(hotline.phones[name].manner, talk_s=60.0)


async def act(desk: AgentDesk, name: str) -> None:
    """Press one of the buttons of the conversation."""
    await desk.page.click(f"#talk-acts [data-act={name}]:not(:disabled)")


async def hand(desk: AgentDesk, kind: str, name: str = "", note: str = "") -> None:
    """Choose to whom the caller is handed."""
    await desk.page.wait_for_selector("#hand[open]")
    await desk.page.fill("#hand-note", note)
    await desk.page.click(f"#hand-list [data-kind={kind}][data-name='{name}']")


async def talk_is(desk: AgentDesk, state: str) -> None:
    """Wait until the desktop says where the caller is."""
    await desk.page.wait_for_selector(f"#talk[data-talk={state}]")


async def complain(hotline: Any) -> Any:
    """A caller with a complaint."""
    call = await hotline.dial(CHEN_WEI)
    await call.ear.hear_sound(deadline_s=3)
    await call.ear.press("70")
    return call


async def test_a_complaint_is_escalated_blind_with_everything_said_so_far(hotline: Any) -> None:
    talkative(hotline, "grace", "jianguo")
    async with AgentDesks(hotline.site.engines[0].url) as browser:
        grace = await browser.sign_in("grace", hotline.site.password)
        await grace.ready()
        call = await complain(hotline)
        await talk_is(grace, "line")
        jianguo = await browser.sign_in("jianguo", hotline.site.password)
        await jianguo.ready()
        await act(grace, "transfer")
        await hand(grace, "tier", note="The fee was charged twice.")
        await grace.wrap_up()
        rung = await hotline.phones["jianguo"].rang(deadline_s=10)
        await talk_is(jianguo, "line")
        (stood,) = await jianguo.pops_stood()
        text = await jianguo.pop_text()
        await speaks(hotline, "jianguo", call)
        await jianguo.page.keyboard.press("e")
        await jianguo.until("wrap_up")
    assert stood < rung.invited_at
    assert "Grace Wong" in text
    assert "The fee was charged twice." in text
    assert len(hotline.phones["grace"].calls) == 1
    first, second = await hotline.offers(CHEN_WEI)
    assert (first.disposition, first.state, second.state) == ("resolved", "completed", "completed")
    needs = await hotline.events(CHEN_WEI, "need")
    assert [need["tier"] for need in needs] == [1, 2]
    assert await hotline.agent_state("jianguo") is AgentState.WRAP_UP


SPOKEN = 200.0  #: loudness above which there is sound
PIECE = int(0.3 * RATE)  #: of a sentence, in samples: a room drops a frame now and then, which leaves the others whole


def hears(line: Any, sentence: Samples, after: float) -> bool:
    """Whether several pieces of a sentence stand on a line after that moment."""
    pieces = {str(at): sentence[at : at + PIECE] for at in range(0, len(sentence) - PIECE, PIECE)}
    spoken = {name: piece for name, piece in pieces.items() if loudness(piece) > SPOKEN}
    return len({one.name for one in recognise(sound_since(line, after), spoken)}) >= 3


def music(line: Any, after: float) -> bool:
    """Whether there has been a second of sound on a line since that moment, although no agent speaks."""
    sound = sound_since(line, after)
    return len(sound) >= RATE and loudness(sound[-RATE // 2 :]) > SPOKEN


def sound_since(line: Any, after: float) -> Samples:
    """What stands on a line since that moment."""
    start, sound = line.ear.sound()
    return sound[max(0, int((after - start) * RATE)) :]


def loudness(sound: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2))) if len(sound) else 0.0


async def speaks(hotline: Any, name: str, *listeners: Any) -> None:
    """Let an agent say their sentence until all of these lines have it: the first may come before they are there."""
    phone = hotline.phones[name]
    for tries_left in (2, 1, 0):
        began = time.time()
        speaking = asyncio.create_task(phone.calls[-1].ear.speak(phone.manner.sentence))
        try:
            for line in listeners:
                heard = partial(hears, line, phone.manner.sentence, began)
                await hotline.until(heard, deadline_s=5)
        except AssertionError:
            if not tries_left:
                raise
        else:
            return
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)


@pytest.mark.fault("A1", "kill -9 of the engine of a conference, which one of the two agents' pages is on, too")
async def test_a_caller_on_hold_hears_music_while_two_agents_talk_and_then_all_three_and_then_the_second(
    hotline: Any, record_property: Callable[[str, object], None]
) -> None:
    talkative(hotline, "grace", "jianguo")
    sites, agents = hotline.site.engines, Agents(hotline.database)
    await agents.set_auto_answer("jianguo", True)
    async with AgentDesks(sites[1].url) as elsewhere, AgentDesks(sites[0].url) as browser:
        grace = await elsewhere.sign_in("grace", hotline.site.password)
        jianguo = await browser.sign_in("jianguo", hotline.site.password)
        await grace.ready()
        call = await complain(hotline)
        await talk_is(grace, "line")
        await hotline.hear(call, hotline.phones["grace"].manner.sentence, deadline_s=10)
        await grace.page.keyboard.press("h")
        await talk_is(grace, "held")
        await hotline.until(partial(music, call, time.time()))
        await jianguo.ready()
        await grace.page.keyboard.press("c")
        await hand(grace, "agent", "jianguo", note="Is the fee right?")
        await hotline.phones["jianguo"].rang(deadline_s=15)
        await talk_is(grace, "consult")
        text = await jianguo.pop_text()
        said = time.time()
        first, second = hotline.phones["grace"].calls[0], hotline.phones["jianguo"].calls[0]
        await agents.set_auto_answer("jianguo", None)
        await speaks(hotline, "jianguo", first)
        assert not hears(call, hotline.phones["jianguo"].manner.sentence, said)
        await act(grace, "conference")
        await talk_is(grace, "conference")
        await speaks(hotline, "jianguo", call, first)
        await speaks(hotline, "grace", call, second)
        sites[0].kill()  # it has the call, and the second agent's page
        killed = time.time()
        await speaks(hotline, "grace", call, second)
        await act(grace, "complete")
        await grace.until("wrap_up")
        await talk_is(jianguo, "room")
        record_property("the caller, with the second agent alone", f"{time.time() - killed:.1f} s after the kill")
        await speaks(hotline, "jianguo", call)
        await act(jianguo, "end")
        await jianguo.until("wrap_up")
    assert ("Grace Wong" in text, "Is the fee right?" in text) == (True, True)
    done = [event["does"] for event in await hotline.events(CHEN_WEI, "talk")]
    assert done == ["hold", "consult", "conference", "complete"]
    headers = [header.partition(": ") for header in hotline.site.settings.phones.auto_answer_headers]
    assert [second.asked(name) for name, _, _ in headers] == [value for _, _, value in headers]
    assert [first.asked(name) for name, _, _ in headers] == ["", ""]
    offers = await hotline.offers(CHEN_WEI)
    assert [(offer.state, offer.popped_at is not None) for offer in offers] == [("completed", True)] * 2


@pytest.mark.fault("A1", "kill -9 of an engine whose caller is on hold; then the phone of their agent hangs up")
async def test_a_caller_who_is_put_on_hold_is_lost_neither_with_the_engine_nor_with_the_agent(hotline: Any) -> None:
    talkative(hotline, "grace", "ruth")
    engine = hotline.site.engines[0]
    async with AgentDesks(hotline.site.engines[1].url) as browser:
        grace = await browser.sign_in("grace", hotline.site.password)
        await grace.ready()
        call = await complain(hotline)
        await talk_is(grace, "line")
        engine.kill()
        await act(grace, "hold")
        await talk_is(grace, "held")
        await grace.page.keyboard.press("h")
        await talk_is(grace, "room")
        await speaks(hotline, "grace", call)
        await act(grace, "hold")
        await talk_is(grace, "held")
        await hotline.phones["grace"].calls[0].hang_up()
        await grace.until("wrap_up")
        await hotline.make_ready("ruth")
        await hotline.phones["ruth"].rang(deadline_s=10)
        await speaks(hotline, "ruth", call)
        await call.hang_up()
    assert await hotline.ended(CHEN_WEI) == "served/agent"
    assert [offer.state for offer in await hotline.offers(CHEN_WEI)] == ["completed", "completed"]
