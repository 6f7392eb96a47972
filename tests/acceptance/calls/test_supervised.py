"""Conversations that are recorded and supervised: two engines, real SIP and RTP, and desktops on the other engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from json import loads
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy import select
from websockets.asyncio.client import ClientConnection

from ivr.bank.staff import AgentSeed
from ivr.lab.g711 import RATE, read_wav
from ivr.lab.recognise import recognise
from ivr.lab.robots import Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.lab.tones import LOUD, heard, hears, level, tone
from ivr.prompts.catalogue import Catalogue
from ivr.testing.books import SMALL
from ivr.testing.desktop import Browser, hear, say
from menus.loader import load_book
from models.agents import Agents
from models.database import Database
from models.tables import CallEventRow, CallRow, RecordingRow

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[3]
STAFF = (
    AgentSeed("grace", "Grace Hopper", "PJSIP/agent-101", {"general": 5, "lang:en": 5, "lang:zh": 5}),
    AgentSeed("ada", "Ada Lovelace", "PJSIP/agent-102", {"loans": 5, "lang:en": 5}),
)
QUEUES = """\
version: 1
queues:
  general: {skills: {general: 1}, wrap_up_s: 0, recording: announced}
  short: {skills: {general: 1}, wrap_up_s: 0, max_talk_s: 4, talk_warning_s: 2}
  asked: {skills: {general: 1}, wrap_up_s: 0, max_talk_s: 9, talk_warning_s: 2, recording: asked}
  loans: {skills: {loans: 1}, wrap_up_s: 0, recording: asked}
"""
MAY_WE = "  may_we: {text: {en: May we record the call?, zh: 可以录音吗？}}\n"
BOOK = (
    SMALL.replace("prompts:\n", "recorded: {announced: bye, asked: may_we, agree_key: 1}\nprompts:\n" + MAY_WE, 1)
    .replace("label: {en: a complaint, zh: 投诉}, then: general", "label: {en: a complaint, zh: 投诉}, then: short")
    .replace("label: {en: transfers, zh: 转账}, then: general", "label: {en: transfers, zh: 转账}, then: asked")
    + "  short: {kind: route, queue: short, reason: Short, then: thanks, otherwise: nobody}\n"
    + "  asked: {kind: route, queue: asked, reason: Asked, then: thanks, otherwise: nobody}\n"
)
CALLER_HZ, AGENT_HZ, SUPERVISOR_HZ = 700.0, 1100.0, 1700.0
HZ = {"grace": AGENT_HZ, "ada": SUPERVISOR_HZ}
TONES = (CALLER_HZ, AGENT_HZ, SUPERVISOR_HZ)


async def until(true: Callable[[], Any], deadline_s: float = 8.0) -> Any:
    """What comes when it is true; `true` may be a coroutine function."""
    deadline = time.monotonic() + deadline_s
    while True:
        came = true()
        came = await came if asyncio.iscoroutine(came) else came
        if came:
            return came
        assert time.monotonic() < deadline, "not true in time"
        await asyncio.sleep(0.05)


@dataclass
class Desk:
    """An agent's desktop over its socket; `state` is what was told last."""

    socket: ClientConnection
    state: dict[str, Any]

    async def follow(self, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next state that is so."""
        while not (self.state and true(self.state)):
            self.state = await hear(self.socket, "state", within_s=8)
        return self.state

    async def talk_is(self, where: str) -> None:
        """Until the desktop says that the caller is there."""
        await self.follow(lambda state: ((state["offer"] or {}).get("talk") or {}).get("state") == where)

    async def hands_on_to(self, queue: str) -> None:
        """Transfer the caller of this agent."""
        target = {"kind": "queue", "name": queue}
        await say(self.socket, "handle", offer_id=self.state["offer"]["offer_id"], do="transfer", target=target)
        await self.follow(lambda state: (state["offer"] or {}).get("closed_at") or state["offer"] is None)

    async def recording(self, wanted: str) -> None:
        """Until the recording is so."""
        await self.follow(lambda state: ((state["offer"] or {}).get("recording") or {}).get("state") == wanted)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two engines on one Asterisk; calls come to the first, desktops are on the second."""
    folder = tmp_path_factory.mktemp("supervised")
    (folder / "menus").mkdir()
    (folder / "menus" / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "queues.yaml").write_text(QUEUES, encoding="utf-8")
    site = Site(
        folder,
        prompts=ROOT / "var" / "prompts",
        nodes=2,
        book=folder / "menus",
        queues=folder / "queues.yaml",
        staff=STAFF,
        overrides={"personal": {"hold_out": 0.0}},
    )
    await site.prepare(site.settings.database_url, until=date(2026, 12, 1), customers=6)
    async with Database.opened(site.settings.database_url) as database:
        await Agents(database).set_supervisor("ada", supervisor=True)
    await site.publish()
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


@dataclass
class Floor:
    """The site as the tests see it."""

    site: Site
    database: Database
    caller: RobotCaller
    phones: dict[str, RobotPhone]
    stack: AsyncExitStack

    async def desk(self, name: str) -> Desk:
        """An agent signs in at the second engine."""
        browser = Browser(int(self.site.engines[1].url.rpartition(":")[2]))
        cookie = await browser.sign_in(name, self.site.password)
        return Desk(await self.stack.enter_async_context(await browser.open(cookie)), {})

    async def talk(self, desk: Desk, key: str = "0", *, asked: str = "") -> tuple[RobotCall, RobotCall]:
        """The agent is ready and a caller comes; both lines, once they talk. `asked`: the key to what is asked then."""
        await say(desk.socket, "ready")
        rung = len(self.phones["grace"].calls)
        call = await self.caller.dial("95599", number="+8613800000009")
        await call.ear.hear_sound(deadline_s=5)
        await call.ear.press(key)
        if asked:
            await self.says(call, "may_we")
            await call.ear.press(asked)
        phone = await self.phones["grace"].rang(rung + 1, deadline_s=12)
        await desk.follow(lambda state: state["offer"] and state["offer"]["answered_at"])
        return call, phone

    async def says(self, call: RobotCall, prompt: str) -> None:
        """Until a prompt has begun on the line."""
        catalogue = Catalogue.load(self.site.prompts, load_book(self.site.book))
        clip = read_wav(Path(catalogue.prompt(prompt, "en")[0].sound + ".wav"))
        await until(lambda: recognise(np.pad(call.ear.sound()[1], (0, RATE)), {"it": clip}))  # the line may end with it

    async def recordings(self) -> list[str]:
        """The files of conversations, and what is listed of them."""
        async with self.database.read() as session:
            listed = await session.scalars(select(RecordingRow.id))
        files = [file.name for file in (self.site.folder / "recordings").glob("*-talk*")]
        return sorted([*listed, *files])

    async def events(self, call_kind: str) -> list[dict[str, Any]]:
        """What the records of all calls say of a kind of event."""
        async with self.database.read() as session:
            wanted = select(CallEventRow.data).where(CallEventRow.kind == call_kind).order_by(CallEventRow.id)
            return list(await session.scalars(wanted))

    async def events_to(self, kind: str, act: str) -> list[dict[str, Any]]:
        """The events of a kind, once the last is of this act."""
        found = await self.events(kind)
        return found if found and found[-1]["act"] == act else []

    async def newest_ending(self) -> str:
        """How the newest call ended: result/reason; empty until it has."""
        async with self.database.read() as session:
            call = (await session.scalars(select(CallRow).order_by(CallRow.started_at.desc()).limit(1))).one()
            return f"{call.result}/{call.reason}" if call.ended_at is not None else ""

    async def listed(self) -> RecordingRow | None:
        """The newest recording, once it is closed."""
        async with self.database.read() as session:
            newest = select(RecordingRow).order_by(RecordingRow.at.desc()).limit(1)
            found: RecordingRow | None = await session.scalar(newest)
            return found if found is not None and found.seconds > 0 else None


@pytest_asyncio.fixture(loop_scope="module")
async def floor(site: Site) -> AsyncIterator[Floor]:
    """The caller's robot and the agents' phones; both engines are up."""
    for engine in site.engines:
        if not engine.running:
            await engine.start()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        caller = await stack.enter_async_context(RobotCaller(site.asterisk.sip, site.asterisk.trunk_address))
        phones = {}
        for agent in STAFF:
            manner = Manner(ring_s=0.2, talk_s=30, sentence=tone(HZ[agent.name], 30))
            robot = RobotPhone(site.asterisk.phone_address(agent.phone.removeprefix("PJSIP/")), manner)
            phones[agent.name] = await stack.enter_async_context(robot)
        yield Floor(site, database, caller, phones, stack)


async def test_a_supervisor_listens_whispers_and_barges_in_and_who_hears_whom_is_proved_by_sound(floor: Floor) -> None:
    grace = await floor.desk("grace")
    browser = Browser(int(floor.site.engines[1].url.rpartition(":")[2]))
    cookie = await browser.sign_in("ada", floor.site.password)

    async def act(what: str) -> int:
        wish = {"act": what, "agent": grace_id}
        return (await browser.request("POST", "/wall/act", json=wish, cookie=cookie)).status

    async def shown() -> dict[str, Any]:
        told = loads((await browser.request("GET", "/wall/state", cookie=cookie)).body)
        found: dict[str, Any] = next(agent for agent in told["agents"] if agent["full_name"] == "Grace Hopper")
        return found

    async def is_there() -> bool:
        heard = (await shown())["listening"]
        return bool(heard) and not heard[0]["rings"]

    grace_id = (await shown())["id"]
    assert await act("listen") == 409, "there is no conversation"
    call, phone = await floor.talk(grace)
    speaking = asyncio.create_task(call.ear.speak(tone(CALLER_HZ, 20)))
    assert await act("listen") == 200
    ada = await floor.phones["ada"].rang(1, deadline_s=5)
    await until(is_there)
    assert await hears(ada, TONES) == {CALLER_HZ, AGENT_HZ}
    both = await asyncio.gather(hears(call, TONES), hears(phone, TONES))
    assert both == [{AGENT_HZ}, {CALLER_HZ}], "nobody hears the supervisor"
    await grace.follow(lambda state: [one["mode"] for one in state["offer"]["listening"]] == ["listen"])

    assert await act("whisper") == 200
    await until(lambda: _hears_soon(phone, SUPERVISOR_HZ))
    sides = await asyncio.gather(hears(call, TONES), hears(phone, TONES), hears(ada, TONES))
    assert sides == [{AGENT_HZ}, {CALLER_HZ, SUPERVISOR_HZ}, {CALLER_HZ, AGENT_HZ}], "the agent alone hears them"

    assert await act("barge") == 200
    await until(lambda: _hears_soon(call, SUPERVISOR_HZ))
    sides = await asyncio.gather(hears(call, TONES), hears(phone, TONES), hears(ada, TONES))
    assert sides == [{AGENT_HZ, SUPERVISOR_HZ}, {CALLER_HZ, SUPERVISOR_HZ}, {CALLER_HZ, AGENT_HZ}], "both hear them"

    await phone.hang_up()
    await ada.wait_ended(deadline_s=5)
    speaking.cancel()
    await call.hang_up()
    told = await until(lambda: floor.events_to("supervised", "end"))
    assert [(one["act"], one["by"]) for one in told] == [
        ("listen", "ada"), ("whisper", "ada"), ("barge", "ada"), ("end", "Ada Lovelace"),
    ]  # fmt: skip


async def _hears_soon(call: RobotCall, hz: float) -> bool:
    return hz in await hears(call, {hz}, s=0.2)


@pytest.mark.fault("S10", "card digits while the recording is paused, the engine killed meanwhile")
async def test_a_paused_recording_is_silent_though_the_engine_dies_meanwhile_and_is_closed_by_the_other(
    floor: Floor,
) -> None:
    desk = await floor.desk("grace")
    call, phone = await floor.talk(desk)
    await desk.recording("on")
    await call.ear.speak(tone(CALLER_HZ, 0.8))
    offer_id = desk.state["offer"]["offer_id"]
    await say(desk.socket, "recording", offer_id=offer_id, paused=True)
    await desk.recording("paused")
    silent_from = time.time()
    floor.site.engines[0].kill()
    await call.ear.speak(tone(CALLER_HZ, 0.5))
    await call.ear.press("4929")
    await call.ear.speak(tone(CALLER_HZ, 0.5))
    silent_until = time.time()
    assert heard(phone, CALLER_HZ, silent_from, silent_from + 0.5) > LOUD, "the conversation itself goes on"
    await say(desk.socket, "recording", offer_id=offer_id, paused=False)
    await desk.recording("on")
    await call.ear.speak(tone(CALLER_HZ, 0.8))
    await phone.hang_up()
    recorded = await until(floor.listed)
    await call.wait_ended(deadline_s=8)

    sound = read_wav(floor.site.folder / "recordings" / f"{recorded.id}.wav")
    runs = [(zero, len(list(run))) for zero, run in groupby(sound == 0)]
    silence = max(length for zero, length in runs if zero)
    begins = sum(length for zero, length in runs[: runs.index((True, silence))])
    before, after = sound[:begins], sound[begins + silence :]
    assert silence / RATE > silent_until - silent_from - 0.1, "all of the pause is digital silence"
    for part in (before[-RATE // 2 :], after[: RATE // 2]):
        assert level(part, AGENT_HZ) > LOUD, "up to the pause and right after it both sides are recorded"
    assert max(level(before[at : at + RATE // 2], CALLER_HZ) for at in range(0, len(before), RATE // 4)) > LOUD
    assert max(level(after[at : at + RATE // 2], CALLER_HZ) for at in range(0, len(after), RATE // 4)) > LOUD
    assert recorded.purpose == "conversation"
    assert recorded.seconds == pytest.approx(len(sound) / RATE, abs=0.1)
    pauses = [(told["paused"], told["confirmed"], told["by"]) for told in await floor.events("recording_pause")]
    assert pauses == [(True, True, "grace"), (False, True, "grace")]
    assert (await floor.events("recording_consent"))[-1] == {"queue": "general", "how": "announced", "given": True}


async def test_a_conversation_ends_at_its_limit_after_a_tone_for_the_agent_alone_and_the_caller_goes_on(
    floor: Floor,
) -> None:
    desk = await floor.desk("grace")
    call, phone = await floor.talk(desk, key="5")
    offer = desk.state["offer"]
    assert (offer["talk_until"] - offer["answered_at"], offer["talk_warning_s"]) == (4, 2)
    assert phone.answered_at is not None
    began = phone.answered_at
    await phone.wait_ended(deadline_s=8)
    assert phone.ended_at is not None
    assert phone.ended_at - began == pytest.approx(4, abs=0.6)
    start, line = phone.ear.sound()
    warned = line[int((began + 1.6 - start) * RATE) : int((began + 3 - start) * RATE)].astype(np.float64)
    tones = np.abs(np.fft.rfft(warned))
    hz = float(np.argmax(tones[50:]) + 50) * RATE / len(warned)
    assert heard(phone, hz, began + 1.6, began + 3) > LOUD / 3, "the agent hears a tone before the end"
    assert heard(call, hz, began + 1.6, began + 3) < LOUD / 10, "the caller does not"
    await call.wait_ended(deadline_s=8)
    assert call.ended_at is not None
    assert call.ended_at - phone.ended_at > 0.3, "the book goes on with the caller"
    assert await floor.events("talk_limit") == [{"agent": "grace", "max_talk_s": 4.0}]


@pytest.mark.fault(
    "A8", "an engine dies in a conversation whose queue has a limit; the caller had refused to be recorded"
)
async def test_the_limit_of_a_conversation_outlives_the_engine_and_the_caller_goes_on_with_the_next(
    floor: Floor, record_property: Callable[[str, object], None]
) -> None:
    before = await floor.recordings()
    desk = await floor.desk("grace")
    call, phone = await floor.talk(desk, key="2", asked="2")
    assert desk.state["offer"]["recording"] is None
    assert (await floor.events("recording_consent"))[-1] == {"queue": "asked", "how": "asked", "given": False}
    floor.site.engines[0].kill()
    await phone.wait_ended(deadline_s=12)
    assert (phone.answered_at, phone.ended_at) != (None, None)
    talked_s = (phone.ended_at or 0) - (phone.answered_at or 0)
    assert talked_s == pytest.approx(9, abs=0.6)
    record_property("Asterisk ended it", f"after {talked_s:.1f} s (limit 9 s)")
    await floor.says(call, "bye")
    await call.wait_ended(deadline_s=8)
    assert await until(floor.newest_ending) == "served/agent"
    record_property("the caller", "heard what follows in the book from the other engine")
    assert await floor.recordings() == before


async def test_who_agrees_is_recorded_and_the_limit_holds_on_hold_and_in_the_room(floor: Floor) -> None:
    before = await floor.recordings()
    desk = await floor.desk("grace")
    call, phone = await floor.talk(desk, key="2", asked="1")
    offer_id, answered_at = desk.state["offer"]["offer_id"], phone.answered_at or 0
    await desk.recording("on")
    for act, state in (("hold", "held"), ("retrieve", "room")):
        await say(desk.socket, "handle", offer_id=offer_id, do=act)
        await desk.talk_is(state)
    assert await hears(call, TONES) == {AGENT_HZ}
    assert not phone.ended.is_set()
    await phone.wait_ended(deadline_s=12)
    assert (phone.ended_at or 0) - answered_at == pytest.approx(9, abs=1.0)
    await call.wait_ended(deadline_s=8)
    assert (call.ended_at or 0) - (phone.ended_at or 0) > 0.3, "the book goes on with the caller"
    assert (await floor.events("recording_consent"))[-1] == {"queue": "asked", "how": "asked", "given": True}
    recorded = await until(floor.listed)
    assert (await floor.events("talk_limit"))[-1] == {"agent": "grace", "max_talk_s": 9.0}
    assert [recorded.id, f"{recorded.id}.wav"] == [name for name in await floor.recordings() if name not in before]
    sound = read_wav(floor.site.folder / "recordings" / f"{recorded.id}.wav")
    assert level(sound[-RATE // 2 :], AGENT_HZ) > LOUD, "also what is said in the room is recorded"


async def test_a_caller_is_recorded_as_each_queue_says_that_they_are_handed_on_to(floor: Floor) -> None:
    before, rung = await floor.recordings(), {name: len(phone.calls) for name, phone in floor.phones.items()}
    grace, ada = await floor.desk("grace"), await floor.desk("ada")
    call, _ = await floor.talk(grace)
    await grace.recording("on")
    await say(ada.socket, "ready")
    await grace.hands_on_to("loans")
    await floor.says(call, "may_we")
    await call.ear.press("1")
    await floor.phones["ada"].rang(rung["ada"] + 1, deadline_s=12)
    await ada.recording("on")
    assert await hears(call, TONES) == {HZ["ada"]}
    await ada.hands_on_to("short")  # never records
    await floor.phones["grace"].rang(rung["grace"] + 2, deadline_s=12)
    await grace.follow(lambda state: state["offer"] and state["offer"]["answered_at"])
    assert await hears(call, TONES) == {AGENT_HZ}
    assert grace.state["offer"]["recording"] is None
    await call.hang_up()
    assert await until(floor.newest_ending) == "served/agent"
    first, second, second_file, first_file = [name for name in await floor.recordings() if name not in before]
    assert (first_file, second_file) == (f"{first}.wav", f"{second}.wav")
    assert second.startswith(f"{first}-")
    heard = [
        {name for name in HZ if level(read_wav(floor.site.folder / "recordings" / file), HZ[name]) > LOUD}
        for file in (first_file, second_file)
    ]
    assert heard == [{"grace"}, {"ada"}]
    assert (await floor.events("recording_consent"))[-1] == {"queue": "loans", "how": "asked", "given": True}
