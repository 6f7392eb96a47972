"""The caller's line over FastAGI: what each verb says to Asterisk and makes of the answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from ivr.asterisk.agi import FastAgiDoor
from ivr.asterisk.errors import Refused
from ivr.asterisk.leg import AgiLeg
from ivr.asterisk.simulator import SimulatedCaller, SimulatedLine, header_lines
from ivr.errors import HungUp, LineBroken, NotRecorded
from ivr.ports import Clip, Dialled, DialStatus, Heard, Leg, Recorded, TalkLimit, Waited
from ivr.settings import FastAgi, Outbound, Phones

T = TypeVar("T")

ONE, TWO, THREE = (Clip(f"/p/{name}", name, 2.0, prompt=name) for name in ("one", "two", "three"))


@pytest.fixture(autouse=True)
async def transports_close_before_the_loop() -> AsyncIterator[None]:
    yield
    for _ in range(3):
        await asyncio.sleep(0)


@asynccontextmanager
async def door_for(
    call: Callable[[Leg], Awaitable[T]],
    answered_at: Callable[[str], float | None] = lambda call_id: None,
    outbound: Outbound | None = None,
    phones: Phones | None = None,
) -> AsyncIterator[tuple[int, "asyncio.Future[T]"]]:
    came: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def take(leg: Leg) -> None:
        try:
            came.set_result(await call(leg))
        except Exception as fault:
            came.set_exception(fault)

    door = FastAgiDoor(FastAgi(port=0), take, answered_at=answered_at, outbound=outbound, phones=phones)
    try:
        yield await door.start(), came
    finally:
        await door.stop(0)


async def with_caller(
    caller: SimulatedCaller, call: Callable[[Leg], Awaitable[T]], outbound: Outbound | None = None
) -> T:
    async with door_for(call, outbound=outbound) as (port, came):
        await asyncio.wait_for(caller.call(port), 30)
        return await came


async def by_hand(call: Callable[[Leg], Awaitable[T]], *answers: bytes) -> tuple[T, list[tuple[str, ...]]]:
    """Run one call against answers given in turn; also the commands that were asked."""
    async with door_for(call) as (port, came):
        line = await SimulatedLine.knock(port)
        await line.prove()
        asked = []
        for answer in answers:
            command = await asyncio.wait_for(line.command(), 20)
            assert command is not None
            asked.append(command.words)
            line.send(answer)
        try:
            return await asyncio.wait_for(came, 30), asked
        finally:
            line.close()


async def test_clips_are_played_in_order_to_their_end() -> None:
    caller = SimulatedCaller(lengths_s={ONE.sound: 2.0, TWO.sound: 1.5})
    heard = await with_caller(caller, lambda leg: leg.say([ONE, TWO]))
    assert caller.heard == [ONE.sound, TWO.sound]
    assert heard.key is None
    assert [part.seconds for part in heard.clips] == [2.0, 1.5]


async def test_a_key_stops_the_clips_and_tells_how_much_was_heard() -> None:
    caller = SimulatedCaller(presses={TWO.sound: "4"}, lengths_s={ONE.sound: 2.0, TWO.sound: 2.0})
    heard = await with_caller(caller, lambda leg: leg.say([ONE, TWO, THREE]))
    assert heard.key == "4"
    assert [(part.clip, part.seconds) for part in heard.clips] == [(ONE, 2.0), (TWO, 1.0)]


async def test_a_key_at_the_very_end_of_a_clip_counts() -> None:
    heard, asked = await by_hand(lambda leg: leg.say([ONE, TWO]), b"200 result=35 endpos=16000\n")
    assert (heard.key, len(heard.clips), len(asked)) == ("#", 1, 1)


async def test_only_the_keys_that_are_asked_for_stop_a_clip() -> None:
    _, asked = await by_hand(lambda leg: leg.say([ONE], keys="12DA*x"), b"200 result=0 endpos=16000\n")
    assert asked == [("STREAM", "FILE", ONE.sound, "12*")]


async def test_more_was_never_heard_than_the_clip_is_long() -> None:
    heard, _ = await by_hand(lambda leg: leg.say([ONE]), b"200 result=0 endpos=99999999\n")
    assert heard.clips[0].seconds == ONE.seconds


async def test_a_clip_that_cannot_be_played_is_not_taken_for_a_hang_up() -> None:
    heard, asked = await by_hand(
        lambda leg: leg.say([ONE, TWO]),
        b"200 result=-1 endpos=0\n",
        b"200 result=6\n",
        b"200 result=0 endpos=16000\n",
    )
    assert [part.seconds for part in heard.clips] == [0.0, 2.0]
    assert asked[1] == ("CHANNEL", "STATUS")


async def test_a_clip_cut_by_a_hang_up_is_a_hang_up() -> None:
    with pytest.raises(HungUp):
        await by_hand(lambda leg: leg.say([ONE]), b"200 result=-1 endpos=4160\nHANGUP\nHANGUP\n")


async def test_without_the_early_exit_a_dead_channel_is_a_hang_up_too() -> None:
    with pytest.raises(HungUp):
        await by_hand(lambda leg: leg.wait(5), b"200 result=-1\n", b"511 Command Not Permitted on a dead channel\n")


@pytest.mark.parametrize(
    "sound", ["http://x/y", "../../etc/passwd", "a&b", "a|b", "", "/p/../q", "/p//q", "a,b", "a\nb"]
)
@pytest.mark.fault("S7", "a prompt that is no file of the catalogue")
async def test_what_is_no_file_of_the_catalogue_is_never_played(sound: str) -> None:
    with pytest.raises(Refused):
        await by_hand(lambda leg: leg.say([Clip(sound, "", 1.0)]))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((b"200 result=53\n",), "5"),
        ((b"200 result=42\n",), "*"),
        ((b"200 result=0\n",), Waited.TIMEOUT),
        ((b"200 result=68\n",), Waited.WOKEN),
        ((b"200 result=65\n", b"200 result=67\n", b"200 result=49\n"), "1"),
    ],
)
async def test_a_wait_ends_with_a_key_a_wake_or_its_time(answers: tuple[bytes, ...], expected: object) -> None:
    came, asked = await by_hand(lambda leg: leg.wait(3), *answers)
    assert came == expected
    assert asked[0] == ("WAIT", "FOR", "DIGIT", "3000")


async def test_no_wait_is_longer_than_twenty_seconds() -> None:
    _, asked = await by_hand(lambda leg: leg.wait(60), b"200 result=0\n")
    assert asked == [("WAIT", "FOR", "DIGIT", "20000")]


async def test_other_letters_do_not_prolong_a_wait() -> None:
    async def call(leg: Leg) -> str | Waited:
        return await leg.wait(0.05)

    async with door_for(call) as (port, came):
        line = await SimulatedLine.knock(port)
        await line.prove()
        while not came.done():
            if await line.command() is not None:
                line.send(b"200 result=65\n")
        assert await came is Waited.TIMEOUT
        line.close()


async def test_the_other_verbs_say_what_the_dialplan_expects() -> None:
    async def call(leg: Leg) -> None:
        await leg.answer()
        await leg.arm(10)
        await leg.hold()
        await leg.unhold()
        await leg.arm(0)
        await leg.done()

    ok, done = b"200 result=0\n", b"200 result=1\n"
    _, asked = await by_hand(call, ok, done, ok, ok, done, done)
    assert asked == [
        ("ANSWER",),
        ("SET", "VARIABLE", "TIMEOUT(absolute)", "10.000"),
        ("EXEC", "StartMusicOnHold", "default"),
        ("EXEC", "StopMusicOnHold"),
        ("SET", "VARIABLE", "TIMEOUT(absolute)", "0.000"),
        ("SET", "VARIABLE", "IVR_DONE", "1"),
    ]


async def test_a_phone_that_answers_is_told_with_the_length_of_the_talk() -> None:
    loop = asyncio.get_running_loop()
    answered: dict[str, float] = {}
    caller = SimulatedCaller(pace=0.2)

    async def call(leg: Leg) -> Dialled:
        answered[leg.arrival.call_id] = loop.time() + 0.1
        return await leg.dial("PJSIP/agent-101", ring_s=15, offer_id=42)

    async with door_for(call, answered.get) as (port, came):
        await caller.call(port)
        dialled = await came
    assert dialled.status is DialStatus.ANSWERED
    assert 0.05 < dialled.talked_s < 0.19
    assert caller.dialled == ["PJSIP/agent-101,15,gim(default)"]
    assert caller.variables["__RINGWISE_OFFER"] == "42"
    assert caller.variables["TIMEOUT(absolute)"] == "0.000"


@pytest.mark.parametrize(
    ("site", "agent", "asked"),
    [(False, None, False), (False, True, True), (True, None, True), (True, False, False)],
)
async def test_a_phone_is_asked_to_pick_up_when_the_agent_or_else_the_site_wants_it(
    site: bool, agent: bool | None, asked: bool
) -> None:
    caller = SimulatedCaller(pace=0.01)
    phones = Phones(auto_answer=site, auto_answer_headers=("Call-Info: ;answer-after=0",))
    dialled = lambda leg: leg.dial("PJSIP/agent-101", ring_s=15, offer_id=1, auto_answer=agent)  # noqa: E731
    async with door_for(dialled, phones=phones) as (port, came):
        await asyncio.wait_for(caller.call(port), 30)
        await came
    assert caller.dialled == ["PJSIP/agent-101,15,gim(default)" + "b(ringwise-auto-answer^s^1)" * asked]
    headers = {name: value for name, value in caller.variables.items() if "RINGWISE_ANSWER" in name}
    one = {"__RINGWISE_ANSWER_NAME_1": "Call-Info", "__RINGWISE_ANSWER_1": ";answer-after=0"}
    assert headers == (one if asked else {})


async def test_an_answer_seen_in_an_earlier_ring_is_not_taken_for_this_one() -> None:
    loop = asyncio.get_running_loop()
    caller = SimulatedCaller(pace=0.1)
    before = loop.time()
    async with door_for(
        lambda leg: leg.dial("PJSIP/agent-101", ring_s=15, offer_id=42), lambda call_id: before - 100
    ) as (port, came):
        await caller.call(port)
        assert (await came).talked_s < 5


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (("NOANSWER", "0", "2"), DialStatus.NO_ANSWER),
        (("NOANSWER", "3", ""), DialStatus.UNREACHABLE),
        (("BUSY", "17", ""), DialStatus.BUSY),
        (("BUSY", "17", "2"), DialStatus.DECLINED),
        (("CHANUNAVAIL", "21", "2"), DialStatus.DECLINED),
        (("CHANUNAVAIL", "3", ""), DialStatus.UNREACHABLE),
    ],
)
async def test_a_phone_that_does_not_answer_is_told_with_its_reason(
    outcome: tuple[str, str, str], status: DialStatus
) -> None:
    caller = SimulatedCaller(dials=[outcome])
    dialled = await with_caller(caller, lambda leg: leg.dial("PJSIP/agent-101", ring_s=15, offer_id=1))
    assert dialled == Dialled(status, 0.0)


async def test_a_caller_who_leaves_while_the_phone_rings_has_hung_up() -> None:
    ok = b"200 result=1\n"
    with pytest.raises(HungUp):
        await by_hand(
            lambda leg: leg.dial("PJSIP/agent-101", ring_s=15, offer_id=1), ok, ok, b"200 result=-1\nHANGUP\nHANGUP\n"
        )


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "PJSIP/",
        "SIP/x",
        "PJSIP/a&PJSIP/b",
        "PJSIP/a,60,h",
        "PJSIP/${SHELL(id)}",
        "PJSIP/a\n",
        "Local/9@x",
        "PJSIP/a/b",
    ],
)
async def test_only_a_phone_of_the_table_is_dialled(phone: str) -> None:
    with pytest.raises(Refused):
        await by_hand(lambda leg: leg.dial(phone, ring_s=15, offer_id=1))


async def test_cancelling_a_verb_gives_the_line_up() -> None:
    async def call(leg: Leg) -> tuple[bool, object]:
        assert isinstance(leg, AgiLeg)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await leg.wait(10)
        try:
            await leg.wait(1)
        except LineBroken as fault:
            return leg.gone.is_set(), fault
        return False, None

    gone, fault = await with_caller(SimulatedCaller(pace=1.0), call)
    assert gone
    assert isinstance(fault, LineBroken)


async def test_the_heard_clips_of_a_silent_menu_are_a_plain_value() -> None:
    assert await with_caller(SimulatedCaller(), lambda leg: leg.say([])) == Heard(())


# --- recording --------------------------------------------------------------------------------------------------


def record(leg: Leg) -> Awaitable[Recorded]:
    return leg.record("/r/c1-tell-1", longest_s=60, silence_s=3.5)


@pytest.mark.parametrize(
    ("answer", "recorded"),
    [
        ("200 result=51200 (timeout) endpos=72000", Recorded(8.0)),  # silence; a second of it is left in the file
        ("200 result=55980 (timeout) endpos=8000", Recorded(0.0)),
        ("200 result=55980 (timeout) endpos=4000", Recorded(0.0)),
        ("200 result=0 (timeout) endpos=480000", Recorded(60.0)),
        ("200 result=18 (timeout) endpos=479840", Recorded(59.98)),
        ("200 result=35 (dtmf) endpos=40000", Recorded(5.0, "#")),
        ("200 result=49 (randomerror) endpos=0", Recorded(0.0, "1")),  # a key during the tone
        ("200 result=-1 (hangup) endpos=16000", Recorded(2.0, hung_up=True)),
        ("200 result=-1 (waitfor) endpos=16000", Recorded(2.0, hung_up=True)),
    ],
)
async def test_how_a_recording_ended_is_told_in_seconds_of_what_was_said(answer: str, recorded: Recorded) -> None:
    caller = SimulatedCaller(records=[answer])
    assert await with_caller(caller, record) == recorded
    assert caller.recorded == [("/r/c1-tell-1", "wav", "#*0123456789", "60000", "0", "BEEP", "s=4")]


@pytest.mark.parametrize("answer", ["200 result=-1 (writefile)", "200 result=-1 (randomerror) endpos=0"])
async def test_a_recording_that_the_switch_cannot_make_is_a_fault_of_its_own(answer: str) -> None:
    caller = SimulatedCaller(records=[answer])
    with pytest.raises(NotRecorded, match=r"/r/c1-tell-1\.wav"):
        await with_caller(caller, record)


@pytest.mark.parametrize("sound", ["/r/../etc/passwd", "http://evil.example/x", "/r/a&b", "/r/a,b", "/r/${X}"])
async def test_only_a_plain_file_is_recorded_into(sound: str) -> None:
    caller = SimulatedCaller()
    with pytest.raises(Refused):
        await with_caller(caller, lambda leg: leg.record(sound, longest_s=60, silence_s=3))
    assert caller.recorded == []


# --- outside numbers --------------------------------------------------------------------------------------------------

OUTSIDE = Outbound(allow=("+86",), dial="PJSIP/{number}@trunk", caller_id="+8695599")
NUMBER = "+861065551234"


async def test_an_outside_number_is_rung_over_the_trunk_with_our_number_and_without_a_deadline() -> None:
    caller = SimulatedCaller(dials=[("ANSWER", "16", "900")])
    dialled = await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE)
    assert dialled.status is DialStatus.ANSWERED
    assert caller.dialled == [f"PJSIP/{NUMBER}@trunk,20,gif(+8695599)"]
    assert caller.variables["TIMEOUT(absolute)"] == "0.000"
    assert caller.variables["RINGWISE_OUTSIDE"] == ""


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (("NOANSWER", "0", "20000"), DialStatus.NO_ANSWER),
        (("BUSY", "17", ""), DialStatus.BUSY),
        (("CONGESTION", "34", ""), DialStatus.UNREACHABLE),
        (("CHANUNAVAIL", "20", ""), DialStatus.UNREACHABLE),
    ],
)
async def test_an_outside_number_that_does_not_answer_is_told_as_it_was(
    outcome: tuple[str, str, str], status: DialStatus
) -> None:
    caller = SimulatedCaller(dials=[outcome])
    assert await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE) == Dialled(status)


async def test_a_caller_who_leaves_while_it_rings_has_hung_up() -> None:
    caller = SimulatedCaller(dials=[("CANCEL", "0", "900")])
    with pytest.raises(HungUp):
        await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE)


@pytest.mark.parametrize("number", ["+491234567", "1234567", "+86", "+8610&PJSIP/x", "+8610,30,T", "", "+86106555123٤"])
@pytest.mark.fault("S11", "a transfer to a number that is not allowed")
async def test_a_number_that_is_not_permitted_is_never_dialled(number: str) -> None:
    caller = SimulatedCaller()
    with pytest.raises(Refused):
        await with_caller(caller, lambda leg: leg.transfer(number, ring_s=20), OUTSIDE)
    assert caller.dialled == []


async def test_an_engine_that_takes_over_tells_what_came_of_the_first_engines_dialling() -> None:
    left = {"RINGWISE_OUTSIDE": NUMBER, "DIALSTATUS": "ANSWER"}
    caller = SimulatedCaller(header=header_lines(rung=2), variables=left)
    dialled = await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE)
    assert dialled.status is DialStatus.ANSWERED
    assert caller.dialled == []
    assert caller.variables["RINGWISE_OUTSIDE"] == ""


async def test_an_engine_that_takes_over_from_one_that_died_before_it_dialled_dials() -> None:
    left = {"RINGWISE_OUTSIDE": NUMBER, "DIALSTATUS": ""}
    caller = SimulatedCaller(header=header_lines(rung=2), variables=left, dials=[("ANSWER", "16", "900")])
    dialled = await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE)
    assert dialled.status is DialStatus.ANSWERED
    assert len(caller.dialled) == 1


async def test_an_engine_that_takes_over_before_the_transfer_dials() -> None:
    caller = SimulatedCaller(header=header_lines(rung=2), variables={"DIALSTATUS": "ANSWER"})
    await with_caller(caller, lambda leg: leg.transfer(NUMBER, ring_s=20), OUTSIDE)
    assert len(caller.dialled) == 1


async def test_a_conversation_is_recorded_once_whichever_engine_has_the_call_and_what_was_agreed_stands_on_it() -> None:
    noted: list[str | None] = []

    async def first(leg: Leg) -> None:
        noted.append(await leg.agreed())
        await leg.agree("c1-general-1-talk")
        await leg.monitor("/rec/c1-general-1-talk")
        noted.append(await leg.agreed())
        await leg.monitor("/rec/c1-general-1-talk")
        await leg.unmonitor()
        await leg.agree("")
        noted.append(await leg.agreed())

    ok, none, name = b"200 result=1\n", b"200 result=0\n", b"200 result=1 (c1-general-1-talk)\n"
    file = b"200 result=1 (/rec/c1-general-1-talk.wav)\n"
    answers = (none, ok, none, ok, ok, name, file, ok, ok, ok, ok, b"200 result=1 (no)\n")
    _, asked = await by_hand(first, *answers)
    assert noted == [None, "c1-general-1-talk", ""]
    assert [command[1:] for command in asked if command[0] == "EXEC"] == [
        ("MixMonitor", "/rec/c1-general-1-talk.wav,b"),
        ("StopMixMonitor",),
    ]


@pytest.mark.parametrize("name", ["a,b", "../x", "a b", "x" * 201])
async def test_only_an_id_of_ours_names_a_recording(name: str) -> None:
    async def agree(leg: Leg) -> None:
        await leg.agree(name)

    with pytest.raises(Refused):
        await by_hand(agree)


@pytest.mark.parametrize(
    ("limit", "option"),
    [(TalkLimit(600, 60), "L(600000:60000)"), (TalkLimit(90.5, 0), "L(90500)"), (TalkLimit(30, 30), "L(30000)")],
)
async def test_the_switch_itself_keeps_the_longest_conversation_and_warns_the_agent_alone(
    limit: TalkLimit, option: str
) -> None:
    caller = SimulatedCaller()
    await with_caller(caller, lambda leg: leg.dial("PJSIP/agent-101", ring_s=15, offer_id=1, limit=limit))
    assert caller.dialled == [f"PJSIP/agent-101,15,gim(default){option}"]
    played = [caller.variables[f"LIMIT_PLAYAUDIO_{who}"] for who in ("CALLER", "CALLEE")]
    assert played == ["no", "yes"]
    assert caller.variables["LIMIT_WARNING_FILE"] == "beep"
