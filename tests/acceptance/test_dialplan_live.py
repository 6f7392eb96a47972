"""The shipped dialplan on a real Asterisk, with robots on the line and a stand-in for the engine."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

from ivr.asterisk.switchboard import AmiSwitchboard
from ivr.errors import SwitchAway
from ivr.lab.asterisk import LabAsterisk
from ivr.lab.g711 import Samples, read_wav
from ivr.lab.recognise import hear_clip, recognise
from ivr.lab.robots import Answer, EndedBy, Manner, NotAnswered, RobotCall, RobotCaller, RobotPhone
from ivr.ports import ChannelSeen
from ivr.settings import Ami
from ivr.testing.clock import eventually

DEAD_MAN_S, STATIC_QUEUE_S = 2, 2  #: as conftest.py sets them
pytestmark = pytest.mark.live

PATIENCE_S = 8.0
REPORT = Path(__file__).resolve().parents[2] / "var" / "reports" / "hostile-callers.md"


@dataclass
class Line:
    """One call as the stand-in engine has it."""

    header: list[tuple[str, str]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    taken_at: float = field(default_factory=time.time)

    @property
    def arguments(self) -> list[str]:
        return [value for key, value in self.header if key.startswith("agi_arg_")]

    async def say(self, command: str) -> str:
        """Send a command and give its answer, whatever hang-up was told before."""
        self.writer.write(command.encode() + b"\n")
        while (answer := (await self.reader.readline()).decode().strip()) == "HANGUP":
            pass
        return answer

    async def done(self) -> None:
        await self.say("SET VARIABLE IVR_DONE 1")
        self.writer.close()


class StandIn:
    """An engine in name only: takes calls and leaves the talking to the test."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._calls: asyncio.Queue[Line] = asyncio.Queue()
        self._lines: list[Line] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\n\n")).decode("utf-8", "surrogateescape")
        header = [(key, value) for key, _, value in (line.partition(": ") for line in head.split("\n") if line)]
        line = Line(header, reader, writer)
        self._lines.append(line)
        self._calls.put_nowait(line)

    async def next(self) -> Line:
        async with asyncio.timeout(PATIENCE_S):
            return await self._calls.get()

    async def die(self) -> None:
        """What kill -9 leaves: every socket closed, the port too."""
        self._server.close()
        for line in self._lines:
            line.writer.transport.abort()
        await self._server.wait_closed()


@asynccontextmanager
async def calling(
    caller: RobotCaller, dnis: str = "95599", number: str | None = "13800138000"
) -> AsyncIterator[RobotCall]:
    call = await caller.dial(dnis, number=number)
    try:
        yield call
    finally:
        await call.hang_up()


RecordProperty = Callable[[str, object], None]


def shipped_sounds(asterisk: LabAsterisk, *names: str) -> dict[str, Samples]:
    return {name: read_wav(asterisk.program.data / "sounds" / "en" / f"{name}.wav") for name in names}


async def test_call_reaches_the_first_engine_with_its_six_arguments(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as engine:
        call = await caller.dial("+86(95599)", number="+8613800138000", name="李 Na, 1%")
        line = await engine.next()
        header = dict(line.header)
        version, name, number, dnis, rung, linkedid = line.arguments
        assert (version, number, dnis, rung) == ("ringwise-1", "%2B8613800138000", "8695599", "1")
        assert unquote_to_bytes(name).decode() == "李 Na, 1%"
        assert linkedid == header["agi_uniqueid"]
        assert header["agi_callerid"] == "+8613800138000"
        assert header["agi_calleridname"] == "unknown"
        await line.done()
        await call.wait_ended(deadline_s=PATIENCE_S)
        assert call.ended_by is EndedBy.SWITCH


async def test_keys_reach_the_engine_and_stop_a_prompt(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as engine, calling(caller) as call:
        line = await engine.next()
        await line.say("SET VARIABLE TIMEOUT(absolute) 0")
        saying = asyncio.create_task(line.say('STREAM FILE "vm-nobodyavail" "0123456789*#"'))
        await call.ear.hear_sound(deadline_s=2)
        await call.ear.press("7")
        answer = await saying
        assert answer.startswith(f"200 result={ord('7')} endpos=")
        for key in "0*#9":
            waiting = asyncio.create_task(line.say("WAIT FOR DIGIT 3000"))
            await call.ear.press(key)
            assert await waiting == f"200 result={ord(key)}"
        heard = recognise(call.ear.sound()[1], shipped_sounds(asterisk, "vm-nobodyavail", "vm-intro", "sorry"))
        assert [clip.name for clip in heard] in (
            [],
            ["vm-nobodyavail"],
        )  # a clip cut within its first second is unnamed
        await line.done()


async def test_ear_names_the_prompts_in_the_order_they_were_spoken(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    spoken = ["hello-world", "vm-intro", "please-try-again"]
    async with StandIn(node_ports[0]) as engine, calling(caller) as call:
        line = await engine.next()
        await line.say("SET VARIABLE TIMEOUT(absolute) 0")
        for name in spoken:
            await line.say(f'STREAM FILE "{name}" ""')
        known = shipped_sounds(asterisk, *spoken, "vm-nobodyavail", "sorry", "goodbye", "vm-goodbye")
        heard = recognise(call.ear.sound()[1], known)
        assert [clip.name for clip in heard] == spoken
        for clip in heard:
            assert clip.heard_s == pytest.approx(len(known[clip.name]) / 8000, abs=0.15)
        await line.done()


async def test_dead_first_engine_costs_the_caller_nothing(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[1]) as second, calling(caller) as call:
        line = await second.next()
        assert call.answered_at is not None
        assert line.taken_at - call.answered_at < 0.5
        assert line.arguments[4] == "2"
        await line.done()


@pytest.mark.fault("A3", "a call arrives and no engine lives")
async def test_caller_hears_the_plain_menu_when_no_engine_lives(asterisk: LabAsterisk, caller: RobotCaller) -> None:
    async with calling(caller) as call:
        sound_at = await call.ear.hear_sound(deadline_s=2)
        assert call.answered_at is not None
        assert sound_at - call.answered_at < 2
        known = shipped_sounds(asterisk, "sorry", "vm-reachoper", "vm-press", "goodbye")
        await hear_clip(call.ear, known, "vm-reachoper", deadline_s=PATIENCE_S)
        assert [clip.name for clip in recognise(call.ear.sound()[1], known)][:2] == ["sorry", "vm-reachoper"]


@pytest.mark.parametrize(("key", "queue"), [("0", "ringwise-agents"), ("7", "ringwise-complaints")])
async def test_plain_menu_leads_to_a_phone_by_key(
    asterisk: LabAsterisk, caller: RobotCaller, phone: RobotPhone, key: str, queue: str
) -> None:
    phone.manner = Manner(ring_s=0.2, sentence=shipped_sounds(asterisk, "hello-world")["hello-world"], talk_s=2.5)
    async with calling(caller) as call:
        await call.ear.hear_sound(deadline_s=2)
        await call.ear.press(key)
        ring = await phone.rang(deadline_s=PATIENCE_S)
        assert queue in asterisk.cli("core show channels verbose")
        await hear_clip(call.ear, shipped_sounds(asterisk, "hello-world"), "hello-world", deadline_s=PATIENCE_S)
        await ring.wait_ended(deadline_s=PATIENCE_S)
        assert ring.ended_by is EndedBy.ROBOT
        await call.wait_ended(deadline_s=PATIENCE_S)


async def test_caller_leaves_a_message_when_nobody_comes(
    asterisk: LabAsterisk, caller: RobotCaller, phone: RobotPhone
) -> None:
    phone.manner = Manner(answer=Answer.NEVER)
    prompts = shipped_sounds(asterisk, "vm-nobodyavail", "vm-intro", "vm-goodbye")
    async with calling(caller) as call:
        await call.ear.hear_sound(deadline_s=2)
        await call.ear.press("7")
        await phone.rang(deadline_s=PATIENCE_S)
        beep = shipped_sounds(asterisk, "beep")
        await hear_clip(call.ear, beep, "beep", deadline_s=2 * PATIENCE_S)
        await call.ear.speak(np.zeros(8000, dtype=np.int16))  # the beep takes its time
        await call.ear.speak(prompts["vm-nobodyavail"])
        await call.ear.press("#")
        await call.wait_ended(deadline_s=PATIENCE_S)
    (message,) = (asterisk.plan.folder / "spool").rglob("*.wav")
    assert [clip.name for clip in recognise(read_wav(message), prompts)] == ["vm-nobodyavail"]
    message.unlink()


@pytest.mark.fault("A4", "both engines accept a call and never speak")
async def test_frozen_engines_hand_the_caller_on_by_the_switch_alone(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as first, StandIn(node_ports[1]) as second, calling(caller) as call:
        one = await first.next()
        two = await second.next()
        assert two.arguments[4] == "2"
        assert two.taken_at - one.taken_at == pytest.approx(DEAD_MAN_S, abs=0.4)
        sound_at = await call.ear.hear_sound(deadline_s=PATIENCE_S)
        assert sound_at - two.taken_at == pytest.approx(DEAD_MAN_S, abs=0.5)


async def test_engine_sets_its_own_limit_and_freezes_past_it(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as first, StandIn(node_ports[1]) as second, calling(caller):
        one = await first.next()
        await one.say("SET VARIABLE TIMEOUT(absolute) 4")
        two = await second.next()
        assert two.taken_at - one.taken_at == pytest.approx(4, abs=0.4)
        await two.done()


@pytest.mark.fault("A4", "an engine frozen while a phone is rung for its caller, at the dialplan")
async def test_a_caller_before_a_frozen_engine_without_a_limit_is_taken_to_the_other_one(
    asterisk: LabAsterisk, caller: RobotCaller, phone: RobotPhone, node_ports: tuple[int, int]
) -> None:
    """To and fro: from the first engine to the second, and back."""
    phone.manner = Manner(answer=Answer.NEVER)
    settings = Ami(host=asterisk.plan.host, port=asterisk.plan.ami_port, user="ringwise")
    switchboard = AmiSwitchboard(settings, asterisk.plan.ami_secret)
    await switchboard.start()
    try:
        async with StandIn(node_ports[0]) as first, StandIn(node_ports[1]) as second, calling(caller):
            one = await first.next()
            await one.say("SET VARIABLE TIMEOUT(absolute) 3600")
            await eventually(lambda: switchboard.up)
            assert await switchboard.identity() == await switchboard.identity() != "/"
            call_id, channel = one.arguments[5], dict(one.header)["agi_channel"]
            seen = await seen_of(switchboard, channel)
            assert (seen.call_id, seen.uniqueid, seen.bridged) == (call_id, call_id, False)
            assert not await switchboard.waits_for_ever(channel)
            await one.say("SET VARIABLE TIMEOUT(absolute) 0")
            assert await switchboard.waits_for_ever(channel)
            ringing = asyncio.create_task(one.say('EXEC "Dial" "PJSIP/agent-101,1"'))
            await phone.rang(deadline_s=PATIENCE_S)
            assert not await switchboard.waits_for_ever(channel)
            await ringing
            assert await switchboard.waits_for_ever(channel)
            took = []
            for engine in (second, first, second):
                await switchboard.to_other_engine(channel)
                took.append(await engine.next())
            assert [line.arguments[4:6] for line in took] == [["2", call_id]] * 3
            await took[-1].done()
        await eventually(lambda: asterisk.channels() == 0)
        with pytest.raises(SwitchAway):
            await switchboard.to_other_engine(channel)
    finally:
        await switchboard.stop()


async def seen_of(switchboard: AmiSwitchboard, channel: str) -> ChannelSeen:
    """How the switch lists a channel."""
    return next(seen for seen in await switchboard.channels() if seen.channel == channel)


async def test_engine_killed_in_a_menu_leaves_the_caller_to_the_second(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as first, StandIn(node_ports[1]) as second, calling(caller):
        one = await first.next()
        waiting = asyncio.create_task(one.say("WAIT FOR DIGIT 20000"))
        killed_at = time.time()
        await first.die()
        two = await second.next()
        assert two.taken_at - killed_at < 0.5
        assert two.arguments[5] == one.arguments[5]
        await two.done()
        await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.fault("A8", "an engine dies while its caller talks, at the dialplan")
async def test_conversation_outlives_its_engine_and_then_comes_to_the_second(
    asterisk: LabAsterisk, caller: RobotCaller, phone: RobotPhone, node_ports: tuple[int, int]
) -> None:
    sentence = shipped_sounds(asterisk, "hello-world")
    phone.manner = Manner(ring_s=0.1, talk_s=60)
    async with StandIn(node_ports[0]) as first, StandIn(node_ports[1]) as second, calling(caller) as call:
        one = await first.next()
        await one.say("SET VARIABLE TIMEOUT(absolute) 0")
        talking = asyncio.create_task(one.say('EXEC Dial "PJSIP/agent-101,10"'))
        ring = await phone.rang(deadline_s=PATIENCE_S)
        await asyncio.wait_for(ring.settled.wait(), PATIENCE_S)
        await first.die()
        await ring.ear.speak(sentence["hello-world"])
        await call.ear.speak(sentence["hello-world"])
        await hear_clip(call.ear, sentence, "hello-world", deadline_s=2)
        await hear_clip(ring.ear, sentence, "hello-world", deadline_s=2)
        assert not call.ended.is_set()
        hung_up_at = time.time()
        await ring.hang_up()
        two = await second.next()
        assert two.taken_at - hung_up_at < 0.5
        await two.done()
        await asyncio.gather(talking, return_exceptions=True)


async def test_caller_who_hangs_up_takes_the_line_from_the_engine_at_once(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int]
) -> None:
    async with StandIn(node_ports[0]) as engine, StandIn(node_ports[1]):
        call = await caller.dial("95599", number="13800138000")
        line = await engine.next()
        await call.hang_up()
        left_at = time.time()
        async with asyncio.timeout(PATIENCE_S):
            assert (await line.reader.read()).decode().split() == ["HANGUP", "HANGUP"]
        assert time.time() - left_at < 0.3


@pytest.mark.parametrize("held", ["WAIT FOR DIGIT 20000", 'STREAM FILE "demo-congrats" "0123456789*#D"'])
async def test_waiting_caller_with_sound_is_woken_over_ami(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int], held: str, record_property: RecordProperty
) -> None:
    async with StandIn(node_ports[0]) as engine, calling(caller) as call, logged_in(asterisk) as manager:
        line = await engine.next()
        await line.say("SET VARIABLE TIMEOUT(absolute) 0")
        await line.say('EXEC StartMusicOnHold "default"')
        await call.ear.hear_sound(deadline_s=2)  # RTP flows both ways
        took = []
        for _ in range(5):
            waiting = asyncio.create_task(line.say(held))
            await asyncio.sleep(0)
            await manager.action("Ping")
            woken_at = time.perf_counter()
            channel = dict(line.header)["agi_channel"]
            await manager.action("PlayDTMF", Channel=channel, Digit="D", Duration="1", Receive="true")
            assert (await waiting).startswith(f"200 result={ord('D')}")
            took.append(time.perf_counter() - woken_at)
        record_property("wake_ms", [round(1000 * one, 1) for one in took])
        assert min(took) < 0.1
        await line.done()


class Manager:
    """As much AMI as a test needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def action(self, name: str, **fields: str) -> dict[str, str]:
        """Send an action and give its response; events on the way are skipped."""
        lines = [f"Action: {name}", *(f"{key}: {value}" for key, value in fields.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(PATIENCE_S):
            while True:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                answer = dict(line.partition(": ")[::2] for line in block)
                if "Response" in answer:
                    return answer


@asynccontextmanager
async def logged_in(asterisk: LabAsterisk) -> AsyncIterator[Manager]:
    reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.plan.ami_port)
    try:
        assert (await reader.readline()).startswith(b"Asterisk Call Manager/")
        manager = Manager(reader, writer)
        answer = await manager.action("Login", Username="ringwise", Secret=asterisk.plan.ami_secret)
        assert answer["Response"] == "Success"
        yield manager
    finally:
        writer.close()
        await writer.wait_closed()


@dataclass(frozen=True)
class Hostile:
    """An INVITE that somebody made on purpose."""

    what: str
    from_value: bytes
    extra: tuple[tuple[str, bytes], ...] = ()


_PLAIN = b"<sip:13800138000@127.0.0.2>"
HOSTILE = (
    Hostile("quotes and backslashes in the name", b'"a\\"b\\\\c" <sip:13800138000@127.0.0.2>'),
    Hostile("commas, percent, braces in the name", b'"a,b%0Ac${SHELL(id)}&d" <sip:13800138000@127.0.0.2>'),
    Hostile("open parenthesis and quote in the name", b'"a(b\\"c[{" <sip:13800138000@127.0.0.2>'),
    Hostile("bare newline in the name", b'"a\nagi_callerid: 1" <sip:13800138000@127.0.0.2>'),
    Hostile("bare carriage return in the name", b'"a\ragi_callerid: 1" <sip:13800138000@127.0.0.2>'),
    Hostile("folded name", b'"a\r\n agi_callerid: 1" <sip:13800138000@127.0.0.2>'),
    Hostile("NUL in the name", b'"a\x00b" <sip:13800138000@127.0.0.2>'),
    Hostile("name of 300 characters", b'"' + b"n" * 300 + b'" <sip:13800138000@127.0.0.2>'),
    Hostile("name of 10,000 characters", b'"' + b"n" * 10_000 + b'" <sip:13800138000@127.0.0.2>'),
    Hostile("emoji in the name", '"📞🏦" <sip:13800138000@127.0.0.2>'.encode()),
    Hostile("right-to-left override in the name", '"a\u202eb" <sip:13800138000@127.0.0.2>'.encode()),
    Hostile("Latin-1 in the name", b'"Jos\xe9" <sip:13800138000@127.0.0.2>'),
    Hostile("a name that looks like a hang-up", b'"HANGUP" <sip:13800138000@127.0.0.2>'),
    Hostile("encoded newline in the number", b"<sip:138%0Aagi_arg_1:%20x@127.0.0.2>"),
    Hostile("encoded empty line in the number", b"<sip:138%0A%0A200%20result=1@127.0.0.2>"),
    Hostile("encoded NUL in the number", b"<sip:138%00999@127.0.0.2>"),
    Hostile("shell in the number", b"<sip:$%7BSHELL(id)%7D@127.0.0.2>"),
    Hostile("an agent's name as the number", b"<sip:agent-101@127.0.0.2>"),
    Hostile("no number", b"<sip:127.0.0.2>"),
    Hostile("number withheld", b'"Anonymous" <sip:anonymous@anonymous.invalid>'),
    Hostile(
        "P-Asserted-Identity with a newline", _PLAIN, (("P-Asserted-Identity", b'"a" <sip:139%0Aagi_arg_1:%20x@b>'),)
    ),
    Hostile("Diversion with a newline", _PLAIN, (("Diversion", b'"d" <sip:139%0Aagi_arg_1:%20x@b>;reason=no-answer'),)),
    Hostile("History-Info with a newline", _PLAIN, (("History-Info", b"<sip:139%0Aagi_arg_1:%20x@b>;index=1"),)),
)
_EXPECTED_ONCE = {"agi_network", "agi_uniqueid", "agi_callerid", "agi_threadid", *(f"agi_arg_{n}" for n in range(1, 7))}


@pytest.mark.fault("S13", "hostile numbers, names and identity headers in INVITE")
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.what)
async def test_hostile_caller_arrives_encoded_and_forges_nothing(
    asterisk: LabAsterisk, caller: RobotCaller, node_ports: tuple[int, int], hostile: Hostile, hostile_table: list[str]
) -> None:
    async with StandIn(node_ports[0]) as engine:
        try:
            call = await caller.dial("95599", from_value=hostile.from_value, extra=hostile.extra, deadline_s=1.5)
        except NotAnswered as refused:
            hostile_table.append(f"| {hostile.what} | refused by PJSIP: {refused.status or 'no answer'} | – |")
            return
        try:
            line = await engine.next()
            keys = [key for key, _ in line.header]
            assert len(keys) == len(set(keys))
            assert set(keys) >= _EXPECTED_ONCE
            header = dict(line.header)
            assert header["agi_calleridname"] == "unknown"
            assert re.fullmatch(r"[0-9+]*|unknown", header["agi_callerid"])
            assert header["agi_rdnis"] == "unknown"
            version, name, number, dnis, rung, linkedid = line.arguments
            assert (version, dnis, rung, linkedid) == ("ringwise-1", "95599", "1", header["agi_uniqueid"])
            assert re.fullmatch(r"[A-Za-z0-9%._~-]{0,768}", name)
            assert re.fullmatch(r"[A-Za-z0-9%._~-]{0,192}", number)
            hostile_table.append(f"| {hostile.what} | `{_shortened(name)}` | `{_shortened(number)}` |")
            await line.done()
        finally:
            await call.hang_up()


@pytest.fixture(scope="module")
def hostile_table() -> Iterator[list[str]]:
    """What PJSIP made of each hostile INVITE, written down for the documentation."""
    rows: list[str] = []
    yield rows
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    head = ["| INVITE with | name as the engine gets it | number as the engine gets it |", "|---|---|---|"]
    REPORT.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:24]}… ({len(text)} characters)"
