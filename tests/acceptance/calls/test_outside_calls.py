"""A caller states a complaint by voice, and is connected to an outside number: over real SIP and RTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from ivr.demo.voices import agent_voice
from ivr.lab.g711 import RATE, Samples, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robot_desk import RobotDesk
from ivr.lab.robots import Answer, Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import OUTSIDE, Site
from ivr.lab.tones import hears, tone
from ivr.prompts.catalogue import Catalogue
from ivr.testing.books import text_with
from menus.loader import load_book
from models.database import Database
from models.tables import CallRow, CaseRow, OutboxRow, RecordingRow

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]
CALLER = "+8613800000001"
BRANCH = "+861065551234"
TONES = CALLER_HZ, AGENT_HZ, BRANCH_HZ = 700.0, 1100.0, 1700.0
PROMPTS = """\
  what: {text: {en: "A matter, or the branch?", zh: 投诉还是网点？}}
  tell: {text: {en: Tell us after the tone what went wrong., zh: 请在提示音后说明情况。}}
  review: {text: {en: "To keep it, press 1. To hear it, press 2.", zh: 保留请按一。}}
  number: {text: {en: "The number of your case is {case_number:digits}.", zh: "编号{case_number:digits}。"}}
  unsaid: {text: {en: There was nothing to hear., zh: 没有听到。}}
  back: {text: {en: Welcome back from the branch., zh: 欢迎回来。}}
  nobody: {text: {en: Nobody answers at the branch., zh: 网点无人接听。}}
"""
STEPS = """\
  first:
    kind: menu
    greeting: what
    options:
      - {id: matter, key: 1, label: {en: a matter, zh: 投诉事项}, then: voice}
      - {id: branch, key: 2, label: {en: the branch, zh: 网点}, then: branch}
      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}
    no_input: {prompts: [silent], then: general}
    invalid: {prompts: [wrong], then: general}
  voice:
    kind: record
    purpose: complaint
    prompt: tell
    silence_s: 2
    longest_s: 30
    review: review
    then: case
    otherwise: unsaid
  case: {kind: case, subject: Complaint by voice, recording: recording, then: text, otherwise: unsaid}
  text: {kind: message, template: case, then: number, otherwise: number}
  number: {kind: goodbye, prompts: [number], because: message}
  unsaid: {kind: goodbye, prompts: [unsaid]}
  branch: {kind: transfer, to: branch, ring_s: 10, then: back, otherwise: nobody_there}
  back: {kind: goodbye, prompts: [back]}
  nobody_there: {kind: goodbye, prompts: [nobody]}
"""
MORE = f"""\
numbers: {{branch: "{BRANCH}"}}
templates:
  case: {{private: false, text: {{en: "Your case is {{case_number:digits}}.", zh: "编号{{case_number:digits}}。"}}}}
"""


@pytest.fixture(scope="module")
def _outside(
    tmp_path_factory: pytest.TempPathFactory, running: Callable[..., AbstractContextManager[Site]]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "menus").mkdir()
    (folder / "menus" / "book.yaml").write_text(text_with(STEPS, prompts=PROMPTS, more=MORE), encoding="utf-8")
    site = Site(
        folder,
        prompts=ROOT / "var" / "prompts",
        book=folder / "menus",
        overrides={"calls": {"dead_man_s": 3.0}, "outbound": {"caller_id": "+8695599"}},
    )

    with running(site, customers=10):
        yield site


@dataclass
class Line:
    """The site, a caller, and whoever is called outside."""

    site: Site
    database: Database
    caller: RobotCaller
    outside: RobotPhone
    catalogue: Catalogue
    voice: Samples
    calls: list[RobotCall] = field(default_factory=list)

    async def in_menu(self) -> RobotCall:
        call = await self.caller.dial("95599", number=CALLER)
        self.calls.append(call)
        await self.hear(call, "main")
        await call.ear.press("3")
        await self.hear(call, "what")
        return call

    async def hear(self, call: RobotCall, prompt: str, *, deadline_s: float = 10) -> None:
        """Until a prompt, or a voice, has begun on the line."""
        clip = self.voice if prompt == "voice" else self.sound(prompt)
        await self.until(lambda: recognise(call.ear.sound()[1], {"it": clip}), deadline_s=deadline_s)

    def sound(self, prompt: str, **values: Any) -> Samples:
        values = values or ({"case_number": "1"} if prompt == "number" else {})
        return read_wav(Path(self.catalogue.prompt(prompt, "en", **values)[0].sound + ".wav"))

    async def until(self, true: Any, *, deadline_s: float = 8) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_s
        while not (await came if asyncio.iscoroutine(came := true()) else came):
            assert loop.time() < deadline, f"not true within {deadline_s} s"
            await asyncio.sleep(0.2)

    async def newest(self, table: Any) -> Any:
        column = table.started_at if table is CallRow else table.id
        async with self.database.read() as session:
            return await session.scalar(select(table).order_by(column.desc()).limit(1))

    async def ended(self) -> str:
        async def over() -> bool:
            return (await self.newest(CallRow)).ended_at is not None

        await self.until(over)
        row = await self.newest(CallRow)
        return f"{row.result}/{row.reason}"


@pytest.fixture
async def line(_outside: Site) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(_outside.settings.database_url))
        asterisk = _outside.asterisk
        caller = await stack.enter_async_context(RobotCaller(asterisk.sip, asterisk.trunk_address))
        voice = await agent_voice(_outside.staff[0])
        outside = await stack.enter_async_context(
            RobotPhone(asterisk.phone_address(OUTSIDE), Manner(ring_s=0.3, talk_s=2.5, sentence=voice))
        )
        catalogue = Catalogue.load(_outside.prompts, load_book(_outside.book))
        made = Line(_outside, database, caller, outside, catalogue, voice)
        yield made
        await asyncio.gather(*(call.hang_up() for call in made.calls))
        await made.until(lambda: asterisk.channels() == 0)


def alike(line: Samples, said: Samples) -> tuple[float, float]:
    """Correlation of what was said with the best place on a line, and where on the line it ends, in seconds."""
    sound, clip = line.astype(np.float64), said.astype(np.float64)
    found = np.correlate(np.pad(sound, len(clip)), clip, mode="valid")
    at = int(np.argmax(found)) - len(clip)
    here = sound[max(at, 0) : at + len(clip)]
    part = clip[max(-at, 0) :][: len(here)]
    return float(np.dot(here, part) / np.sqrt(np.sum(here**2) * np.sum(part**2))), (at + len(clip)) / RATE


async def state(line: Line) -> RobotCall:
    """A caller who has said what went wrong."""
    call = await line.in_menu()
    await call.ear.press("1")
    await line.hear(call, "tell")
    length_s = len(line.sound("tell")) / RATE
    await asyncio.sleep(length_s + 1.0)  # the prompt's rest and the tone
    await call.ear.speak(line.voice)
    return call


async def test_a_complaint_by_voice_is_recorded_and_its_case_number_is_spoken(line: Line) -> None:
    call = await state(line)
    await line.hear(call, "review")
    await call.ear.press("2")
    await line.hear(call, "voice", deadline_s=12)  # the caller hears what they said
    await asyncio.sleep(len(line.voice) / RATE)
    await call.ear.press("1")
    await line.hear(call, "number")
    await call.wait_ended(deadline_s=15)
    assert await line.ended() == "diverted/message"
    recording, case, message = [await line.newest(table) for table in (RecordingRow, CaseRow, OutboxRow)]
    made = read_wav(line.site.settings.recordings.folder / f"{recording.id}.wav")
    correlation, end_s = alike(made, line.voice)
    assert correlation > 0.9
    assert abs(recording.seconds - end_s) < 0.6  # the silence after it is not counted
    assert recording.purpose == "complaint"
    assert (case.recording, case.call_id) == (recording.id, recording.call_id)
    clips = line.catalogue.prompt("number", "en", case_number=case.number)
    said = {clip.text: read_wav(Path(clip.sound + ".wav")) for clip in clips}
    heard = np.pad(call.ear.sound()[1], (0, RATE))  # the last word may end with the line
    assert {one.name for one in recognise(heard, said)} == set(said)
    assert (message.to, message.text, message.state) == (CALLER, f"Your case is {case.number}.", "waiting")


async def test_a_caller_who_hangs_up_after_speaking_has_a_case_all_the_same(line: Line) -> None:
    before = await line.newest(CaseRow)
    call = await state(line)
    await call.hang_up()
    assert await line.ended() == "diverted/message"
    recording, case = await line.newest(RecordingRow), await line.newest(CaseRow)
    assert case.recording == recording.id
    assert before is None or case.id > before.id
    made = read_wav(line.site.settings.recordings.folder / f"{recording.id}.wav")
    assert alike(made, line.voice)[0] > 0.9
    assert abs(recording.seconds - len(made) / RATE) < 0.3


async def test_a_transfer_rings_the_outside_number_and_the_caller_comes_back(line: Line) -> None:
    call = await line.in_menu()
    await call.ear.press("2")
    rung = await line.outside.rang(deadline_s=8)
    await line.hear(call, "voice")
    await line.hear(call, "back", deadline_s=12)
    await call.wait_ended(deadline_s=10)
    assert await line.ended() == "diverted/transferred"
    assert BRANCH in rung.dialog.local.decode()  # To
    assert "+8695599" in rung.dialog.remote.decode()  # From


async def test_a_caller_who_hangs_up_in_a_transfer_was_diverted(line: Line) -> None:
    line.outside.manner = Manner(ring_s=0.3, talk_s=30, sentence=line.voice)
    call = await line.in_menu()
    await call.ear.press("2")
    await line.hear(call, "voice")
    await call.hang_up()
    assert await line.ended() == "diverted/transferred"
    await line.until(lambda: line.outside.calls[-1].ended.is_set())


async def test_an_outside_number_that_is_busy_leads_the_other_way(line: Line) -> None:
    line.outside.manner = Manner(answer=Answer.BUSY, ring_s=0.1)
    call = await line.in_menu()
    await call.ear.press("2")
    await line.hear(call, "nobody")
    await call.wait_ended(deadline_s=10)
    assert await line.ended() == "served/goodbye"


@pytest.mark.fault("A8", "an engine dies while its caller is connected to an outside number")
async def test_an_engine_that_dies_in_a_transfer_does_not_ring_it_twice(line: Line) -> None:
    line.outside.manner = Manner(ring_s=0.3, talk_s=6, sentence=line.voice)
    call = await line.in_menu()
    await call.ear.press("2")
    await line.hear(call, "voice")
    line.site.engine.kill()
    assert not call.ended.is_set()
    await line.site.engine.start()
    await line.hear(call, "back", deadline_s=20)
    assert len(line.outside.calls) == 1
    await call.wait_ended(deadline_s=10)
    assert await line.ended() == "diverted/transferred"


@pytest.mark.parametrize("engine_dies", [False, True], ids=["", "and the engine dies"])
async def test_an_agent_talks_to_an_outside_number_first_and_then_hands_the_caller_over(
    line: Line, engine_dies: bool
) -> None:
    line.outside.manner = Manner(ring_s=0.3, talk_s=60, sentence=tone(BRANCH_HZ, 60))
    agent = line.site.staff[0]
    desk = await RobotDesk.sign_in(line.site.engine.url, agent.name, line.site.password)
    address = line.site.asterisk.phone_address(agent.phone.removeprefix("PJSIP/"))
    async with RobotPhone(address, Manner(ring_s=0.1, talk_s=60, sentence=tone(AGENT_HZ, 60))) as phone:
        await desk.say("ready")
        call = await line.in_menu()
        await call.ear.press("0")
        mine = await phone.rang(deadline_s=10)
        await desk.talk_is("line")
        speaking = asyncio.create_task(call.ear.speak(tone(CALLER_HZ, 60)))
        await desk.handle("consult", target={"kind": "number", "name": "+1900555"})
        assert await asyncio.wait_for(desk.refused.get(), 5) == "not_allowed"
        await desk.handle("consult", target={"kind": "number", "name": BRANCH})
        await desk.talk_is("consult")
        branch = line.outside.calls[-1]
        sides = await asyncio.gather(*(hears(one, TONES) for one in (mine, branch)))
        assert sides == [{BRANCH_HZ}, {AGENT_HZ}], "the two talk without the caller"
        await desk.handle("complete")
        await mine.wait_ended(deadline_s=5)
        await line.until(lambda: said_on(call, BRANCH_HZ))
        assert await hears(branch, TONES) == {CALLER_HZ}
        await desk.until("paused")
        told = line.site.asterisk.cli("core show channels concise")  # by which the sweep knows who is in a room as whom
        for profile in ("caller", "agent"):
            assert re.search(rf"!ConfBridge!ringwise-\d+,ringwise-room,ringwise-{profile}!", told)
        if engine_dies:
            line.site.engine.kill()
            await call.hang_up()
            await line.site.engine.start()
            await branch.wait_ended(deadline_s=20)  # nobody is left alone in the room
        else:
            await branch.hang_up()
            await call.wait_ended(deadline_s=10)
        speaking.cancel()
    await desk.close()
    assert await line.ended() == "served/agent"
    assert BRANCH in branch.dialog.local.decode()


async def said_on(call: RobotCall, hz: float) -> bool:
    return await hears(call, TONES, s=0.2) == {hz}
