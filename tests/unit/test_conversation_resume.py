"""A call that comes back on the next rung of the dialplan goes on where it stood."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ivr.conversation import converse
from ivr.errors import LineBroken
from ivr.ports import ChannelSeen, PhoneAnswered, PhoneRinging
from ivr.testing.books import book_with_a_menu_after_talks
from ivr.testing.line import Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, TO_AGENT, Stage
from menus.facts import CallerFacts
from models.tables import CallRow

BRIDGED = (
    ChannelSeen("call-1", "PJSIP/trunk-call-1", True),
    ChannelSeen("call-1", "PJSIP/grace-00000002", True),
)


async def _die_while(first: Stage, leg: ScriptedLeg, then: Callable[[str], Awaitable[None]]) -> None:
    """The first engine is killed while the agent's phone rings, or while they talk."""

    async def ring(phone: str) -> None:
        await then(phone)
        raise asyncio.CancelledError

    leg.on_dial = ring
    with pytest.raises(asyncio.CancelledError):
        await first.take(leg)


async def _on_the_next_rung(second: Stage, leg: ScriptedLeg) -> CallRow:
    row = await second.take(leg)
    assert len(second.told("ended")) == 1
    assert second.parts.endings == {f"{row.result}/{row.reason}": 1}
    assert row.node == "node-b"
    return row


def _lose_the_store_after_resuming(second: Stage) -> None:
    """The store goes away for 3 seconds as soon as the position was read."""
    resume = second.log.resume

    async def resume_and_lose(call_id: str, *, deadline_s: float) -> object:
        resumed = await resume(call_id, deadline_s=deadline_s)
        second.store.away = True
        second.clock.later(3, lambda: setattr(second.store, "away", False))
        return resumed

    second.log.resume = resume_and_lose  # type: ignore[method-assign,assignment]


async def test_in_a_menu_the_caller_hears_the_same_menu_again_and_not_the_welcome() -> None:
    first = Stage()
    await first.take(first.leg(Press("3", hearing="main"), Break(hearing="cards.agent")))
    second = Stage(beside=first, node="node-b")
    row = await _on_the_next_rung(second, leg := second.leg(HangUp(), rung=2))
    assert leg.heard == ["cards.lost", "cards.agent"]
    assert (row.result, row.reason) == ("left", "in_menu")
    assert [step["step"] for step in second.told("step")] == ["hello", "main", "cards", "cards"]
    assert second.told("resumed")[0]["rung"] == 2


async def test_silences_counted_before_still_count_after() -> None:
    first = Stage()
    await first.take(first.leg(Break(hearing="silent_again")))
    second = Stage(beside=first, node="node-b")
    second.agent()
    await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert [name for name in leg.heard if not name.startswith("main.")] == ["again", "silent_again", "again", "bye"]


async def test_the_language_chosen_before_is_spoken_after() -> None:
    first = Stage()
    await first.take(first.leg(Press("4", hearing="main"), Break(hearing="main.balance")))
    second = Stage(beside=first, node="node-b")
    row = await _on_the_next_rung(second, second.leg(HangUp(), rung=2))
    assert row.language == "zh"
    assert second.told("prompts")[-1]["clips"][-1]["text"].startswith("人工")


async def test_a_call_goes_on_in_the_book_it_began_with() -> None:
    first = Stage()
    await first.take(first.leg(Break(hearing="main.balance")))
    second = Stage(beside=first, node="node-b")
    second.editions[2] = Stage(book_with_a_menu_after_talks()).editions[1]
    leg = second.leg(Press("2", hearing="main.transfer"), HangUp(hearing="hold"), rung=2)
    await _on_the_next_rung(second, leg)
    assert "notice" not in leg.heard


async def test_a_call_counts_its_length_from_its_first_arrival() -> None:
    first = Stage()
    await first.take(first.leg(Break(hearing="main.balance")))
    first.clock.advance(4000)
    second = Stage(beside=first, node="node-b")
    row = await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert (row.result, row.reason, leg.heard) == ("failed", "deadline", [])


async def test_in_the_queue_the_caller_keeps_their_place() -> None:
    first = Stage()
    await first.take(first.leg(TO_AGENT, Break(after_s=25)))
    since = first.need.since
    second = Stage(beside=first, node="node-b")
    second.clock.later(10, lambda: (second.agent(), second.hints.nudge("routing")))
    row = await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert (row.result, row.reason) == ("served", "agent")
    assert [need.since for need in second.store.needs.values()] == [since]
    assert leg.heard == ["hold", "bye"]
    assert len(second.told("need")) == 1


async def test_an_offer_that_the_dead_engine_was_ringing_lapses_and_the_agent_is_free_again() -> None:
    first = Stage()
    agent = first.agent()
    idle_since = agent.since

    async def ring(phone: str) -> None:
        await first.watcher.take(PhoneRinging("call-1", phone, f"{phone}-00000002"))

    await _die_while(first, first.leg(TO_AGENT), ring)
    since = first.need.since
    assert agent.state == "offered"
    second = Stage(beside=first, node="node-b")
    leg = second.leg(rung=2)
    row = await _on_the_next_rung(second, leg)
    assert [offer.state for offer in second.store.offers.values()] == ["expired", "completed"]
    assert second.offer.agent_since == idle_since
    assert second.need.since == since
    assert (row.result, row.reason) == ("served", "agent")


async def test_after_a_conversation_the_agent_is_in_wrap_up_and_the_caller_goes_on_in_the_book() -> None:
    first = Stage(book_with_a_menu_after_talks())
    agent = first.agent()

    async def answer(phone: str) -> None:
        await first.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000002"))

    await _die_while(first, first.leg(Press("2", hearing="main")), answer)
    assert first.store.calls["call-1"].state == "talking"
    second = Stage(book_with_a_menu_after_talks(), beside=first, node="node-b")
    states: list[str] = []
    second.clock.later(1, lambda: states.append(second.store.calls["call-1"].state))
    row = await _on_the_next_rung(second, leg := second.leg(HangUp(hearing="after.agent"), rung=2))
    assert leg.heard == ["after.done", "after.agent"]
    assert states == ["menu"]
    assert (row.result, row.reason) == ("served", "agent")
    assert (agent.state, second.offer.state, second.need.outcome) == ("wrap_up", "completed", "served")
    assert agent.wrap_up_until is not None
    assert agent.wrap_up_until > second.clock.now()


async def test_a_conversation_that_only_the_comparison_with_the_switch_has_seen_counts_as_one() -> None:
    first = Stage()
    agent = first.agent()

    async def answered_unseen(phone: str) -> None:
        await first.watcher.take(PhoneRinging("call-1", phone, f"{phone}-00000002"))

    await _die_while(first, first.leg(TO_AGENT), answered_unseen)
    second = Stage(beside=first, node="node-b")
    second.switchboard.seen = {channel.channel: channel for channel in BRIDGED}
    await second.watcher.sweep()
    assert agent.state == "busy"
    row = await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert (row.result, row.reason, leg.heard) == ("served", "agent", ["bye"])
    assert agent.state == "wrap_up"


async def test_a_call_that_nobody_knows_begins_anew() -> None:
    stage = Stage()
    row = await stage.take(leg := stage.leg(HangUp(hearing="main"), rung=2))
    assert leg.heard == ["welcome", "main"]
    assert (row.result, row.reason) == ("left", "in_menu")
    assert not stage.told("resumed")


async def test_a_call_that_has_ended_begins_anew() -> None:
    stage = Stage()
    stage.agent()
    await stage.take(stage.leg(TO_AGENT))
    await stage.take(leg := stage.leg(HangUp(hearing="main"), rung=2))
    assert leg.heard == ["welcome", "main"]


async def test_a_position_that_the_book_does_not_know_leads_to_its_beginning() -> None:
    first = Stage()
    await first.take(first.leg(Break(hearing="main")))
    first.store.calls["call-1"].position = {"step": "gone"}
    second = Stage(beside=first, node="node-b")
    await _on_the_next_rung(second, leg := second.leg(HangUp(hearing="main"), rung=2))
    assert leg.heard == ["welcome", "main"]


async def test_while_the_store_is_away_a_call_that_comes_back_still_hears_a_menu() -> None:
    first = Stage()
    await first.take(first.leg(Break(hearing="main")))
    first.store.away = True
    first.clock.later(2, lambda: setattr(first.store, "away", False))
    second = Stage(beside=first, node="node-b")
    await second.take(leg := second.leg(HangUp(hearing="main.agent"), rung=2))
    assert leg.heard[:2] == ["welcome", "main"]
    assert second.parts.endings == {"left/in_menu": 1}


async def test_a_store_that_goes_away_just_after_the_position_was_read_costs_neither_place_nor_call() -> None:
    first = Stage()
    await first.take(first.leg(TO_AGENT, Break(after_s=5)))
    since = first.need.since
    second = Stage(beside=first, node="node-b")
    second.agent()
    _lose_the_store_after_resuming(second)
    row = await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert (row.result, row.reason, second.need.since) == ("served", "agent", since)
    assert leg.heard == ["hold", "bye"]


async def test_a_talk_that_ended_as_the_store_went_away_is_not_followed_by_the_queue() -> None:
    first = Stage()
    agent = first.agent()

    async def answer(phone: str) -> None:
        await first.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000002"))

    await _die_while(first, first.leg(TO_AGENT), answer)
    second = Stage(beside=first, node="node-b")
    _lose_the_store_after_resuming(second)
    row = await _on_the_next_rung(second, leg := second.leg(rung=2))
    assert (row.result, row.reason, leg.rung, leg.heard) == ("served", "agent", [], ["hold", "bye"])
    assert [need.outcome for need in second.store.needs.values()] == ["served"]
    assert agent.state == "wrap_up"


async def test_a_need_left_open_by_a_caller_who_went_back_to_the_menu_is_closed_on_return() -> None:
    first = Stage()
    leg = first.leg(TO_AGENT, Press("*", after_s=5), Break(hearing="main.agent"))
    first.clock.later(8, lambda: setattr(first.store, "away", True))
    first.clock.later(13, lambda: setattr(first.store, "away", False))
    async with first.dispatching():
        await converse(leg, first.parts)
    assert await first.log.settle("call-1", deadline_s=1)
    assert "again" in leg.heard
    assert first.need.closed_at is None
    second = Stage(beside=first, node="node-b")
    row = await _on_the_next_rung(second, back := second.leg(HangUp(hearing="main.agent"), rung=2))
    assert back.heard[0] == "again"
    assert (row.reason, second.need.outcome) == ("in_menu", "gave_up")


async def test_a_line_that_breaks_again_leaves_the_call_unended_again() -> None:
    first = Stage()
    first.store.facts[ANI] = (CallerFacts(ANI, None, 0),)
    await first.take(first.leg(Break(hearing="main")))
    second = Stage(beside=first, node="node-b")
    leg = second.leg(rung=2)

    async def arm(seconds: float) -> None:
        raise LineBroken

    leg.arm = arm  # type: ignore[method-assign]
    row = await second.take(leg)
    assert row.ended_at is None
    assert not second.parts.endings
