"""Why a menu was as it was: rule, habit, segment, frozen, hold-out, and by how much a gate was missed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ivr.testing.books import SMALL
from menus.errors import Unexplained
from menus.explanation import Explained, OptionExplained, explain
from menus.facts import CallerFacts, HistoryEvent, MenuMemory
from menus.learning.ranker import KernelRanker
from menus.loader import parse_book
from menus.personalise import spoken_menu
from menus.schema import MenuBook
from menus.trial import Held

NOW = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)  # 9 in the morning in Shanghai
HISTORY = tuple(HistoryEvent(datetime(2026, month, 1, 9, tzinfo=UTC), "transfer") for month in range(3, 12))
KNOWN = CallerFacts("+8613800000001", 7, 1, "en", "mass", HISTORY)


def book(*changes: tuple[str, str]) -> MenuBook:
    text = SMALL.replace("languages: [en, zh]", "languages: [en, zh]\nsegments: [mass]", 1)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_book({"small.yaml": text})


def said_of(option: str, more: str) -> tuple[str, str]:
    return f"{{id: {option}, key:", f"{{id: {option}, {more}, key:"


def record_of(where: MenuBook, facts: CallerFacts = KNOWN, **more: Any) -> dict[str, Any]:
    about = {"held_out": False, "again": False} | more
    spoken = spoken_menu(where, "main", facts, NOW, "en", KernelRanker(), **about)
    stored: dict[str, Any] = json.loads(json.dumps(dict(spoken.record)))  # as a database gives it back
    return stored


def explained(where: MenuBook, facts: CallerFacts = KNOWN, **more: Any) -> Explained:
    found = explain(where, record_of(where, facts, **more), facts, KernelRanker())
    assert found.differs == ()
    return found


def option(found: Explained, name: str) -> OptionExplained:
    (only,) = (one for one in found.options if one.option == name)
    return only


def test_a_habit_is_told_with_its_probability_the_gate_and_the_history() -> None:
    found = explained(book())
    transfer = option(found, "transfer")
    assert (transfer.place, transfer.key, transfer.promoted) == (1, "2", "habit")
    assert transfer.why.startswith("first by habit: probability 0.779")
    assert "the gate asks 0.500" in transfer.why
    assert transfer.evidence == (
        "done 9 times in 9.0 months, usually transfers money on the 1st, last on 2026-11-01, not yet this month"
    )
    assert sum(share for _, share in transfer.shares) == pytest.approx(transfer.probability, abs=1e-6)
    assert option(found, "balance").evidence == "never done"
    assert found.scores_again is True
    assert (found.ranker, found.menu, found.language) == ("kernel-1", "main", "en")


def test_a_gate_that_is_missed_is_told_with_what_is_missing() -> None:
    strict = book(("order: personal", "order: personal\n    gate: {promote_at: 0.95, lead: 0.9}"))
    transfer = option(explained(strict), "transfer")
    assert transfer.promoted is None
    assert transfer.probability is not None
    missing = 0.95 - transfer.probability
    assert f"the gate asks 0.950, {missing:.3f} short" in transfer.why
    assert "ahead of the next, asked 0.900" in transfer.why


def test_a_rule_is_told_by_its_condition_whether_it_holds_or_not() -> None:
    ruled = book(said_of("cards", "promote_when: calendar.month_start"))
    assert option(explained(ruled, ruled=["cards"]), "cards").why == "first by rule: calendar.month_start"
    assert option(explained(ruled), "cards").why.endswith("; its rule does not hold: calendar.month_start")


def test_an_option_that_is_hidden_is_told_with_its_condition_and_without_a_place() -> None:
    where = book(said_of("cards", "when: customer.known"))
    cards = option(explained(where, hidden=["cards"]), "cards")
    assert (cards.place, cards.why) == (None, "not offered: its condition does not hold: customer.known")


def test_options_that_stay_say_so() -> None:
    found = explained(book())
    told = {name: option(found, name).why for name in ("chinese", "complaint", "agent")}
    assert told == {
        "chinese": "stays in its place: pinned",
        "complaint": "stays in its place: complaint",
        "agent": "stays in its place: agent",
    }


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (Held.DRAWN, "drawn for the hold-out"),
        (Held.OFF_DAYS, "the whole site is static on these days"),
        (Held.NOBODY, "a caller without a number"),
    ],
)
def test_who_is_held_out_reads_why(held: Held, words: str) -> None:
    found = explained(book(), held_out=True, held=held)
    assert words in option(found, "transfer").why
    assert any(words in line for line in found.about)


def test_a_frozen_menu_is_told_as_such_and_nothing_else_counts() -> None:
    frozen = replace(KNOWN, memory={"main": MenuMemory(("cards",), frozen=True)})
    found = explained(book(), frozen)
    assert option(found, "cards").why == "first: the caller has frozen the menu with it in front"
    assert "the caller has frozen the menu" in option(found, "transfer").why


def test_a_wish_that_is_not_steady_yet_says_how_many_calls_it_needs() -> None:
    slow = book(("order: personal", "order: personal\n    gate: {steady_calls: 3}"))
    assert "wished for in 1 of 3 calls in a row" in option(explained(slow), "transfer").why


def test_an_option_of_the_segment_that_would_cost_time_says_how_much() -> None:
    where = book(said_of("cards", "promote_for: [mass]"))
    long = option(explained(where, seconds={"cards": 30.0}), "cards").why
    assert re.search(r"in front it would make this caller listen \d+\.\d\d s longer", long)
    unknown = replace(KNOWN, history=())
    assert option(explained(where, unknown), "cards").why == "first for the segment mass"


def test_a_gate_that_is_full_is_told() -> None:
    where = book(
        ("order: personal", "order: personal\n    gate: {most: 1}"),
        said_of("cards", "promote_when: calendar.month_start"),
    )
    found = explained(where, ruled=["cards"])
    assert "1 options are promoted already" in option(found, "transfer").why


def test_nothing_is_known_of_a_stranger_and_that_is_what_is_told() -> None:
    found = explained(book(), CallerFacts("+8613800000002"))
    assert "nothing is known of what this caller does" in option(found, "transfer").why
    assert found.scores_again is None


def test_a_record_that_was_changed_is_told_by_the_parts_that_differ() -> None:
    where = book()
    record = record_of(where)
    changed = record | {"order": list(reversed(record["order"])), "promoted": []}
    assert explain(where, changed).differs == ("order", "promoted")
    a_bit = record | {"expected_s": record["expected_s"] | {"spoken": record["expected_s"]["spoken"] + 0.001}}
    assert explain(where, a_bit).differs == ("expected_s",)


def test_a_history_that_was_corrected_since_is_noticed() -> None:
    where = book()
    other = replace(KNOWN, history=HISTORY[:-1])
    assert explain(where, record_of(where), other, KernelRanker()).scores_again is False


def test_a_ranker_that_left_its_grounds_in_the_record_is_asked_by_these_and_not_by_the_history() -> None:
    class Remembers(KernelRanker):
        def again(self, basis: Mapping[str, Any], tasks: Sequence[str]) -> Mapping[str, float]:
            return {task: basis["scores"][task] for task in tasks}

    where = book()
    record = record_of(where)
    kept = record | {"basis": {"scores": record["scores"]}}
    assert explain(where, kept, replace(KNOWN, history=()), Remembers()).scores_again is True
    lost = record | {"basis": {"scores": dict.fromkeys(record["scores"], 0.1)}}
    assert explain(where, lost, KNOWN, Remembers()).scores_again is False


def test_a_record_of_another_book_or_without_its_grounds_is_refused_in_a_sentence() -> None:
    where = book()
    record = record_of(where)
    for wrong in (record | {"menu": "nowhere"}, record | {"menu": "hello"}, {"menu": "main"}):
        with pytest.raises(Unexplained, match="does not go with this book, or parts of it are missing"):
            explain(where, wrong)
