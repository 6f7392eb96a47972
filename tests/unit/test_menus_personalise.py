"""Personal menus: the likely first, complaint and agent always in their place, every reason told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.testing.books import SMALL, small_book
from ivr.testing.generated import ToldRanker
from menus.facts import CallerFacts, HistoryEvent, MenuHeard, MenuMemory
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from menus.pace import expected_s, heard_after_s, option_s
from menus.personalise import SpokenMenu, habit, spoken_menu
from menus.schema import Menu, MenuBook
from menus.trial import held_out

BOOK = small_book()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
KNOWN = CallerFacts(customer_id=1, history=(HistoryEvent(NOW - timedelta(days=40), "transfer"),))
STATIC = ["balance", "transfer", "cards", "chinese", "complaint", "agent"]


def told(**scores: float) -> ToldRanker:
    return ToldRanker(scores)


def hear(ranker: Any, facts: CallerFacts = KNOWN, *, held: bool = False, language: str = "en") -> SpokenMenu:
    return spoken_menu(BOOK, "main", facts, NOW, language, ranker, held_out=held, again=False)


def order(spoken: SpokenMenu) -> list[str]:
    return [option.id for option in spoken.options]


def test_a_likely_option_is_spoken_first_on_its_own_key() -> None:
    spoken = hear(told(transfer=0.6, balance=0.1))
    assert order(spoken) == ["transfer", "balance", "cards", "chinese", "complaint", "agent"]
    first = spoken.options[0]
    assert (first.key, first.promoted, first.score, first.label) == ("2", True, 0.6, "transfers")
    assert not spoken.options[1].promoted


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"transfer": 0.49},
        {"transfer": 0.55, "balance": 0.4},
        {"complaint": 0.9},  # pinned: keeps its place
        {"agent": 0.9},
        {"insurance": 0.9},  # not on this menu
        {"transfer": float("nan")},
        {"transfer": float("inf")},
        {"transfer": -1.0, "card": 0.9},
        {"transfer": 0.9, "card": 0.9},
    ],
)
def test_the_book_has_the_order_when_nothing_is_sure(scores: dict[str, float]) -> None:
    spoken = hear(told(**scores))
    assert order(spoken) == STATIC
    assert not any(option.promoted for option in spoken.options)


def test_a_second_option_is_promoted_when_it_is_likely_given_that_the_first_is_wrong() -> None:
    assert order(hear(told(card=0.6, transfer=0.3)))[:3] == ["cards", "transfer", "balance"]
    assert order(hear(told(card=0.8, transfer=0.15)))[:3] == ["cards", "balance", "transfer"]  # too faint
    assert order(hear(told(card=0.55, transfer=0.22, balance=0.2)))[:3] == ["cards", "balance", "transfer"]  # too close


def test_held_out_callers_and_callers_without_history_hear_the_book() -> None:
    held = hear(told(transfer=0.9), held=True)
    assert order(held) == STATIC
    assert held.record["scores"] == {"transfer": 0.9}
    assert order(hear(told(transfer=0.9), CallerFacts())) == STATIC


def test_a_fixed_menu_is_the_same_for_all() -> None:
    spoken = spoken_menu(BOOK, "cards", KNOWN, NOW, "en", told(agent=0.9), held_out=False, again=False)
    assert (order(spoken), spoken.greeting, spoken.record["scores"]) == (["lost", "agent"], None, {})


def test_the_greeting_is_shorter_on_return() -> None:
    again = spoken_menu(BOOK, "main", KNOWN, NOW, "en", told(), held_out=False, again=True)
    assert (hear(told()).greeting, again.greeting) == ("main", "again")


def test_the_language_option_is_that_of_the_call_and_speaks_the_other() -> None:
    labels = {option.id: option.label for option in hear(told(), language="zh").options}
    assert labels["english"] == "English"
    assert "chinese" not in labels
    assert labels["balance"] == "余额"


def test_the_ranker_is_asked_in_the_time_zone_of_the_book() -> None:
    asked: list[datetime] = []

    class Notes(ToldRanker):
        def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
            asked.append(now)
            assert list(tasks) == ["balance", "transfer", "card", "complaint", "agent"]
            return {}

    spoken_menu(
        BOOK, "main", KNOWN, datetime(2026, 11, 30, 23, 0, tzinfo=UTC), "en", Notes({}), held_out=False, again=False
    )
    assert (asked[0].day, asked[0].hour) == (1, 7)


def test_who_is_held_out_stays_so_and_the_share_is_kept() -> None:
    callers = [f"+86138{n:08}" for n in range(4000)]
    drawn = [held_out(caller, "salt", 0.1) for caller in callers]
    assert drawn == [held_out(caller, "salt", 0.1) for caller in callers]
    assert 320 < sum(drawn) < 480
    assert drawn != [held_out(caller, "other", 0.1) for caller in callers]
    assert not any(held_out(caller, "salt", 0.0) for caller in callers)


def month_start_transferrer(months: int = 12) -> CallerFacts:
    first = [datetime(2026 - (12 - m < 1), (m - 1) % 12 + 1, 1, 10, tzinfo=ZONE) for m in range(12 - months, 12)]
    return CallerFacts(customer_id=1, history=tuple(HistoryEvent(at, "transfer") for at in first))


def test_a_month_start_transferrer_hears_transfer_first_on_the_1st_and_not_on_the_15th() -> None:
    facts = month_start_transferrer()
    assert order(hear(KernelRanker(), facts))[0] == "transfer"
    mid = spoken_menu(BOOK, "main", facts, NOW.replace(day=15), "en", KernelRanker(), held_out=False, again=False)
    assert order(mid) == STATIC


def test_the_habit_is_told_in_the_agents_language() -> None:
    facts = month_start_transferrer()
    assert habit(BOOK, facts, NOW, "en") == "usually transfers money on the 1st"
    assert habit(BOOK, facts, NOW, "zh") == "通常在每月1日转账"
    assert habit(BOOK, month_start_transferrer(2), NOW, "en") == ""
    assert habit(BOOK, CallerFacts(), NOW, "en") == ""


def test_of_two_habits_the_one_near_today_is_told() -> None:
    paid = tuple(HistoryEvent(datetime(2026, m, 15, 9, tzinfo=ZONE), "balance") for m in range(1, 12))
    facts = CallerFacts(
        customer_id=1, history=tuple(sorted((*month_start_transferrer().history, *paid), key=lambda e: e.at))
    )
    assert habit(BOOK, facts, NOW.replace(day=2), "en") == "usually transfers money on the 1st"
    assert habit(BOOK, facts, NOW.replace(day=14), "en") == "usually checks the balance on the 15th"


def changed(*changes: tuple[str, str]) -> MenuBook:
    """The small book with some words changed."""
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_book({"small.yaml": text})


def policy(word: str) -> MenuBook:
    return changed(("    order: personal\n", f"    order: personal\n    keys: {word}\n"))


def hear_in(book: MenuBook, ranker: Any = None, facts: CallerFacts = KNOWN, **given: Any) -> SpokenMenu:
    return spoken_menu(book, "main", facts, NOW, "en", ranker or told(), **{"held_out": False, "again": False, **given})


def why(spoken: SpokenMenu) -> dict[str, str]:
    return dict(spoken.record["why"])


def test_rules_promote_before_habits_and_habits_before_segments() -> None:
    book = changed(
        ("id: cards, key: 3,", "id: cards, key: 3, promote_for: [private],"),
        ("heard_within_s: 30", "heard_within_s: 30\nsegments: [private]\ngate: {most: 3}"),
    )
    facts = replace(KNOWN, segment="private")
    spoken = hear_in(book, told(transfer=0.6), facts, ruled=["balance"])
    assert why(spoken) == {"balance": "rule", "transfer": "habit", "cards": "segment"}
    spoken = hear_in(book, told(balance=0.6, transfer=0.15), facts)
    assert why(spoken) == {"balance": "habit"}  # with cards before transfer this caller would have to listen longer
    spoken = hear_in(book, told(card=0.4, balance=0.3), facts, ruled=["transfer"])
    assert why(spoken) == {"transfer": "rule", "cards": "segment"}
    assert why(hear_in(book, facts=replace(facts, segment="mass"), ruled=["transfer"])) == {"transfer": "rule"}
    assert why(hear_in(book, facts=CallerFacts(segment="private"))) == {"cards": "segment"}


def test_rules_promote_no_more_than_the_gate_allows_and_in_the_books_order() -> None:
    spoken = hear_in(BOOK, told(balance=0.9), ruled=["cards", "transfer", "agent"])
    assert order(spoken) == ["transfer", "cards", "balance", "chinese", "complaint", "agent"]
    assert why(spoken) == {"transfer": "rule", "cards": "rule"}


def test_rules_also_hold_for_callers_who_are_held_out() -> None:
    spoken = hear_in(BOOK, told(transfer=0.9), ruled=["cards"], held_out=True)
    assert why(spoken) == {"cards": "rule"}
    assert spoken.memory is None


def test_a_menu_may_have_a_gate_of_its_own() -> None:
    book = changed(("    order: personal\n", "    order: personal\n    gate: {promote_at: 0.3, lead: 0}\n"))
    assert why(hear_in(book, told(transfer=0.35))) == {"transfer": "habit"}
    assert why(hear_in(BOOK, told(transfer=0.35))) == {}


def test_a_hidden_option_is_not_said_and_its_key_means_nothing() -> None:
    spoken = hear_in(BOOK, told(transfer=0.9), hidden=["transfer"])
    assert order(spoken) == ["balance", "cards", "chinese", "complaint", "agent"]
    assert "2" not in spoken.offers()


def test_complaint_and_agent_cannot_be_hidden() -> None:
    assert order(hear_in(BOOK, hidden=["complaint", "agent", "cards"]))[-2:] == ["complaint", "agent"]


def test_the_ranker_is_not_asked_about_hidden_options() -> None:
    asked: list[Sequence[str]] = []

    class Notes(ToldRanker):
        def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
            asked.append(tasks)
            return {}

    hear_in(BOOK, Notes({}), hidden=["transfer"])
    assert asked == [["balance", "card", "complaint", "agent"]]


def test_renumbered_keys_ascend_as_they_are_spoken_and_those_that_stay_do_not_move() -> None:
    spoken = hear_in(policy("renumber"), told(card=0.8))
    assert [(option.id, option.key) for option in spoken.options] == [
        ("cards", "1"), ("balance", "2"), ("transfer", "3"), ("chinese", "4"), ("complaint", "5"), ("agent", "0"),
    ]  # fmt: skip
    assert spoken.offers()["1"] == "cards"


def test_shortcut_offers_the_likely_first_and_then_the_whole_menu() -> None:
    spoken = hear_in(policy("shortcut"), told(card=0.8))
    assert order(spoken) == ["cards", *STATIC]
    assert [option.promoted for option in spoken.options] == [True, *[False] * 6]
    assert [option.key for option in spoken.options][:4] == ["3", "1", "2", "3"]


def test_a_shortcut_that_costs_more_than_it_saves_is_not_offered() -> None:
    book = changed(
        ("    order: personal\n", "    order: personal\n    keys: shortcut\n    gate: {promote_at: 0.1, lead: 0}\n")
    )
    spoken = hear_in(book, told(transfer=0.34, balance=0.33, card=0.33))
    assert why(spoken) == {}
    assert spoken.record["expected_s"]["spoken"] == spoken.record["expected_s"]["book"]
    assert why(hear_in(book, told(card=0.6))) == {"cards": "habit"}


def test_what_a_rule_costs_this_caller_is_recorded() -> None:
    expected = hear_in(BOOK, told(balance=0.9), ruled=["cards"]).record["expected_s"]
    assert expected["book"] < expected["ruled"] == expected["spoken"]


def test_expected_seconds_count_the_first_time_that_an_option_is_said() -> None:
    seconds = {"a": 2.0, "b": 3.0}
    assert expected_s(["a", "b"], {"a": 0.25, "b": 0.75}, seconds) == 0.25 * 2 + 0.75 * 5
    assert expected_s(["b", "a", "b"], {"a": 0.25, "b": 0.75}, seconds) == 0.75 * 3 + 0.25 * 5


def test_real_durations_count_where_they_are_known() -> None:
    long = dict.fromkeys(STATIC, 1.0) | {"transfer": 30.0}
    assert why(hear_in(BOOK, told(transfer=0.6, balance=0.1))) == {"transfer": "habit"}
    assert why(hear_in(BOOK, told(transfer=0.6, balance=0.1), seconds=long)) == {}


def steady(calls: int) -> MenuBook:
    return changed(("heard_within_s: 30", f"heard_within_s: 30\ngate: {{steady_calls: {calls}}}"))


def after(memory: MenuMemory) -> CallerFacts:
    return replace(KNOWN, memory={"main": memory})


def test_a_new_habit_is_promoted_only_after_so_many_calls_in_a_row() -> None:
    book, memory = steady(3), MenuMemory()
    heard = []
    for wish in ("transfer", "transfer", "card", "transfer", "transfer", "transfer", "card", "transfer"):
        spoken = hear_in(book, told(**{wish: 0.8}), after(memory))
        memory = spoken.memory or memory
        heard.append(list(why(spoken)))
    # When another wish comes once, the old habit stays settled, but is not said first against the odds.
    assert heard == [[], [], [], [], [], ["transfer"], [], ["transfer"]]
    assert memory == MenuMemory(("transfer",), ("transfer",), 1)


def test_rules_are_not_held_back() -> None:
    assert why(hear_in(steady(9), ruled=["cards"])) == {"cards": "rule"}


def test_a_habit_that_a_rule_promotes_today_stays_settled() -> None:
    spoken = hear_in(steady(2), told(card=0.8), after(MenuMemory(("cards",), ("cards",), 5)), ruled=["cards"])
    assert why(spoken) == {"cards": "rule"}
    assert spoken.memory == MenuMemory(("cards",), ("cards",), 6)


def test_scores_that_are_no_probabilities_change_nothing_that_was_settled() -> None:
    spoken = hear_in(BOOK, told(card=7.0), after(MenuMemory(("cards",), ("cards",), 5)))
    assert (why(spoken), spoken.memory, spoken.record["scores_refused"]) == ({}, None, True)


def test_a_frozen_menu_stays_as_it_is_rules_included() -> None:
    frozen = MenuMemory(("cards", "balance"), frozen=True)
    spoken = hear_in(BOOK, told(transfer=0.9), after(frozen), ruled=["transfer"])
    assert why(spoken) == {"cards": "frozen", "balance": "frozen"}
    assert spoken.memory is None
    assert why(hear_in(BOOK, told(), after(frozen), held_out=True)) == {"cards": "frozen", "balance": "frozen"}
    assert why(hear_in(BOOK, told(), after(frozen), hidden=["cards"])) == {"balance": "frozen"}


def test_within_a_call_a_habit_is_settled_once() -> None:
    first = hear_in(steady(2), told(card=0.8))
    assert (first.memory, why(first)) == (MenuMemory((), ("cards",), 1), {})
    again = hear_in(steady(2), told(card=0.8), after(MenuMemory((), ("cards",), 1)), heard=first.heard)
    assert (again.memory, why(again)) == (None, {})


def test_what_was_settled_for_a_number_does_not_hold_for_the_customer_who_was_verified() -> None:
    heard = MenuHeard("number:+8613800000001", habit=("balance",))
    assert why(hear_in(BOOK, told(card=0.8), heard=heard)) == {"cards": "habit"}


@pytest.mark.parametrize("word", ["stable", "renumber", "shortcut"])
def test_the_promised_time_covers_the_worst_that_a_key_policy_can_do(word: str) -> None:
    book = policy(word)
    main = book.steps["main"]
    assert isinstance(main, Menu)
    complaint = next(option for option in main.options if option.id == "complaint")
    stable = heard_after_s(BOOK, main.model_copy(update={"keys": "stable"}), complaint, "en")
    extra = {"stable": 0.0, "renumber": 0.0, "shortcut": 0.0}
    if word == "shortcut":  # two more options than the menu has
        longest = sorted(option_s(book, main, option, "en") for option in main.offered("en") if not option.stays)
        extra["shortcut"] = sum(longest[-2:])
    if word == "renumber":  # "one" and "two" take as long, "three" two letters longer
        assert heard_after_s(book, main, complaint, "en") > stable
    else:
        assert heard_after_s(book, main, complaint, "en") == pytest.approx(stable + extra[word])
