"""A caller states a matter by voice, and a case is opened for it: recording, review, hang-up at any point."""

from datetime import date
from typing import Any

import pytest

from ivr.errors import HungUp, NotRecorded
from ivr.ports import Recorded
from ivr.testing.books import book_with
from ivr.testing.line import Break, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts

PROMPTS = """\
  tell: {text: {en: Tell us after the tone., zh: 请在提示音后留言。}}
  review: {text: {en: "To keep it, press 1.", zh: 保留请按一。}}
  number: {text: {en: "Case {case_number:digits}, {case_due:date}.", zh: "{case_number:digits}，{case_due:date}。"}}
  nothing: {text: {en: We heard nothing., zh: 没有听到。}}
  sorry: {text: {en: It could not be stored., zh: 未能保存。}}
"""
STEPS = """\
  first: {kind: record, purpose: complaint, prompt: tell, longest_s: 60, then: case, otherwise: nothing}
  case: {kind: case, subject: Complaint, tier: 2, recording: recording, then: told, otherwise: sorry}
  told: {kind: say, prompts: [number], then: main}
  nothing: {kind: say, prompts: [nothing], then: main}
  sorry: {kind: say, prompts: [sorry], then: main}
"""
REVIEWED = STEPS.replace("longest_s: 60,", "longest_s: 60, review: review,")
IN, OUT = Press("3", hearing="main"), HangUp(hearing="again")
NAME = "call-1-first-1"


def a_stage(steps: str = STEPS, **settings: Any) -> Stage:
    return Stage(book_with(steps, prompts=PROMPTS), settings=settings)


async def call(stage: Stage, *script: Any, says: list[Recorded], **how: Any) -> tuple[ScriptedLeg, Any]:
    leg = stage.leg(*script, **how)
    leg.says = says
    return leg, await stage.take(leg)


async def test_what_the_caller_says_is_kept_and_a_case_is_opened_for_it() -> None:
    stage = a_stage(recordings={"seen_by_asterisk": "/srv/recordings"})
    stage.store.facts[ANI] = (CallerFacts(ani=ANI, customer_id=7, matches=1, language="en"),)
    leg, _ = await call(stage, IN, OUT, says=[Recorded(8.25)])
    assert leg.recorded == [f"/srv/recordings/{NAME}"]
    (kept,) = stage.store.recordings
    assert (kept.id, kept.call_id, kept.purpose, kept.seconds, kept.customer_id) == (
        NAME,
        "call-1",
        "complaint",
        8.25,
        7,
    )
    ((case, opened),) = stage.store.cases
    assert (case.subject, case.tier, case.due_days, case.recording) == ("Complaint", 2, 5, NAME)
    assert (case.customer_id, case.ani) == (7, ANI)
    assert leg.heard[2:4] == ["tell", "number"]
    assert stage.told("case")[0]["number"] == opened.number == "100001"


async def test_the_caller_hears_number_and_day_of_the_case() -> None:
    stage = a_stage()
    await call(stage, IN, OUT, says=[Recorded(8)])
    words = [clip["text"] for event in stage.told("prompts") for clip in event["clips"] if clip["prompt"] == "number"]
    assert words[:7] == ["Case", "one", "zero", "zero", "zero", "zero", "one"]
    assert stage.store.cases[0][1].due_on == date(2026, 9, 26)  # five days after the 21st in Shanghai


async def test_the_switch_waits_for_the_whole_recording_before_it_takes_the_call_away() -> None:
    stage = a_stage(calls={"dead_man_s": 3})
    leg, _ = await call(stage, IN, OUT, says=[Recorded(8)])
    assert max(leg.armed) >= 60 + 3


@pytest.mark.parametrize("said", [Recorded(0.0), Recorded(1.9), Recorded(0.4, key="5")])
async def test_next_to_nothing_is_nothing_said(said: Recorded) -> None:
    stage = a_stage()
    leg, _ = await call(stage, IN, OUT, says=[said])
    assert leg.heard[2:4] == ["tell", "nothing"]
    assert (stage.store.recordings, stage.store.cases) == ([], [])


async def test_who_hangs_up_after_speaking_has_stated_their_complaint() -> None:
    stage = a_stage()
    leg, row = await call(stage, IN, says=[Recorded(5.0, hung_up=True)])
    assert [kept.seconds for kept in stage.store.recordings] == [5.0]
    assert [case.recording for case, _ in stage.store.cases] == [NAME]
    assert leg.heard == ["welcome", "main", "tell"]
    assert (row.result, row.reason) == ("diverted", "message")


async def test_who_hangs_up_without_a_word_has_not() -> None:
    stage = a_stage()
    _, row = await call(stage, IN, says=[Recorded(0.5, hung_up=True)])
    assert (stage.store.recordings, stage.store.cases) == ([], [])
    assert (row.result, row.reason) == ("left", "in_menu")


class CutShort(ScriptedLeg):
    """A line that ends in the middle of a recording without a word from the switch."""

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        self.clock.advance(20)
        self.hang_up()
        raise HungUp


async def test_what_the_switch_did_not_tell_of_a_recording_is_kept_by_the_clock() -> None:
    stage = a_stage()
    leg = CutShort(stage.leg().arrival, stage.clock, [IN])
    await stage.take(leg)
    assert [kept.seconds for kept in stage.store.recordings] == [18.0]
    assert len(stage.store.cases) == 1


@pytest.mark.parametrize("where", ["tell", "number"])
async def test_a_caller_may_hang_up_at_every_prompt(where: str) -> None:
    stage = a_stage()
    leg, row = await call(stage, IN, HangUp(hearing=where), says=[Recorded(8)])
    assert leg.heard[-1] == where
    assert f"{row.result}/{row.reason}" == ("left/in_menu" if where == "tell" else "diverted/message")
    assert len(stage.store.cases) == (where == "number")


async def test_the_caller_keeps_the_recording_with_1() -> None:
    stage = a_stage(REVIEWED)
    leg, _ = await call(stage, IN, Press("1", hearing="review"), OUT, says=[Recorded(8)])
    assert leg.heard[2:5] == ["tell", "review", "number"]
    assert len(stage.store.recordings) == 1


async def test_the_caller_hears_it_with_2_and_is_asked_again() -> None:
    stage = a_stage(REVIEWED)
    script = IN, Press("2", hearing="review"), Press("1", hearing="review"), OUT
    leg, _ = await call(stage, *script, says=[Recorded(8)])
    assert leg.heard[2:6] == ["tell", "review", "", "review"]
    assert len(stage.store.cases) == 1


async def test_a_key_pressed_while_it_is_played_is_the_answer_to_the_question() -> None:
    stage = a_stage(REVIEWED)
    script = IN, Press("2", hearing="review"), Press("2", hearing=""), Press("3", hearing=""), Press("1"), OUT
    leg, _ = await call(stage, *script, says=[Recorded(8), Recorded(4)])
    assert leg.heard[2:8] == ["tell", "review", "", "", "review", "number"]
    assert [kept.seconds for kept in stage.store.recordings] == [4]


async def test_the_caller_records_anew_with_3_into_the_same_file() -> None:
    stage = a_stage(REVIEWED)
    script = IN, Press("3", hearing="review"), Press("1", hearing="review"), OUT
    leg, _ = await call(stage, *script, says=[Recorded(8), Recorded(4)])
    assert len(set(leg.recorded)) == 1
    assert [kept.seconds for kept in stage.store.recordings] == [4]


async def test_who_says_nothing_anew_has_said_nothing() -> None:
    stage = a_stage(REVIEWED)
    leg, _ = await call(stage, IN, Press("3", hearing="review"), OUT, says=[Recorded(8)])
    assert "nothing" in leg.heard
    assert stage.store.recordings == []


@pytest.mark.parametrize("act", [HangUp(hearing="review"), HangUp(hearing=""), HangUp()])
async def test_who_leaves_at_the_review_has_kept_it(act: HangUp) -> None:
    stage = a_stage(REVIEWED)
    before = [Press("2", hearing="review")] if act.hearing == "" else []
    await call(stage, IN, *before, act, says=[Recorded(8)])
    assert len(stage.store.recordings) == len(stage.store.cases) == 1


async def test_silence_at_the_review_keeps_it() -> None:
    stage = a_stage(REVIEWED)
    leg, _ = await call(stage, IN, OUT, says=[Recorded(8)])
    assert leg.heard[2:5] == ["tell", "review", "number"]


class NoFolder(ScriptedLeg):
    """A switch that cannot write where it is told."""

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        raise NotRecorded


async def test_a_folder_that_cannot_be_written_to_costs_the_recording_and_not_the_call() -> None:
    stage = a_stage()
    leg = NoFolder(stage.leg().arrival, stage.clock, [IN, OUT])
    await stage.take(leg)
    assert leg.heard[2:4] == ["tell", "nothing"]
    assert stage.told("fault")


async def test_while_the_store_is_away_the_caller_hears_that_the_case_is_not_stored() -> None:
    stage = a_stage()
    leg = stage.leg(IN, OUT)
    leg.says = [Recorded(8)]
    stage.clock.later(1, lambda: setattr(stage.store, "away", True))
    await stage.take(leg)
    assert leg.heard[2:4] == ["tell", "sorry"]
    stage.store.away = False
    await stage.log.settle("call-1", deadline_s=1)
    assert len(stage.store.recordings) == 1  # written behind


async def test_an_engine_that_takes_over_at_the_recording_asks_for_it_anew_under_the_same_name() -> None:
    first = a_stage()
    await call(first, IN, Break(hearing="tell"), says=[])
    second = Stage(first.editions[1].book, beside=first, node="node-b")
    leg, _ = await call(second, OUT, says=[Recorded(8)], rung=2)
    assert leg.heard[:2] == ["tell", "number"]
    assert [kept.id for kept in second.store.recordings] == [NAME]


async def test_an_engine_that_takes_over_at_the_case_opens_no_second_one() -> None:
    first = a_stage()
    await call(first, IN, Break(hearing="number"), says=[Recorded(8)])
    assert first.store.calls["call-1"].position is not None
    first.store.calls["call-1"].position["step"] = "case"  # it died before the next step was written down
    second = Stage(first.editions[1].book, beside=first, node="node-b")
    await call(second, OUT, says=[], rung=2)
    assert len(second.store.cases) == 1


async def test_a_second_visit_to_the_step_has_a_file_of_its_own() -> None:
    stage = a_stage()
    leg, _ = await call(stage, IN, Press("3", hearing="again"), OUT, says=[Recorded(8), Recorded(9)])
    assert [name.rpartition("/")[2] for name in leg.recorded] == [NAME, "call-1-first-2"]
    assert [kept.seconds for kept in stage.store.recordings] == [8, 9]


async def test_a_hostile_call_id_never_leaves_the_folder() -> None:
    stage = a_stage(recordings={"seen_by_asterisk": "/srv/recordings"})
    leg, _ = await call(stage, IN, OUT, says=[Recorded(8)], call_id="../../etc/passwd&x y")
    assert leg.recorded == ["/srv/recordings/------etc-passwd-x-y-first-1"]


async def test_conditions_of_the_same_call_know_of_the_case() -> None:
    asks = """\
  told: {kind: goto, cases: [{when: cases.tier == 2, then: number}], then: sorry}
  number: {kind: say, prompts: [number], then: main}
"""
    stage = a_stage(STEPS.replace("  told: {kind: say, prompts: [number], then: main}\n", asks))
    leg, _ = await call(stage, IN, OUT, says=[Recorded(8)])
    assert leg.heard[2:4] == ["tell", "number"]
