"""Surveys: who is asked, which keys answer, and when asking ends."""

from typing import Any

import pytest

from ivr.ports import Rating, Recorded
from ivr.steps.survey import DAY_S
from ivr.testing.books import book_with
from ivr.testing.line import Action, HangUp, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage

PROMPTS = """\
  csat: {text: {en: "How was it, from 1 to 5?", zh: 一到五分。}}
  nps: {text: {en: "Would you recommend us, from 0 to 10?", zh: 零到十分。}}
  yes_no: {text: {en: "Was it solved?", zh: 解决了吗？}}
  comment: {text: {en: Tell us more., zh: 请留言。}}
  thanks: {text: {en: Thank you., zh: 谢谢。}}
"""
ALL = ("csat", "nps", "yes_no", "comment")
IN, OUT = Press("3", hearing="main"), HangUp(hearing="again")


def a_stage(*asks: str, **step: Any) -> Stage:
    questions = ", ".join(f"{{id: {ask}, ask: {ask}, prompt: {ask}}}" for ask in asks)
    more = "".join(f", {name}: {value}" for name, value in step.items())
    steps = f"  first: {{kind: survey, questions: [{questions}], thanks: thanks, then: main{more}}}\n"
    return Stage(book_with(steps, prompts=PROMPTS))


async def asked(stage: Stage, *script: Action, says: Any = (), call_id: str = "call-1") -> ScriptedLeg:
    leg = stage.leg(IN, *script, OUT, call_id=call_id)
    leg.says = list(says)
    await stage.take(leg)
    return leg


def scores(stage: Stage) -> list[tuple[str, int | None]]:
    return [(rating.question, rating.score) for rating, _ in stage.store.ratings]


async def test_every_kind_of_question_is_asked_and_its_answer_kept() -> None:
    stage = a_stage(*ALL)
    script = Press("4", hearing="csat"), Press("9", hearing="nps"), Press("2", hearing="yes_no")
    leg = await asked(stage, *script, says=[Recorded(6.0)])
    assert leg.heard[2:-1] == [*ALL, "thanks"]
    assert scores(stage) == [("csat", 4), ("nps", 9), ("yes_no", 0), ("comment", None)]
    comment, _ = stage.store.ratings[-1]
    assert comment.recording == stage.store.recordings[0].id == "call-1-first-1-comment"
    assert (stage.store.recordings[0].purpose, comment.survey, comment.subject) == ("comment", "first", f"number:{ANI}")


@pytest.mark.parametrize(
    ("ask", "keys", "score"),
    [
        ("csat", "1", 1), ("csat", "5", 5), ("yes_no", "1", 1), ("yes_no", "2", 0), ("nps", "0", 0), ("nps", "9", 9),
        ("nps", "10", 10), ("nps", "1", 1),
    ],
)  # fmt: skip
async def test_keys_have_their_scores(ask: str, keys: str, score: int) -> None:
    stage = a_stage(ask)
    await asked(stage, *(Press(key, hearing=ask if place == 0 else None) for place, key in enumerate(keys)))
    assert scores(stage) == [(ask, score)]


async def test_a_one_that_is_not_followed_by_a_naught_in_time_is_a_one() -> None:
    stage = a_stage("nps")
    await asked(stage, Press("1", hearing="nps"), Press("0", after_s=5))
    assert scores(stage) == [("nps", 1)]


async def test_a_key_after_the_one_answers_the_next_question() -> None:
    stage = a_stage("nps", "csat")
    await asked(stage, Press("1", hearing="nps"), Press("4"))
    assert scores(stage) == [("nps", 1), ("csat", 4)]


async def test_who_presses_nothing_is_not_asked_further() -> None:
    stage = a_stage("csat", "nps")
    leg = await asked(stage)
    assert leg.heard[2:-1] == ["csat"]
    assert scores(stage) == []
    assert stage.told("survey")[0]["answered"] == 0


async def test_a_wrong_key_is_asked_once_more_and_then_no_further() -> None:
    stage = a_stage("csat", "nps")
    leg = await asked(stage, Press("9", hearing="csat"), Press("5", hearing="csat"), Press("0", hearing="nps"))
    assert scores(stage) == [("csat", 5), ("nps", 0)]
    stage = a_stage("csat", "nps")
    leg = await asked(stage, Press("9", hearing="csat"), Press("*", hearing="csat"))
    assert leg.heard[2:-1] == ["csat", "csat"]


async def test_a_comment_without_a_word_is_no_answer() -> None:
    stage = a_stage("comment", "csat")
    leg = await asked(stage)
    assert leg.heard[2:-1] == ["comment"]
    assert (scores(stage), stage.store.recordings) == ([], [])


@pytest.mark.parametrize("where", ["csat", "nps", "comment", "thanks"])
async def test_who_hangs_up_has_given_the_answers_before(where: str) -> None:
    stage = a_stage("csat", "nps", "comment")
    script = Press("4", hearing="csat"), Press("9", hearing="nps")
    taken = {"csat": 0, "nps": 1}.get(where, 2)
    leg = stage.leg(IN, *script[:taken], HangUp(hearing=where))
    leg.says = [Recorded(3.0)]
    row = await stage.take(leg)
    assert len(scores(stage)) == {"csat": 0, "nps": 1, "comment": 2, "thanks": 3}[where]
    assert (row.result, row.reason) == ("left", "in_menu")


async def test_a_comment_is_kept_when_the_caller_hangs_up_in_it() -> None:
    stage = a_stage("comment", "csat")
    await asked(stage, says=[Recorded(3.0, hung_up=True)])
    assert scores(stage) == [("comment", None)]


async def test_a_share_of_calls_is_asked_the_same_ones_on_every_node() -> None:
    stage = a_stage("csat", share=0.25)
    drawn = [f"call-{n}" for n in range(40) if (await asked(stage, call_id=f"call-{n}")).heard.count("csat")]
    assert 4 <= len(drawn) <= 18
    again = Stage(stage.editions[1].book, node="node-b")
    for call_id in drawn[:3]:
        assert "csat" in (await asked(again, call_id=call_id)).heard


async def test_who_has_answered_lately_is_not_asked_again() -> None:
    stage = a_stage("csat", again_after_days=30)
    old = Rating("call-0", "first", "csat", "csat", 5, subject=f"number:{ANI}")
    stage.store.ratings.append((old, stage.clock.now() - 29 * DAY_S))
    assert "csat" not in (await asked(stage)).heard
    assert stage.told("survey")[0]["outcome"] == "asked_lately"
    stage.store.ratings[0] = (old, stage.clock.now() - 31 * DAY_S)
    assert "csat" in (await asked(stage, call_id="call-2")).heard


async def test_nobody_is_asked_while_it_is_not_known_whether_they_were() -> None:
    stage = a_stage("csat", again_after_days=30)
    leg = stage.leg(IN, OUT)
    stage.clock.later(1, lambda: setattr(stage.store, "away", True))
    await stage.take(leg)
    assert "csat" not in leg.heard


async def test_callers_without_a_number_are_asked() -> None:
    stage = a_stage("csat")
    leg = stage.leg(IN, Press("3", hearing="csat"), OUT, ani=None)
    await stage.take(leg)
    assert [(rating.score, rating.subject) for rating, _ in stage.store.ratings] == [(3, None)]
