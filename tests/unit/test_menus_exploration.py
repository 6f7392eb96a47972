"""New options: tried out on a drawn share of customers, for a month, at a bounded price, never complaint or agent."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.testing.books import SMALL
from ivr.testing.generated import ToldRanker
from menus.explanation import explain
from menus.exploration import drawn_to_try
from menus.facts import CallerFacts, HistoryEvent, MenuHeard, MenuMemory
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from menus.personalise import SpokenMenu, reproduce, spoken_menu
from menus.schema import Menu, MenuBook

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
NEW = CallerFacts("+8613800000001", 7, 1)
KNOWN = replace(NEW, history=(HistoryEvent(NOW - timedelta(days=40), "transfer"),))
STATIC = ["balance", "transfer", "cards", "chinese", "complaint", "agent"]
CARDS_FIRST = ["cards", "balance", "transfer", "chinese", "complaint", "agent"]


def book(share: float = 0.05, gate: str = "", *explored: str) -> MenuBook:
    text = SMALL.replace("heard_within_s: 30", f"heard_within_s: 30\ngate: {{explore: {share}{gate}}}")
    for option in explored or ("cards",):
        text = text.replace(f"{{id: {option}, key:", f"{{id: {option}, explore: true, key:")
    return parse_book({"small.yaml": text})


def hear(
    where: MenuBook, scores: Mapping[str, float] | None = None, facts: CallerFacts = KNOWN, **more: Any
) -> SpokenMenu:
    about: dict[str, Any] = {"held_out": False, "again": False, "drawn": ("cards",)} | more
    spoken = spoken_menu(where, "main", facts, NOW, "en", ToldRanker(scores or {}), **about)
    stored = json.loads(json.dumps(spoken.record))
    assert reproduce(where, stored) == stored
    return spoken


def order(spoken: SpokenMenu) -> list[str]:
    return [option.id for option in spoken.options]


def drawn(where: MenuBook, customer: int, on: date = date(2026, 12, 1), salt: str = "salt") -> tuple[str, ...]:
    return drawn_to_try(where, "main", replace(NEW, customer_id=customer), on, salt)


def test_the_share_of_customers_is_drawn_and_the_larger_share_takes_in_the_smaller() -> None:
    drawn_of = {
        share: {n for n in range(10_000) if drawn(book_of, n)}
        for share, book_of in ((share, book(share)) for share in (0, 0.05, 0.2))
    }
    assert [len(customers) for customers in drawn_of.values()] == [0, 490, 2114]  # of 10,000: 0, 5 and 20 %
    assert drawn_of[0.05] < drawn_of[0.2]


def test_a_lot_holds_for_the_month_and_another_month_or_salt_draws_others() -> None:
    where = book(0.2)
    first = [drawn(where, n) for n in range(500)]
    assert first == [drawn(where, n, date(2026, 12, 31)) for n in range(500)]
    assert first != [drawn(where, n, date(2027, 1, 1)) for n in range(500)]
    assert first != [drawn(where, n, salt="other") for n in range(500)]


def test_options_are_drawn_apart_from_each_other_the_lowest_lot_first() -> None:
    where = book(0.2, "", "cards", "transfer")
    both = [drawn(where, n) for n in range(2000)]
    assert {(), ("cards",), ("transfer",), ("cards", "transfer"), ("transfer", "cards")} == set(both)


def test_nobody_but_the_one_customer_of_a_number_is_drawn() -> None:
    where = book(0.2)
    for facts in (CallerFacts(), CallerFacts("+8613800000001"), CallerFacts("+8613800000001", matches=2)):
        for day in range(1, 400):
            assert drawn_to_try(where, "main", facts, date(2026, 1, 1) + timedelta(day), "salt") == ()


def test_a_new_option_is_spoken_first_on_its_own_key_and_the_record_says_why() -> None:
    spoken = hear(book(), {"transfer": 0.4})
    assert order(spoken) == CARDS_FIRST
    assert spoken.options[0].key == "3"
    assert spoken.record["why"] == {"cards": "explore"}
    expected, seconds = spoken.record["expected_s"], spoken.record["seconds"]
    assert expected["ruled"] < expected["explored"] == expected["spoken"] <= expected["ruled"] + seconds["cards"]
    found = {one.option: one for one in explain(book(), spoken.record, KNOWN).options}
    assert (found["cards"].promoted, "drawn" in found["cards"].why) == ("explore", True)
    assert (
        "not drawn" in {one.option: one for one in explain(book(), hear(book(), drawn=()).record).options}["cards"].why
    )


def test_habit_comes_after_it_and_both_count_toward_most() -> None:
    assert order(hear(book(), {"transfer": 0.8}))[:3] == ["cards", "transfer", "balance"]
    assert order(hear(book(0.05, ", most: 1"), {"transfer": 0.8})) == CARDS_FIRST
    assert order(hear(book(), ruled=["transfer"]))[:3] == ["transfer", "cards", "balance"]
    assert order(hear(book(0.05, ", most: 1"), ruled=["transfer"]))[:2] == ["transfer", "balance"]


def test_one_option_is_tried_out_at_a_time() -> None:
    spoken = hear(book(0.05, "", "cards", "transfer"), drawn=("cards", "transfer"))
    assert spoken.record["why"] == {"cards": "explore"}


@pytest.mark.parametrize(
    ("scores", "more"),
    [
        ({}, {"held_out": True}),
        ({}, {"facts": replace(KNOWN, memory={"main": MenuMemory(frozen=True)})}),
        ({"card": 0.2, "balance": 0.3}, {}),  # known well enough
        ({}, {"hidden": ["cards"]}),
        ({}, {"drawn": ("complaint", "agent", "balance", "elsewhere")}),  # not released for it
    ],
)
def test_nothing_is_tried_out_on(scores: dict[str, float], more: dict[str, Any]) -> None:
    spoken = hear(book(), scores, **more)
    assert spoken.record["why"] == {}
    assert "explored" not in spoken.record["expected_s"]


def test_nothing_is_tried_out_while_the_gate_says_zero_or_the_menu_is_fixed() -> None:
    assert order(hear(book(0))) == STATIC
    assert drawn_to_try(book(0.2), "cards", NEW, date(2026, 12, 1), "salt") == ()


def test_complaint_and_agent_stay_whatever_is_released_and_drawn() -> None:
    where = book(0.2)
    main = where.steps["main"]
    assert isinstance(main, Menu)
    released = main.model_copy(update={"options": tuple(o.model_copy(update={"explore": True}) for o in main.options)})
    where = where.model_copy(update={"steps": {**where.steps, "main": released}})
    assert order(hear(where, drawn=("agent", "complaint", "chinese"))) == STATIC


def test_an_option_that_would_cost_more_than_its_own_length_is_not_tried_out() -> None:
    # Balance leaves its slot before a long pinned option: it would be heard later by that option, too.
    where = book()
    main = where.steps["main"]
    assert isinstance(main, Menu)
    balance, transfer, cards, *rest = main.options
    pinned = (balance, transfer.model_copy(update={"pinned": True}), cards, *rest)
    where = where.model_copy(update={"steps": {**where.steps, "main": main.model_copy(update={"options": pinned})}})
    seconds = {"balance": 1.0, "transfer": 9.0, "cards": 1.0, "chinese": 1.0, "complaint": 1.0, "agent": 1.0}
    assert order(hear(where, {"balance": 0.9}, seconds=seconds)) == STATIC
    assert order(hear(where, {"transfer": 0.9}, seconds=seconds))[0] == "cards"


def test_within_a_call_what_is_tried_out_stays_though_the_scores_change() -> None:
    first = hear(book())
    known_now = hear(book(), {"card": 0.3, "balance": 0.3}, heard=first.heard, again=True, drawn=())
    assert order(first) == order(known_now) == CARDS_FIRST
    assert known_now.heard == MenuHeard.from_json(json.loads(json.dumps(known_now.heard.to_json())))


def test_a_call_that_began_under_an_earlier_version_has_nothing_tried_out() -> None:
    kept = hear(book()).heard.to_json()
    del kept["explored"]
    assert order(hear(book(), heard=MenuHeard.from_json(kept), again=True)) == STATIC


def test_a_customer_without_history_hears_first_what_is_popular_if_that_passes_the_gate() -> None:
    clear = hear(book(0), {"transfer": 0.7, "balance": 0.1}, NEW)
    assert (order(clear)[0], clear.record["why"]) == ("transfer", {"transfer": "popular"})
    assert order(hear(book(0), {"transfer": 0.4, "balance": 0.1}, NEW)) == STATIC
    told = explain(book(0), clear.record, NEW)
    assert any("no history" in line for line in told.about)
    assert {one.option: one.why for one in told.options}["transfer"].startswith("first because many like")


@pytest.mark.parametrize("facts", [CallerFacts(), CallerFacts("+8613800000001"), CallerFacts("+861", matches=2)])
def test_callers_who_are_no_one_customer_hear_the_book(facts: CallerFacts) -> None:
    spoken = hear(book(0), {"transfer": 0.9}, facts)
    assert (order(spoken), spoken.record["scores"]) == (STATIC, {})


def test_all_tasks_alike_tell_nothing_of_a_customer_without_history() -> None:
    where = book(0, ", promote_at: 0.1, lead: 0, least: 0")
    spoken = spoken_menu(where, "main", NEW, NOW, "en", KernelRanker(), held_out=False, again=False)
    assert (order(spoken), spoken.record["scores"]) == (STATIC, {})
