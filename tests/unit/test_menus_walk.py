"""The walk: what each key, silence and finished step comes to."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.testing.books import small_book
from ivr.testing.teller_book import collects, teller_book
from menus.errors import IllegalInput
from menus.facts import MenuHeard
from menus.outcomes import BROKEN_BOOK, GOODBYES, Outcome
from menus.schema import Goodbye, Menu, Option
from menus.walk import (
    MOVES,
    Failed,
    Finished,
    Input,
    NothingPressed,
    Position,
    Pressed,
    Verdict,
    enter,
    follow,
    resume,
)

BOOK = small_book()


def at(*inputs: Input, language: str | None = None) -> Position:
    """Where these inputs lead from the beginning; the greeting is said already."""
    position = enter(BOOK, language)
    for came in (Finished(), *inputs):
        moved = follow(BOOK, position, came).position
        assert moved is not None
        position = moved
    return position


def test_a_call_begins_at_the_entry_in_its_language() -> None:
    assert enter(BOOK) == Position("hello", "en")
    assert enter(BOOK, "zh") == Position("hello", "zh")
    assert enter(BOOK, "fr").language == "en"


def test_a_say_step_goes_on_to_the_menu() -> None:
    move = follow(BOOK, enter(BOOK), Finished())
    assert move.verdict is Verdict.WENT_ON
    assert move.position == Position("main", "en", visits={"main": 1})
    assert not move.position.again


def test_a_key_chooses_its_option() -> None:
    move = follow(BOOK, at(), Pressed("3"))
    assert (move.verdict, move.option and move.option.id) == (Verdict.CHOSEN, "cards")
    assert move.position == Position("cards", "en", visits={"main": 1, "cards": 1}, trail=("main",))


def test_options_of_another_language_are_not_there() -> None:
    in_english, in_chinese = follow(BOOK, at(), Pressed("4")), follow(BOOK, at(language="zh"), Pressed("4"))
    assert in_english.option is not None
    assert in_chinese.option is not None
    assert (in_english.option.id, in_chinese.option.id) == ("chinese", "english")


def test_a_language_step_changes_the_language_and_the_menu_is_said_again_shorter() -> None:
    position = at(Pressed("4"), Finished())
    assert position == Position("main", "zh", visits={"main": 2})
    assert position.again


def test_silence_and_wrong_keys_are_counted_apart() -> None:
    first = follow(BOOK, at(), NothingPressed())
    assert (first.verdict, first.say) == (Verdict.NO_INPUT, ("silent",))
    assert first.position is not None
    assert first.position.again
    wrong = follow(BOOK, first.position, Pressed("9"))
    assert (wrong.verdict, wrong.say) == (Verdict.INVALID, ("wrong",))
    assert wrong.position is not None
    assert (wrong.position.no_inputs, wrong.position.invalids) == (1, 1)
    second = follow(BOOK, wrong.position, NothingPressed())
    assert second.say == ("silent_again",)
    assert second.position is not None
    third = follow(BOOK, second.position, NothingPressed())
    assert (third.verdict, third.position and third.position.step, third.say) == (Verdict.GAVE_UP, "general", ())


def test_the_last_wrong_key_gives_up() -> None:
    assert at(Pressed("9")).invalids == 1
    assert follow(BOOK, at(Pressed("9")), Pressed("8")).verdict is Verdict.GAVE_UP


def test_counters_begin_anew_in_another_menu_and_at_return() -> None:
    assert at(Pressed("9"), Pressed("3")).invalids == 0
    assert at(NothingPressed(), Pressed("3"), Pressed("*")).no_inputs == 0


def test_the_repeat_key_repeats_without_being_counted() -> None:
    move = follow(BOOK, at(NothingPressed()), Pressed("#"))
    assert move.verdict is Verdict.REPEATED
    assert move.position == Position("main", "en", no_inputs=1, visits={"main": 3})


def test_the_back_key_goes_to_the_menu_before_and_repeats_at_the_top() -> None:
    move = follow(BOOK, at(Pressed("3")), Pressed("*"))
    assert (move.verdict, move.position) == (Verdict.BACK, Position("main", "en", visits={"main": 2, "cards": 1}))
    assert follow(BOOK, at(), Pressed("*")).verdict is Verdict.REPEATED


def test_a_waiting_caller_can_go_back_to_the_menu_before() -> None:
    move = follow(BOOK, at(Pressed("3"), Pressed("1")), Pressed("*"))
    assert (move.verdict, move.position and move.position.step) == (Verdict.BACK, "cards")
    assert follow(BOOK, at(Pressed("1")), Pressed("5")).verdict is Verdict.REPEATED


def test_after_the_conversation_and_after_waiting_in_vain_the_book_has_the_last_word() -> None:
    route = at(Pressed("1"))
    served, alone = follow(BOOK, route, Finished()), follow(BOOK, route, Failed())
    assert (served.verdict, alone.verdict) == (Verdict.WENT_ON, Verdict.GAVE_UP)
    assert served.position is not None
    assert alone.position is not None
    assert follow(BOOK, served.position, Finished()).outcome == Outcome("served", "goodbye")
    ended = follow(BOOK, alone.position, Finished())
    assert (ended.position, ended.verdict, ended.outcome) == (None, Verdict.ENDED, Outcome("diverted", "no_agents"))


def test_a_position_that_points_nowhere_ends_the_call_as_a_broken_book() -> None:
    assert follow(BOOK, Position("gone", "en"), Finished()).outcome == BROKEN_BOOK


def test_every_pair_that_the_table_lacks_is_refused() -> None:
    inputs: tuple[Input, ...] = (Finished(), Failed(), Pressed("1"), NothingPressed())
    for name, step in BOOK.steps.items():
        for came in inputs:
            if (type(step), type(came)) in MOVES:
                follow(BOOK, Position(name, "en"), came)
            else:
                with pytest.raises(IllegalInput):
                    follow(BOOK, Position(name, "en"), came)


def test_every_goodbye_has_an_outcome() -> None:
    field = Goodbye.model_fields["because"].annotation
    assert set(GOODBYES) == set(field.__args__)  # type: ignore[union-attr]


def test_a_call_that_comes_back_goes_on_where_it_stood() -> None:
    position = at(NothingPressed(), Pressed("3"), Pressed("9"))
    assert resume(BOOK, json.loads(json.dumps(position.to_json()))) == position


def test_what_a_call_heard_of_its_menus_comes_back_with_it() -> None:
    heard = MenuHeard("customer:7", ("cards",), ("transfer", "cards"), {"1": "transfer"}, spoken=False)
    position = replace(at(), menus={"main": heard, "cards": MenuHeard(None)})
    assert resume(BOOK, json.loads(json.dumps(position.to_json()))) == position


def test_a_hidden_options_key_is_invalid_and_a_key_means_what_was_offered_on_it() -> None:
    offers = {"1": "cards", "0": "agent"}
    assert follow(BOOK, at(), Pressed("1", offers)).option == main_option("cards")
    assert follow(BOOK, at(), Pressed("3", offers)).verdict is Verdict.INVALID
    assert follow(BOOK, at(), Pressed("3")).option == main_option("cards")


def main_option(id_: str) -> Option:
    main = BOOK.steps["main"]
    assert isinstance(main, Menu)
    return next(option for option in main.options if option.id == id_)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"step": "main"},
        {**Position("gone", "en").to_json()},
        {**Position("main", "fr").to_json()},
        {**Position("main", "en").to_json(), "visits": {"main": "many"}},
        {**Position("main", "en").to_json(), "trail": [1]},
        {**Position("main", "en").to_json(), "no_inputs": "1"},
        {**Position("main", "en").to_json(), "menus": {"main": {"subject": None}}},
        {**Position("main", "en").to_json(), "menus": {"main": {**MenuHeard(None).to_json(), "keys": {"1": 2}}}},
        {**Position("main", "en").to_json(), "menus": {"main": {**MenuHeard(None).to_json(), "habit": ["x"] * 200}}},
    ],
)
def test_a_position_that_means_nothing_begins_at_the_beginning(data: dict[str, Any] | None) -> None:
    assert resume(BOOK, data, "zh") == enter(BOOK, "zh")


KEYS = st.sampled_from("0123456789*#")


@settings(max_examples=300)
@given(st.lists(st.one_of(KEYS.map(Pressed), st.just(NothingPressed())), max_size=60))
def test_whatever_is_pressed_the_walk_stands_on_a_step_that_can_be_done(inputs: list[Input]) -> None:
    position = at()
    for came in inputs:
        step = BOOK.steps[position.step]
        move = follow(BOOK, position, came if isinstance(step, Menu) else Finished())
        if move.position is None:
            assert move.outcome is not None
            return
        position = move.position
        assert position.step in BOOK.steps
        assert len(position.trail) <= 2
        assert position.step not in position.trail
        assert resume(BOOK, position.to_json()) == position
        assert set(move.say) <= set(BOOK.prompts)


@given(st.integers(0, 30))
def test_who_stays_silent_is_let_out(wrong: int) -> None:
    position = at()
    for n in range(60):
        is_menu = isinstance(BOOK.steps[position.step], Menu)
        came: Input = Failed() if not is_menu else Pressed("9") if n < wrong else NothingPressed()
        if isinstance(BOOK.steps[position.step], Goodbye):
            return
        moved = follow(BOOK, position, came).position
        assert moved is not None
        position = moved
    pytest.fail("the silent caller was never let out")


def test_back_from_a_step_that_collects_leads_to_the_menu_before_it() -> None:
    book = teller_book(first=collects("to", "ask_to", "done"))
    chosen = follow(book, Position("main", "en"), Pressed("1")).position
    assert chosen is not None
    assert (chosen.step, chosen.trail) == ("first", ("main",))
    move = follow(book, chosen, Pressed(book.back_key))
    assert move.verdict is Verdict.BACK
    assert move.position is not None
    assert move.position.step == "main"


def test_back_where_there_is_no_menu_before_asks_again() -> None:
    book = teller_book(first=collects("to", "ask_to", "done"))
    for step in ("first", "pin"):
        move = follow(book, Position(step, "en"), Pressed(book.back_key))
        assert (move.verdict, move.position) == (Verdict.REPEATED, Position(step, "en"))
