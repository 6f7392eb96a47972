"""Who keeps the book's order for comparison: drawn callers always, everybody on the off days, the unknown always."""

from datetime import date, timedelta
from itertools import pairwise

from ivr.testing.books import SMALL
from menus.exploration import drawn_to_try
from menus.facts import CallerFacts
from menus.loader import parse_book
from menus.trial import Held, held, held_out, is_off
from models.choices import Choice

DAY = date(2026, 12, 1)


def test_on_and_off_days_take_turns_in_stretches_of_the_same_length() -> None:
    days = [is_off(date(2026, 1, 1) + timedelta(n), 7) for n in range(140)]
    turns = [n for n in range(1, 140) if days[n] != days[n - 1]]
    assert {later - earlier for earlier, later in pairwise(turns)} == {7}
    assert sum(days) == 70


def test_who_is_drawn_for_what_is_the_same_in_every_version_of_the_program() -> None:
    book = parse_book({"small.yaml": SMALL.replace("{id: cards, key:", "{id: cards, explore: true, key:").replace(
        "heard_within_s: 30", "heard_within_s: 30\ngate: {explore: 0.1}")})  # fmt: skip
    assert [n for n in range(60) if held_out(str(n), "s", 0.1)] == [18, 20, 23, 41, 42]
    assert [n for n in range(60) if drawn_to_try(book, "main", CallerFacts(customer_id=n), DAY, "salt")] == [38, 49, 55]
    assert [n for n in range(60) if Choice(1, 2, 0.1).version_for(str(n)) == 2] == [25, 37, 45, 48]


def test_without_a_cycle_no_day_is_off() -> None:
    assert not any(is_off(DAY + timedelta(n), 0) for n in range(800))


def test_on_an_off_day_everybody_with_a_number_is_held_for_that_reason() -> None:
    off = next(day for n in range(3) if is_off(day := DAY + timedelta(n), 1))
    on = off + timedelta(1)
    callers = [str(n) for n in range(500)]
    assert {held(one, off, salt="s", share=0.3, cycle_days=1) for one in callers} == {Held.OFF_DAYS}
    on_day = [held(one, on, salt="s", share=0.3, cycle_days=1) for one in callers]
    assert on_day == [Held.DRAWN if held_out(one, "s", 0.3) else None for one in callers]
    assert {None, Held.DRAWN} == set(on_day)


def test_a_caller_without_a_number_is_compared_with_nobody() -> None:
    assert held(None, DAY, salt="s", share=0.0, cycle_days=0) is Held.NOBODY
