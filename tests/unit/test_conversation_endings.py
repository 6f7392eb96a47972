"""How calls end: exactly once when they end, not at all when the dialplan goes on with them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ivr.conversation import converse
from ivr.errors import HungUp
from ivr.ports import Dialled, DialStatus, PhoneAnswered, PhoneRinging
from ivr.testing.books import book_with_a_menu_after_talks
from ivr.testing.line import Action, Break, HangUp, Press
from ivr.testing.stage import ANI, TO_AGENT, Stage
from menus.facts import CallerFacts
from models.tables import CallRow


def _ended_once(stage: Stage, row: CallRow, result: str, reason: str) -> None:
    assert (row.state, row.result, row.reason) == ("ended", result, reason)
    assert len(stage.told("ended")) == 1
    assert stage.parts.endings == {f"{result}/{reason}": 1}
    assert not stage.parts.live
    assert all(need.closed_at is not None for need in stage.store.needs.values())
    assert not stage.store.open_offers()


def _not_ended(stage: Stage, row: CallRow) -> None:
    assert row.ended_at is None
    assert not stage.told("ended")
    assert not stage.parts.endings
    assert not stage.parts.live


def _in_a_call(
    stage: Stage, *, answered: bool, then: Callable[[], Awaitable[None]]
) -> Callable[[str], Awaitable[None]]:
    """What the switch tells while a phone rings, and what happens next."""

    async def ring(phone: str) -> None:
        await stage.watcher.take(PhoneRinging("call-1", phone, f"{phone}-00000001"))
        if answered:
            await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000001"))
        await then()

    return ring


async def _hang_up() -> None:
    raise HungUp


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([HangUp(hearing="welcome")], "in_menu"),
        ([HangUp(hearing="main.transfer")], "in_menu"),
        ([HangUp()], "in_menu"),
        ([HangUp(hearing="silent")], "in_menu"),
        ([TO_AGENT, HangUp()], "in_queue"),
        ([TO_AGENT, HangUp(hearing="hold")], "in_queue"),
        ([TO_AGENT, HangUp(after_s=7)], "in_queue"),
        ([TO_AGENT, HangUp(hearing="place")], "in_queue"),
        ([TO_AGENT, HangUp(hearing="still")], "in_queue"),
    ],
)
async def test_a_caller_who_hangs_up_has_left_once(script: list[Action], reason: str) -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(*script))
    _ended_once(stage, row, "left", reason)
    assert not leg.is_done
    if reason == "in_queue":
        assert stage.need.outcome == "abandoned"


async def test_what_was_heard_of_a_prompt_before_hanging_up_is_recorded() -> None:
    stage = Stage()
    await stage.take(stage.leg(HangUp(hearing="main.transfer")))
    clips = stage.told("prompts")[-1]["clips"]
    assert [clip["prompt"] for clip in clips] == ["main", "main.balance", "main.transfer"]
    assert 0 < clips[2]["heard_s"] < clips[2]["of_s"]


@pytest.mark.fault("F8", "the caller hangs up while the phone rings")
async def test_a_caller_who_hangs_up_while_the_phone_rings_frees_the_agent_who_keeps_their_idle_time() -> None:
    stage = Stage()
    agent = stage.agent()
    since = agent.since
    leg = stage.leg(TO_AGENT)
    leg.on_dial = _in_a_call(stage, answered=False, then=_hang_up)
    row = await stage.take(leg)
    _ended_once(stage, row, "left", "while_ringing")
    assert (agent.state, agent.since) == ("ready", since)
    assert (stage.offer.state, stage.need.outcome) == ("withdrawn", "abandoned")


async def test_no_other_agent_is_offered_a_caller_who_has_hung_up_while_ringing() -> None:
    stage = Stage()
    stage.agent("grace")
    stage.agent("tom")
    leg = stage.leg(TO_AGENT)
    leg.on_dial = _in_a_call(stage, answered=False, then=_hang_up)
    await stage.take(leg)
    assert len(stage.store.offers) == 1


async def test_a_caller_who_hangs_up_while_talking_was_served_and_the_agent_is_in_wrap_up() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT)
    leg.on_dial = _in_a_call(stage, answered=True, then=_hang_up)
    row = await stage.take(leg)
    _ended_once(stage, row, "served", "agent")
    assert agent.state == "wrap_up"
    assert agent.wrap_up_until == stage.clock.now() + 30
    assert (stage.offer.state, stage.need.outcome) == ("completed", "served")


async def test_a_caller_who_hangs_up_after_the_conversation_was_served() -> None:
    stage = Stage()
    agent = stage.agent()
    row = await stage.take(stage.leg(TO_AGENT, HangUp(hearing="bye")))
    _ended_once(stage, row, "served", "agent")
    assert agent.state == "wrap_up"


async def test_a_caller_who_hangs_up_right_after_the_last_word_ends_as_the_book_says() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT)

    async def done() -> None:
        raise HungUp

    leg.done = done  # type: ignore[method-assign]
    row = await stage.take(leg)
    _ended_once(stage, row, "diverted", "no_agents")


async def test_a_caller_who_leaves_between_claim_and_ringing_leaves_nothing_open() -> None:
    stage = Stage()
    agent = stage.agent(ready=False)
    leg = stage.leg(TO_AGENT)

    stage.switchboard.on_wake = lambda channel: leg.hang_up()

    def become_ready() -> None:
        agent.state = "ready"
        stage.hints.nudge("routing")

    stage.clock.later(12, become_ready)
    row = await stage.take(leg)
    _ended_once(stage, row, "left", "in_queue")
    assert (agent.state, stage.offer.state, leg.rung) == ("ready", "withdrawn", [])


async def test_hanging_up_while_the_store_is_away_still_ends_the_call_and_the_sweep_closes_the_rest() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT)

    async def lose_the_store() -> None:
        stage.store.away = True
        raise HungUp

    leg.on_dial = _in_a_call(stage, answered=True, then=lose_the_store)
    async with stage.dispatching():
        await converse(leg, stage.parts)
    assert stage.parts.endings == {"served/agent": 1}
    stage.store.away = False
    await stage.log.settle("call-1", deadline_s=1)
    stage.clock.advance(10)
    await stage.watcher.sweep()
    _ended_once(stage, stage.store.calls["call-1"], "served", "agent")
    assert agent.state == "wrap_up"


async def test_an_answer_that_the_store_did_not_take_is_a_conversation_all_the_same() -> None:
    stage = Stage()
    stage.agent()
    leg = stage.leg(TO_AGENT)

    async def ring(phone: str) -> None:
        stage.store.away = True
        with pytest.raises(Exception, match="database"):
            await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000001"))
        raise HungUp

    leg.on_dial = ring
    async with stage.dispatching():
        await converse(leg, stage.parts)
    assert stage.parts.endings == {"served/agent": 1}


async def test_a_fault_while_closing_what_a_departed_caller_had_open_does_not_cost_the_ending() -> None:
    stage = Stage()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a planted fault")

    stage.exchange.close_need = fail  # type: ignore[method-assign]
    await stage.take(stage.leg(TO_AGENT, HangUp(after_s=5)))
    assert stage.parts.endings == {"left/in_queue": 1}
    assert len(stage.told("ended")) == 1


@pytest.mark.parametrize("where", [Break(hearing="welcome"), Break(hearing="main.transfer"), Break()])
async def test_a_line_that_breaks_in_the_menus_leaves_the_call_to_the_next_rung(where: Action) -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(where))
    _not_ended(stage, row)
    assert not leg.is_done


@pytest.mark.parametrize("where", [Break(hearing="hold"), Break(after_s=7), Break(hearing="still")])
async def test_a_line_that_breaks_in_the_queue_keeps_the_need_open_for_the_next_rung(where: Action) -> None:
    stage = Stage()
    row = await stage.take(stage.leg(TO_AGENT, where))
    _not_ended(stage, row)
    assert (row.state, stage.need.state, stage.need.outcome) == ("waiting", "waiting", None)


async def test_a_fault_in_a_step_leaves_the_call_to_the_next_rung_and_other_calls_alone() -> None:
    stage = Stage()
    no_history: Any = ("no event of history",)
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, history=no_history),)
    broken, other = stage.leg(), stage.leg(HangUp(hearing="main.agent"), call_id="other", ani="+8613800000002")
    await asyncio.gather(converse(broken, stage.parts), converse(other, stage.parts))
    assert (stage.store.calls["call-1"].ended_at, len(stage.told("fault")), broken.is_done) == (None, 1, False)
    assert (stage.store.calls["other"].reason, len(stage.told("fault", "other"))) == ("in_menu", 0)
    assert not stage.parts.live


async def test_a_fault_before_anything_is_known_of_the_caller_leaves_the_call_to_the_next_rung() -> None:
    stage = Stage()

    async def fail(*_: object, **__: object) -> CallerFacts:
        raise RuntimeError("a planted fault")

    stage.directory.find = fail  # type: ignore[method-assign]
    await converse(leg := stage.leg(), stage.parts)
    assert not leg.is_done
    assert not stage.parts.endings
    assert not stage.parts.live


async def test_the_longest_call_ends_at_its_deadline() -> None:
    stage = Stage(settings={"calls": {"longest_s": 60}})
    row = await stage.take(leg := stage.leg(*[Press("#", hearing="main.agent"), *[Press("#", after_s=4)] * 50]))
    _ended_once(stage, row, "failed", "deadline")
    assert leg.is_done
    assert 60 < stage.clock.monotonic() < 90


async def test_a_long_conversation_does_not_count_towards_the_longest_call() -> None:
    stage = Stage(settings={"calls": {"longest_s": 60}})
    stage.agent()
    leg = stage.leg(TO_AGENT)
    leg.dials = [Dialled(DialStatus.ANSWERED, 4000)]
    row = await stage.take(leg)
    _ended_once(stage, row, "served", "agent")
    assert leg.heard[-1] == "bye"


async def test_a_caller_who_has_talked_was_served_even_at_the_deadline() -> None:
    stage = Stage(book_with_a_menu_after_talks(), settings={"calls": {"longest_s": 60}})
    stage.agent()
    row = await stage.take(stage.leg(Press("2", hearing="main"), *[Press("#", after_s=4)] * 50))
    _ended_once(stage, row, "served", "agent")


async def test_stopping_the_engine_leaves_the_call_unended_for_the_next_rung() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT)
    waiting = asyncio.Event()
    stage.clock.later(20, waiting.set)

    async def look(seconds: float) -> str:
        if waiting.is_set():
            await asyncio.Event().wait()
        return await wait(seconds)  # type: ignore[return-value]

    wait, leg.wait = leg.wait, look  # type: ignore[method-assign]
    call = asyncio.create_task(converse(leg, stage.parts))
    await waiting.wait()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    row = stage.store.calls["call-1"]
    _not_ended(stage, row)
    assert stage.need.state == "waiting"
    assert not leg.is_done


async def test_a_call_that_the_next_rung_has_brought_back_stays_alive_when_its_old_coroutine_ends() -> None:
    stage = Stage()
    old = asyncio.create_task(converse(stage.leg(Break(after_s=1)), stage.parts))
    await asyncio.sleep(0)
    new = asyncio.create_task(converse(stage.leg(HangUp(after_s=3), rung=2), stage.parts))
    await old
    assert "call-1" in stage.parts.live
    await new
    assert not stage.parts.live


async def test_a_caller_who_is_gone_before_anything_was_said_leaves_no_trace() -> None:
    stage = Stage()
    leg = stage.leg()
    leg.hang_up()
    await converse(leg, stage.parts)
    assert not stage.parts.live
    assert not stage.store.calls


async def test_the_record_is_written_in_order_while_the_store_comes_back() -> None:
    stage = Stage()
    stage.store.away = True
    stage.clock.later(3, lambda: setattr(stage.store, "away", False))
    row = await stage.take(leg := stage.leg(HangUp(hearing="main.agent")))
    assert leg.heard[0] == "welcome"
    _ended_once(stage, row, "left", "in_menu")
    assert [event.kind for event in stage.store.events][:3] == ["arrived", "identified", "step"]
