"""Calls that were made, arranged anew with another book: worked out by hand on a small book.

Every prompt takes one second here and every option two, so that the third option has been said after 1 + 3 * 2 = 7.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.testing.books import SMALL, small_book
from menus.facts import CallerFacts, HistoryEvent
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from menus.pace import Durations
from menus.personalise import spoken_menu
from menus.replay.anew import Again, Anew, KeyMoved, Scorer
from menus.replay.journeys import Journey, Visit, journeys
from menus.replay.page import page
from menus.replay.report import Mean, ReplayedCall, ReplayReport, share_of
from menus.replay.side import Side
from menus.schema import MenuBook

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 1, 10, tzinfo=ZONE)
FLAT = Durations(lambda prompt, language: 1.0, lambda menu, option, language: 2.0)
#: Nobody has done anything but transfers, on the first of each month.
HABIT = tuple(HistoryEvent(datetime(2026, month, 1, 9, tzinfo=ZONE), "transfer") for month in range(1, 11))
CARDS_LINE = "      - {id: cards, key: 3, task: card, label: {en: cards, zh: 银行卡}, then: cards}\n"
TRANSFER_LINE = "      - {id: transfer, key: 2, task: transfer, label: {en: transfers, zh: 转账}, then: general}\n"
BALANCE_LINE = "      - {id: balance, key: 1, task: balance, label: {en: balance, zh: 余额}, then: general}\n"
LOST_LINE = "      - {id: lost, key: 1, label: {en: a lost card, zh: 挂失}, then: general}\n"


def changed(*changes: tuple[str, str]) -> MenuBook:
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_book({"small.yaml": text})


def record(book: MenuBook, menu: str = "main", facts: CallerFacts | None = None, **more: Any) -> Mapping[str, Any]:
    ranker = KernelRanker()
    offered = [option.id for option in book.steps[menu].offered("en")]  # type: ignore[union-attr]
    asked = {"held_out": False, "again": False, "seconds": dict.fromkeys(offered, 2.0), **more}
    return spoken_menu(book, menu, facts or CallerFacts(), NOW, "en", ranker, **asked).record


def visit(option: str, key: str, task: str | None = None, menu: str = "main", **more: Any) -> Visit:
    kept = more.pop("record", None) or record(small_book(), menu, **more)
    return Visit(menu, option, task, key, kept, listened_s=30.0)


def anew(
    book: MenuBook, *visits: Visit, scorer: Scorer | None = None, fresh: bool = False, old: MenuBook | None = None
) -> Anew:
    again = Again(Side(old or small_book(), FLAT), Side(book, FLAT))
    return again.journey(Journey(visits), language="en", dnis="95588", scorer=scorer, fresh=fresh)


CARDS = ("cards", "3", "card")


def test_the_same_book_changes_nothing() -> None:
    got = anew(small_book(), visit(*CARDS), visit("lost", "1", menu="cards"))
    assert got.actual == (9.0, 9.0)  # 1 + 6 in the main menu, 2 in the one for cards, which has no greeting
    assert [menu.reordered for menu in got.menus] == [False, False]
    assert (got.moved, got.deeper, got.undecided) == ((), 0, ())
    assert got.route == (("main", "cards"), ("cards", "lost"))


def test_an_option_that_moves_to_the_front_is_heard_sooner_and_those_before_it_later() -> None:
    front = changed((CARDS_LINE, ""), (BALANCE_LINE, CARDS_LINE + BALANCE_LINE))
    assert anew(front, visit(*CARDS)).actual == (7.0, 3.0)
    got = anew(front, visit("balance", "1", "balance"))
    assert got.actual == (3.0, 5.0)
    assert got.menus[0].reordered
    assert got.moved == ()
    # Of six options all are alike: 1 + 2 * (1 + … + 6) / 6 in whatever order.
    assert got.menus[0].expected == pytest.approx((8.0, 8.0))


def test_an_option_that_is_gone_cannot_be_reached_and_is_no_part_of_what_is_expected() -> None:
    got = anew(changed((TRANSFER_LINE, "")), visit("transfer", "2", "transfer"))
    assert got.route is None
    assert got.actual is None
    assert got.moved == (KeyMoved("main", "2", "transfer", None, blind=False),)
    # Before: options 1, 3, 4, 5, 6 of six; now the same five: 1 + 2 * 19 / 5 against 1 + 2 * 15 / 5.
    assert got.menus[0].expected == pytest.approx((8.6, 7.0))


def test_an_option_that_moved_into_another_menu_is_behind_one_more() -> None:
    moved = changed((TRANSFER_LINE, ""), (LOST_LINE, LOST_LINE + TRANSFER_LINE))
    got = anew(moved, visit("transfer", "2", "transfer"))
    assert got.route == (("main", "cards"), ("cards", "transfer"))
    assert got.deeper == 1
    assert got.actual == (5.0, 5.0 + 4.0)  # cards is the second option now, transfers the second there, no greeting


def test_an_option_that_moved_up_is_reached_with_fewer_menus() -> None:
    up = changed((LOST_LINE, ""), (BALANCE_LINE, BALANCE_LINE + LOST_LINE.replace("key: 1", "key: 9")))
    got = anew(up, visit(*CARDS), visit("lost", "1", menu="cards"))
    assert got.route == (("main", "lost"),)
    assert got.deeper == 0
    assert got.actual == (9.0, 5.0)


def test_options_are_found_by_their_task_when_they_are_called_otherwise() -> None:
    named = changed(("{id: transfer, key: 2", "{id: send_money, key: 2"))
    assert anew(named, visit("transfer", "2", "transfer")).route == (("main", "send_money"),)
    assert anew(named, visit("transfer", "2", "transfer")).moved == ()


def test_swapped_keys_are_told_with_what_they_mean_now() -> None:
    swapped = changed(
        ("{id: balance, key: 1", "{id: balance, key: 2"), ("{id: transfer, key: 2", "{id: transfer, key: 1")
    )
    quick = Visit("main", "balance", "balance", "1", record(small_book()), listened_s=1.0)
    assert anew(swapped, quick).moved == (KeyMoved("main", "1", "balance", "transfer", blind=True),)
    typed_ahead = Visit("main", "balance", "balance", "1", None)
    got = anew(swapped, typed_ahead)
    assert got.moved == (KeyMoved("main", "1", "balance", "transfer", blind=True),)
    assert (got.actual, got.menus) == (None, ())


def test_a_menu_that_has_another_name_is_the_same_menu() -> None:
    renamed = changed(("then: cards}", "then: my_cards}"), ("  cards:\n    kind", "  my_cards:\n    kind"))
    got = anew(renamed, visit("lost", "1", menu="cards"))
    assert got.route == (("my_cards", "lost"),)
    assert got.actual == (2.0, 2.0)


def test_the_scores_of_the_record_meet_the_gate_of_the_new_book() -> None:
    caller = CallerFacts("+8613800000001", 7, 1, history=HABIT, segment="mass")
    kept = record(small_book(), facts=caller)
    assert 0.7 < kept["scores"]["transfer"] < 0.9
    assert kept["order"][0] == "transfer"
    strict = changed(("heard_within_s: 30\n", "heard_within_s: 30\ngate: {promote_at: 0.9}\n"))
    got = anew(strict, Visit("main", "transfer", "transfer", "2", kept, 30.0))
    assert got.actual == (3.0, 5.0)
    assert got.menus[0].reordered
    loose = anew(small_book(), Visit("main", "transfer", "transfer", "2", kept, 30.0))
    assert loose.actual == (3.0, 3.0)


def test_another_ranker_counts_as_if_callers_were_used_to_it() -> None:
    slow = changed(("heard_within_s: 30\n", "heard_within_s: 30\ngate: {steady_calls: 3}\n"))
    kept = record(slow, facts=CallerFacts("+8613800000001", 7, 1, history=HABIT))
    assert kept["order"][0] == "balance"
    wish = Visit("main", "cards", "card", "3", kept, 30.0)
    likes_cards = anew(slow, wish, scorer=lambda tasks: dict.fromkeys(tasks, 0.0) | {"card": 0.9}, fresh=True, old=slow)
    assert likes_cards.menus[0].reordered
    assert likes_cards.actual == (7.0, 3.0)


def test_a_new_task_in_a_menu_is_scored_afresh() -> None:
    caller = CallerFacts("+8613800000001", 7, 1, history=HABIT)
    kept = record(changed((TRANSFER_LINE, "")), facts=caller)
    assert "transfer" not in kept["scores"]
    wish = Visit("main", "balance", "balance", "1", kept, 30.0)
    asked: list[tuple[str, ...]] = []

    def scorer(tasks: Any) -> Mapping[str, float]:
        asked.append(tuple(tasks))
        return KernelRanker().scores(caller, tasks, NOW)

    got = anew(small_book(), wish, scorer=scorer, old=changed((TRANSFER_LINE, "")))
    assert asked == [("balance", "transfer", "card", "complaint", "agent")]
    assert got.actual == (3.0, 5.0)  # transfers come first now


def test_conditions_that_nobody_asked_are_told_and_taken_as_offered() -> None:
    asks = changed(("label: {en: transfers, zh: 转账}", "when: calendar.day < 5, label: {en: transfers, zh: 转账}"))
    assert anew(asks, visit("balance", "1", "balance")).undecided == ("main.transfer",)
    hidden = record(asks, hidden=["transfer"])
    got = anew(asks, Visit("main", "cards", "card", "3", hidden, 9.0), old=asks)
    assert got.undecided == ()
    assert got.actual == (5.0, 5.0)
    assert not got.menus[0].reordered


def _menu(name: str) -> tuple[str, dict[str, Any]]:
    return "menu", {"menu": name, "record": record(small_book(), name)}


def _key(menu: str, option: str) -> tuple[str, dict[str, Any]]:
    return "key", {"menu": menu, "option": option, "key": "1", "task": None}


def _step(name: str, does: str) -> tuple[str, dict[str, Any]]:
    return "step", {"step": name, "does": does}


def _ways(*events: tuple[str, dict[str, Any]]) -> list[list[str]]:
    told = [(float(at), kind, data) for at, (kind, data) in enumerate(events)]
    return [[f"{one.menu}.{one.option}" for one in way.visits] for way in journeys(told, {"main", "cards"})]


def test_menus_belong_together_until_something_else_is_done() -> None:
    to_cards = (_step("main", "menu"), _menu("main"), _key("main", "cards"), _step("cards", "menu"), _menu("cards"))
    assert _ways(*to_cards, _key("cards", "lost"), _step("general", "route"), _key("general", "ways.0")) == [
        ["main.cards", "cards.lost"]
    ]
    assert _ways(
        *to_cards, ("back", {"menu": "cards"}), _step("main", "menu"), _menu("main"), _key("main", "agent")
    ) == [["main.agent"]]
    assert _ways(_menu("main"), ("no_input", {"menu": "main"})) == []
    assert _ways(_key("main", "agent"), _step("bye", "goodbye"), _menu("main"), _key("main", "cards")) == [
        ["main.agent"],
        ["main.cards"],
    ]


def test_what_lies_between_two_menus_divides_no_journey() -> None:
    for does in ("language", "verify", "collect", "dip"):
        ways = _ways(_menu("main"), _key("main", "cards"), _step("between", does), _key("cards", "lost"))
        assert ways == [["main.cards", "cards.lost"]]


def test_a_menu_come_to_again_after_a_change_of_language_begins_another_journey() -> None:
    ways = _ways(_menu("main"), _key("main", "chinese"), _step("to_zh", "language"), _key("main", "balance"))
    assert ways == [["main.chinese"], ["main.balance"]]


def test_wishes_behind_a_language_menu_are_reached() -> None:
    greeting = "  hello: {kind: say, prompts: [welcome], then: main}\n"
    tongues = (
        "  hello: {kind: say, prompts: [welcome], then: tongue}\n"
        "  tongue:\n    kind: menu\n    options:\n"
        "      - {id: english, key: 1, label: {en: English, zh: 英文}, then: to_en}\n"
        "      - {id: chinese, key: 2, label: {en: Chinese, zh: 中文}, then: to_zh}\n"
        "      - {id: complaint, key: 5, task: complaint, pinned: true, label: {en: faults, zh: 投诉}, then: general}\n"
        "      - {id: agent, key: 0, task: agent, pinned: true, label: {en: an agent, zh: 人工}, then: general}\n"
        "    no_input: {prompts: [silent], then: general}\n    invalid: {prompts: [wrong], then: general}\n"
    )
    book = parse_book({"small.yaml": SMALL.replace(greeting, tongues)})
    renamed = parse_book({"small.yaml": SMALL.replace(greeting, tongues).replace("  cards:\n", "  plastic:\n").replace(
        "then: cards}", "then: plastic}").replace("{id: lost, ", "{id: gone, ")})  # fmt: skip
    chose = Visit("tongue", "chinese", None, "2", record(book, "tongue"), 30.0)
    wish = Visit("main", "balance", "balance", "1", {**record(book), "language": "zh"}, 30.0)
    for new in (book, renamed):
        got = anew(new, chose, wish, old=book)
        assert got.route == (("tongue", "chinese"), ("main", "balance"))
        assert got.deeper == 0
        assert got.actual == (7.0, 7.0)  # 4 for Chinese in the menu without a greeting, 3 for the balance


def test_a_wish_of_one_language_is_looked_for_among_what_is_offered_in_it() -> None:
    english = Visit("main", "english", None, "4", {**record(small_book()), "language": "zh"}, 30.0)
    assert anew(small_book(), english).route == (("main", "english"),)


def test_how_long_a_caller_listened_is_known_of_menus_that_were_said() -> None:
    told = [(10.0, *_menu("main")), (14.5, *_key("main", "cards")), (20.0, *_key("cards", "lost"))]
    (way,) = journeys(told, {"main", "cards"})
    assert [one.listened_s for one in way.visits] == [4.5, None]
    assert way.visits[1].record is None


def test_means_and_shares_have_their_confidence() -> None:
    mean = Mean()
    for value in (1.0, 2.0, 3.0, 4.0):
        mean.add(value)
    assert mean.mean == 2.5
    assert mean.half_width == pytest.approx(1.96 * (5 / 3 / 4) ** 0.5)
    assert Mean().half_width is None
    # Wilson for 5 of 10: 0.2366 to 0.7634.
    assert share_of(5, 10) == {"share": 0.5, "within": [0.2366, 0.7634]}
    assert share_of(0, 0) == {"share": None, "within": None}


def _reported() -> ReplayReport:
    report = ReplayReport()
    gone = changed((TRANSFER_LINE, ""), (CARDS_LINE, ""), (BALANCE_LINE, CARDS_LINE + BALANCE_LINE))
    for number, (option, key, task, segment) in enumerate(
        [("balance", "1", "balance", "mass"), ("cards", "3", "card", "private"), ("transfer", "2", "transfer", "mass")]
    ):
        journey = Journey((visit(option, key, task),))
        report.add(ReplayedCall(f"call-{number}", "en", segment, [(journey, anew(gone, *journey.visits))]))
    report.add(ReplayedCall("silent", "en", "", []))
    return report


def test_a_report_sums_by_segment_language_and_menu_and_names_calls() -> None:
    told = _reported().to_json()
    assert (told["calls"], told["calls_without_a_choice"], told["calls_reordered"]) == (3, 1, 3)
    total = told["total"]["actual"]
    assert (total["cases"], total["before_s"], total["after_s"], total["change_s"]) == (2, 5.0, 4.0, -1.0)
    assert told["by"]["segment"]["mass"]["actual"]["change_s"] == 2.0
    assert told["by"]["segment"]["private"]["actual"]["change_s"] == -4.0
    assert told["by"]["segment"]["mass"]["unreachable"] == 1
    assert told["unreachable"] == [{"menu": "main", "option": "transfer", "cases": 1, "calls": ["call-2"]}]
    assert told["keys_moved"] == [
        {"menu": "main", "key": "2", "option": "transfer", "now": None, "cases": 1, "calls": ["call-2"]}
    ]
    assert told["worst"] == [
        {"call": "call-0", "menu": "main", "option": "balance", "before_s": 3.0, "after_s": 5.0, "change_s": 2.0}
    ]
    assert told["changes_s"] == {"-4": 1, "2": 1}
    # Expected: five of six options are left, (1 + 2 * mean place) before 3.8 and after 3, in each of the calls.
    assert told["total"]["expected"]["before_s"] == pytest.approx(8.6)
    assert _reported().worse_by() == pytest.approx(-1.0)


def test_the_page_needs_nothing_from_outside_and_escapes_what_it_tells() -> None:
    told = _reported().to_json()
    told["unreachable"][0]["option"] = "<script>alert(1)</script>"
    text = page(told, title="Bank & Co")
    assert "<script" not in text
    assert "http" not in text
    assert "Bank &amp; Co" in text
    assert text.count("<svg") == 3
    assert "call-2" in text


def test_the_page_of_no_calls_says_so() -> None:
    assert "nothing to compare" in page(ReplayReport().to_json(), title="x")
