"""Virtual time: whoever sleeps wakes in order, at once, and the clock has moved; the telephone keeps to it."""

import asyncio
import time

import pytest

from ivr.errors import HungUp
from ivr.ports import Arrival, Clip, DialStatus, Heard, PhoneAnswered, PhoneRinging, SwitchEvent, Waited
from ivr.rehearsal.loops import LoopClock, run_virtually
from ivr.rehearsal.telephone import Manner, Telephone, joined

ARRIVAL = Arrival("call-1", "call-1", "PJSIP/trunk-1", None, "", "95599", 1)
ONE, TWO = Clip("one", "One.", 2.0, "one"), Clip("two", "Two.", 3.0, "two")


def test_sleepers_wake_in_order_and_no_time_is_lost() -> None:
    async def work() -> list[float]:
        woke: list[float] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woke.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(sleeper(seconds) for seconds in (3600.0, 5.0, 0.1)))
        return woke

    began = time.monotonic()
    assert run_virtually(work()) == pytest.approx([0.1, 5.0, 3600.0])
    assert time.monotonic() - began < 60  # of an hour


def test_a_deadline_holds_in_virtual_time() -> None:
    async def work() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtually(work()) == pytest.approx(30)


def test_the_clock_of_a_rehearsal_begins_when_it_is_told_and_goes_with_the_loop() -> None:
    async def work() -> tuple[float, float, float]:
        await asyncio.sleep(7)
        clock = LoopClock(1000.0)
        await clock.sleep(60)
        clock.advance(5)
        return clock.now(), clock.monotonic(), asyncio.get_running_loop().time()

    assert run_virtually(work()) == pytest.approx((1065.0, 65.0, 67.0))


def test_a_key_stops_what_is_said_and_is_counted_from_when_it_was_pressed() -> None:
    async def work() -> tuple[Heard, list[float | None]]:
        phone = Telephone(ARRIVAL)
        asyncio.get_running_loop().call_later(2.5, phone.press, "7")
        heard = await phone.say([ONE, TWO])
        return heard, [piece.heard_s for piece in phone.pieces]

    heard, pieces = run_virtually(work())
    assert heard.key == "7"
    assert [part.seconds for part in heard.clips] == pytest.approx([2.0, 0.5])
    assert pieces == pytest.approx([2.0, 0.5])


def test_clips_of_one_prompt_are_one_piece() -> None:
    async def work() -> list[tuple[str, str, float]]:
        phone = Telephone(ARRIVAL)
        await phone.say([Clip("a", "You are number", 1.0, "place"), Clip("b", "two", 0.5, "place"), ONE])
        return [(piece.prompt, piece.text, piece.seconds) for piece in phone.pieces]

    assert run_virtually(work()) == [("place", "You are number two", 1.5), ("one", "One.", 2.0)]


def test_a_key_that_nobody_asks_for_is_lost_and_one_typed_ahead_is_kept() -> None:
    async def work() -> tuple[Heard, str | Waited, str | Waited]:
        phone = Telephone(ARRIVAL)
        phone.press("5")
        heard = await phone.say([ONE], keys="12")
        after = await phone.wait(1.0)
        phone.press("6")
        return heard, after, await phone.wait(1.0)

    heard, after, ahead = run_virtually(work())
    assert (heard.key, after, ahead) == (None, Waited.TIMEOUT, "6")


def test_a_wake_ends_a_wait_and_what_may_be_woken_only() -> None:
    async def work() -> tuple[Heard, Heard, str | Waited]:
        phone, loop = Telephone(ARRIVAL), asyncio.get_running_loop()
        loop.call_later(0.5, phone.wake)
        deaf = await phone.say([ONE])
        woken = await phone.say([TWO], wakeable=True)
        loop.call_later(0.5, phone.wake)
        return deaf, woken, await phone.wait(5.0)

    deaf, woken, waited = run_virtually(work())
    assert (deaf.woken, woken.woken, waited) == (False, True, Waited.WOKEN)


def test_whoever_hangs_up_is_reached_by_no_verb() -> None:
    async def work() -> list[float | None]:
        phone = Telephone(ARRIVAL)
        asyncio.get_running_loop().call_later(0.5, phone.hang_up)
        with pytest.raises(HungUp):
            await phone.say([ONE])
        for verb in (phone.wait(1), phone.hold(), phone.dial("PJSIP/a", ring_s=5, offer_id=1), phone.done()):
            with pytest.raises(HungUp):
                await verb
        return [piece.heard_s for piece in phone.pieces]

    assert run_virtually(work()) == pytest.approx([0.5])


def test_a_phone_rings_answers_and_talks_as_it_was_told() -> None:
    async def work() -> tuple[list[SwitchEvent], DialStatus, DialStatus, float]:
        told: list[SwitchEvent] = []
        phone = Telephone(ARRIVAL, {"PJSIP/b": Manner(DialStatus.BUSY, rings_s=1)}, told.append)
        answered = await phone.dial("PJSIP/a", ring_s=15, offer_id=3)
        busy = await phone.dial("PJSIP/b", ring_s=15, offer_id=4)
        return told, answered.status, busy.status, phone.now_s()

    told, answered, busy, lasted_s = run_virtually(work())
    assert [type(event) for event in told] == [PhoneRinging, PhoneAnswered, PhoneRinging]
    assert (answered, busy) == (DialStatus.ANSWERED, DialStatus.BUSY)
    assert lasted_s == pytest.approx(2 + 20 + 1)


@pytest.mark.parametrize(
    ("speaks_s", "longest_s", "recorded_s", "lasted_s"),
    [(5.0, 60.0, 5.0, 10.0), (90.0, 60.0, 60.0, 61.0), (0, 60.0, 0.0, 4.0)],
)
def test_a_recording_ends_with_silence_or_at_its_longest(
    speaks_s: float, longest_s: float, recorded_s: float, lasted_s: float
) -> None:
    async def work() -> tuple[float, float]:
        phone = Telephone(ARRIVAL)
        if speaks_s:
            asyncio.get_running_loop().call_later(1.0, phone.speak, speaks_s)
        recorded = await phone.record("x", longest_s=longest_s, silence_s=4)
        return recorded.seconds, phone.now_s()

    assert run_virtually(work()) == pytest.approx((recorded_s, lasted_s))


def test_a_key_ends_a_recording() -> None:
    async def work() -> tuple[float, str | None, bool]:
        phone = Telephone(ARRIVAL)
        phone.press("1")  # before the tone: not meant for it
        loop = asyncio.get_running_loop()
        loop.call_later(1.0, phone.speak, 20.0)
        loop.call_later(4.0, phone.press, "#")
        recorded = await phone.record("x", longest_s=60, silence_s=4)
        return recorded.seconds, recorded.key, phone.recording

    assert run_virtually(work()) == (pytest.approx(3.0), "#", False)


def test_what_was_said_before_hanging_up_is_kept() -> None:
    async def work() -> tuple[float, bool]:
        phone, loop = Telephone(ARRIVAL), asyncio.get_running_loop()
        loop.call_later(1.0, phone.speak, 20.0)
        loop.call_later(4.0, phone.hang_up)
        recorded = await phone.record("x", longest_s=60, silence_s=4)
        with pytest.raises(HungUp):
            await phone.wait(1)
        return recorded.seconds, recorded.hung_up

    assert run_virtually(work()) == (pytest.approx(3.0), True)


def test_pieces_of_a_sentence_are_joined_as_their_language_writes() -> None:
    assert joined(["You are number", "two", "in line."]) == "You are number two in line."
    assert joined(["press", "one", ". Or not."]) == "press one. Or not."
    assert joined(["您现在排在第", "二", "位。"]) == "您现在排在第二位。"
