"""A caller is connected to an outside number: what they hear, where they go on, and what the record says."""

from typing import Any

import pytest

from ivr.errors import HungUp
from ivr.ports import Dialled, DialStatus, PhoneAnswered
from ivr.testing.books import book_with
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage

PROMPTS = """\
  sorry: {text: {en: Nobody answers there., zh: 无人接听。}}
  back: {text: {en: You are back., zh: 您回来了。}}
"""
STEPS = """\
  first: {kind: transfer, to: branch, ring_s: 20, then: back, otherwise: sorry}
  back: {kind: say, prompts: [back], then: done}
  done: {kind: goodbye, prompts: [bye]}
  sorry: {kind: say, prompts: [sorry], then: main}
"""
BRANCH = "+861065551234"
ALLOWED = {"outbound": {"allow": ["+8610"]}}
IN = Press("3", hearing="main")


def a_stage(settings: Any = None) -> Stage:
    book = book_with(STEPS, prompts=PROMPTS, more=f'numbers: {{branch: "{BRANCH}"}}\n')
    return Stage(book, settings=ALLOWED if settings is None else settings)


async def test_after_the_conversation_the_caller_goes_on_in_the_book_and_was_diverted() -> None:
    stage = a_stage()
    leg = stage.leg(IN)
    leg.dials = [Dialled(DialStatus.ANSWERED, 42.0)]
    row = await stage.take(leg)
    assert leg.rung == [BRANCH]
    assert leg.heard == ["welcome", "main", "back", "bye"]
    assert (row.result, row.reason) == ("diverted", "transferred")
    assert [(told["to"], told["outcome"]) for told in stage.told("transfer")] == [
        ("branch", "ringing"),
        ("branch", "answered"),
    ]
    assert stage.told("transfer")[1]["talked_s"] == 42.0


async def test_the_switch_has_no_deadline_while_they_talk_and_one_again_afterwards() -> None:
    stage = a_stage()
    leg = stage.leg(IN)
    await stage.take(leg)
    at = leg.armed.index(0)
    assert leg.armed[at + 1] == 10.0


async def test_a_conversation_does_not_count_towards_the_longest_call() -> None:
    stage = a_stage({**ALLOWED, "calls": {"longest_s": 600}})
    leg = stage.leg(IN)
    leg.dials = [Dialled(DialStatus.ANSWERED, 4000.0)]
    await stage.take(leg)
    assert leg.heard[-2:] == ["back", "bye"]


@pytest.mark.parametrize("status", [status for status in DialStatus if status is not DialStatus.ANSWERED])
async def test_when_nobody_answers_the_caller_goes_the_other_way(status: DialStatus) -> None:
    stage = a_stage()
    leg = stage.leg(IN, HangUp(hearing="again"))
    leg.dials = [Dialled(status)]
    row = await stage.take(leg)
    assert leg.heard[2:4] == ["sorry", "again"]
    assert (row.result, row.reason) == ("left", "in_menu")


async def test_who_hangs_up_while_it_rings_has_left() -> None:
    stage = a_stage()
    leg = stage.leg(IN)

    async def leave(_: str) -> None:
        raise HungUp

    leg.on_dial = leave
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("left", "while_ringing")


async def test_who_hangs_up_in_the_conversation_was_diverted() -> None:
    stage = a_stage()
    leg = stage.leg(IN)

    async def talk_and_leave(_: str) -> None:
        await stage.watcher.take(PhoneAnswered("call-1", "PJSIP/trunk", "PJSIP/trunk-00000002"))
        raise HungUp

    leg.on_dial = talk_and_leave
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("diverted", "transferred")


async def test_a_number_that_the_settings_do_not_permit_is_never_rung() -> None:
    for allow in ([], ["+49"], ["+86105"]):
        stage = a_stage({"outbound": {"allow": allow}})
        leg = stage.leg(IN, HangUp(hearing="again"))
        await stage.take(leg)
        assert leg.rung == []
        assert leg.heard[2:4] == ["sorry", "again"]
        assert [told["outcome"] for told in stage.told("transfer")] == ["not_allowed"]


async def test_an_agent_whom_the_caller_talked_to_before_counts_more() -> None:
    back = "back: {kind: say, prompts: [back], then: done}"
    assert back in STEPS
    steps = STEPS.replace(back, "back: {kind: route, queue: general, reason: Back, then: done, otherwise: done}")
    book = book_with(steps, prompts=PROMPTS, more=f'numbers: {{branch: "{BRANCH}"}}\n')
    stage = Stage(book, settings=ALLOWED)
    stage.agent()
    row = await stage.take(stage.leg(IN))
    assert (row.result, row.reason) == ("served", "agent")
