"""What the engine records of a call is what the report on menus reads: whole calls, walked with twins."""

from collections.abc import Mapping
from typing import Any

import pytest

from ivr.testing.line import HangUp, Press
from ivr.testing.stage import ANI, Stage
from menus.evaluation.visits import KINDS, RecordedCall, Visit, visits_of
from menus.facts import CallerFacts


async def visits(*script: Any, settings: Mapping[str, Any] | None = None, ani: str | None = ANI) -> tuple[Visit, ...]:
    stage = Stage(settings=settings)
    stage.agent()
    stage.store.facts[ANI] = (CallerFacts(ANI, 7, 1, "en", "mass"),)
    row = await stage.take(stage.leg(*script, ani=ani))
    events = tuple((event.at, event.kind, event.data) for event in stage.store.events if event.kind in KINDS)
    return visits_of(RecordedCall(row.id, "customer:7", row.result or "", row.reason or "", events))


async def test_a_wrong_key_a_repeat_and_the_choice_are_one_visit_with_its_time() -> None:
    (one,) = await visits(Press("9", hearing="main.balance"), Press("2", hearing="main.transfer"))
    assert (one.menu, one.language, one.segment, one.held) == ("main", "en", "mass", None)
    assert (one.wrong, one.heard) == (1, 3)
    assert one.seconds is not None
    assert 3 < one.seconds < 30


async def test_seconds_until_complaint_are_those_of_the_sounds_and_heard_by_who_listens_to_the_end() -> None:
    (one,) = await visits(Press("0", hearing="main.agent"))
    assert one.complaint_heard_s == pytest.approx(one.complaint_due_s, abs=0.01)
    (quick,) = await visits(Press("1", hearing="main.balance"))
    assert (quick.complaint_heard_s, quick.complaint_due_s) == (None, one.complaint_due_s)


async def test_a_submenu_with_a_fixed_order_is_no_visit_and_its_way_back_takes_the_choice_back() -> None:
    first, second = await visits(Press("3", hearing="main.cards"), Press("*", hearing="cards.lost"), Press("0"))
    assert (first.menu, first.returned, first.seconds is None) == ("main", True, False)
    assert (second.menu, second.returned, second.seconds is None) == ("main", False, False)


async def test_a_caller_who_hangs_up_in_the_menu_has_chosen_nothing() -> None:
    (one,) = await visits(HangUp("main.transfer"))
    assert (one.seconds, one.heard) == (None, 2)


async def test_who_keeps_the_books_order_is_told_apart_by_why() -> None:
    (nobody,) = await visits(Press("0", hearing="main"), ani=None)
    assert nobody.held == "nobody"
    told = {
        (await visits(Press("0", hearing="main"), settings={"personal": {"hold_out": 0.5, "salt": salt}}))[0].held
        for salt in "abcdefgh"
    }
    assert told == {None, "drawn"}
