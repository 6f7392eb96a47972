"""Dips: what is sent, what an answer becomes, and where the call goes on."""

from datetime import date
from typing import Any

import pytest

from ivr.errors import DipFailed
from ivr.steps.dip import value_of
from ivr.testing.books import book_with
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.spoken import Money

URL = "https://crm.example/ivr/tier"
PROMPTS = """\
  told: {text: {en: "You have {points:number} points.", zh: "您有{points:number}分。"}}
  sorry: {text: {en: We cannot look now., zh: 暂时无法查询。}}
"""
STEPS = f"""\
  first:
    kind: dip
    url: {URL}
    send: {{number: caller.number, hour: calendar.hour, due: "values.points + 1"}}
    into: {{points: number, since: date}}
    deadline_s: 0.5
    retries: 2
    then: told
    otherwise: sorry
  told: {{kind: say, prompts: [told], then: main}}
  sorry: {{kind: say, prompts: [sorry], then: main}}
"""
IN, OUT = Press("3", hearing="main"), HangUp(hearing="again")


async def dipped(answer: Any) -> tuple[Stage, list[str]]:
    stage = Stage(book_with(STEPS, prompts=PROMPTS))
    if answer is not None:
        stage.webhooks.answers[URL] = answer
    await stage.take(leg := stage.leg(IN, OUT))
    return stage, leg.heard[2:-1]


async def test_a_good_answer_becomes_values_of_the_call() -> None:
    stage, heard = await dipped({"points": 1200, "since": "2014-03-09", "more": [1]})
    assert set(heard) == {"told"}
    position = stage.store.calls["call-1"].position
    assert position is not None
    assert position["values"] == {"points": 1200, "since": {"date": "2014-03-09"}}


async def test_what_is_sent_is_worked_out_and_what_is_not_known_is_nothing() -> None:
    stage, _ = await dipped({"points": 1, "since": "2014-03-09"})
    (asked,) = stage.webhooks.asked
    assert asked.fields == {"number": ANI, "hour": 22, "due": None}  # 2026-09-21 14:13 UTC in Shanghai
    assert (asked.url, asked.method, asked.retries) == (URL, "post", 2)


@pytest.mark.parametrize("answer", [None, {}, {"points": 1}, {"points": "1", "since": "2014-03-09"}], ids=str)
async def test_no_good_answer_leads_the_other_way_and_sets_nothing(answer: Any) -> None:
    stage, heard = await dipped(answer)
    assert heard == ["sorry"]
    position = stage.store.calls["call-1"].position
    assert position is not None
    assert position["values"] == {}
    assert stage.told("dip")[0]["outcome"] == "failed"


async def test_the_record_names_the_values_and_not_what_they_hold() -> None:
    stage, _ = await dipped({"points": 1200, "since": "2014-03-09"})
    (told,) = stage.told("dip")
    assert told["values"] == ["points", "since"]
    assert "1200" not in str(told)


GOOD = [
    ("number", -5, -5),
    ("digits", "0042", "0042"),
    ("text", "王芳", "王芳"),
    ("text", "", ""),
    ("yes_no", False, False),
    ("money", 12345, Money(12345)),
    ("money", {"cents": -1, "currency": "USD"}, Money(-1, "USD")),
    ("date", "2026-02-28", date(2026, 2, 28)),
]
BAD = [
    ("number", [True, "5", 5.0, None, 10**13, [5]]),
    ("digits", [42, "", "4 2", "٤٢", "1" * 31, "12\n"]),
    ("text", [5, None, "x" * 501, "a\nb", "a\x00b"]),
    ("yes_no", [1, "true", None]),
    ("money", ["12.50", 12.5, True, {"cents": 1}, {"cents": 1, "currency": "XXX"}, {"cents": "1", "currency": "USD"},
               {"cents": 1, "currency": "USD", "more": 1}]),
    ("date", [20260228, "2026-02-30", "28.02.2026", "2026-W01-1", "20260228", None]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "value"), GOOD)
def test_a_field_becomes_a_value_of_its_kind(kind: str, given: Any, value: Any) -> None:
    found = value_of("field", kind, {"field": given})
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "given"), [(kind, one) for kind, bad in BAD for one in bad])
def test_a_field_of_another_kind_is_refused_without_telling_what_it_holds(kind: str, given: Any) -> None:
    with pytest.raises(DipFailed, match=f"'field' of the answer is no {kind}"):
        value_of("field", kind, {"field": given})


def test_a_field_that_is_missing_is_refused() -> None:
    with pytest.raises(DipFailed, match="lacks the field 'field'"):
        value_of("field", "number", {})
