"""Scenarios on twins: every expectation holds where it should, and fails where it should, at the right place."""

from dataclasses import replace
from datetime import date, time

import pytest

from ivr.parts import Edition
from ivr.ports import BankOrder, NewCase
from ivr.prompts.catalogue import Catalogue
from ivr.rehearsal.evidence import spelled
from ivr.rehearsal.live import taken_over
from ivr.rehearsal.loops import run_virtually
from ivr.rehearsal.node import Rehearsal
from ivr.rehearsal.player import Played
from ivr.rehearsal.transcript import story
from ivr.settings import Settings
from ivr.testing.bank import MemoryAccount
from ivr.testing.books import SMALL, small_book
from ivr.testing.scenes import played, small_scene
from menus.spoken.money import Money
from menus.values import Value
from menus.walk import Verdict

REACHED = "{presses: 0, while: main}, {reaches: general/grace}"

#: What a step says, and what it must be told when it does not hold: steps that hold, steps that do not, why.
KINDS = {
    "hears": ("{hears: welcome}, {hears: main.cards}", "{hears: place}", "it was not said before the call ended"),
    "hears words": ("{hears: for cards}", "{hears: still waiting}", "it was not said"),
    "hears in time": ("{hears: main, within_s: 2}", "{hears: main.agent, within_s: 2}", "it was not said within 2 s"),
    "next": ("{hears: welcome}, {next: main}", "{hears: welcome}, {next: main.cards}", "said next was: Main menu."),
    "never_hears": (
        "{never_hears: bye}, {hears: main}, {hangs_up: true}",
        "{never_hears: main.cards}, {hears: main.agent}, {hangs_up: true}",
        "it was said: For cards, press three.",
    ),
    "reaches a queue": (
        "{presses: 0, while: main}, {reaches: general}",
        "{presses: 0, while: main}, {reaches: other}",
        "the caller is in general",
    ),
    "reaches an agent": (REACHED, "{hears: main}, {reaches: general/grace, within_s: 3}", "the caller is in no queue"),
    "first_option": ("{first_option: balance}", "{first_option: cards}", "balance is spoken first"),
    "options": (
        "{presses: 3, while: main}, {options: [lost, agent]}",
        "{presses: 3, while: main}, {options: [agent, lost]}",
        "the order is: lost, agent",
    ),
    "pop_shows": (
        f"{REACHED}, {{pop_shows: [General, '+8613900000009']}}",
        f"{REACHED}, {{pop_shows: [General, Li Na]}}",
        "the pop does not show 'Li Na'",
    ),
    "a pop": (
        f"{REACHED}, {{pop_shows: [General]}}",
        "{hangs_up: true, while: main}, {pop_shows: [General]}",
        "no agent was shown",
    ),
    "message_contains": ("", "{message_contains: hello}", "no message was sent"),
    "case_opened": ("", "{case_opened: fee}", "no case was opened"),
    "callback": ("", "{callback: general}", "no callback was asked for in it; in: none"),
    "ends": (
        "{hangs_up: true, while: main}, {ends: left/in_menu}",
        "{hangs_up: true, while: main}, {ends: served}",
        "it ended as left/in_menu",
    ),
    "waits": ("{waits: 0.5s}, {hears: main}", "{waits: 3s}, {hears: welcome}", "it was not said"),
    "says": ("", "{says: 2s}", "no tone for a recording came"),
    "presses while": (
        "{presses: 3, while: welcome}, {next: cards.lost}",
        "{presses: 3, while: hold}",
        "it was not said",
    ),
    "presses": (
        "{hears: main}, {presses: 3}, {hears: cards.lost}",
        "{hangs_up: true}, {waits: 1s}, {presses: 3}",
        "the call had ended before",
    ),
}


def _said(result: Played) -> str:
    return result.departure.why if result.departure is not None else ""


@pytest.mark.parametrize("kind", [kind for kind, (holds, _, _) in KINDS.items() if holds])
def test_a_step_that_holds_is_met(kind: str) -> None:
    result = played(KINDS[kind][0], "caller: stranger")
    assert _said(result) == ""
    assert result.faults == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_does_not_hold_is_found_with_its_place_and_reason(kind: str) -> None:
    _, broken, why = KINDS[kind]
    result = played(broken, "caller: stranger")
    assert why in _said(result)
    assert result.departure is not None
    assert result.departure.step == (0 if kind == "never_hears" else broken.count("}, {"))
    assert not result.ok


def _with(*changes: tuple[str, str]) -> str:
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_values_of_the_call_are_compared_as_text() -> None:
    given = "to_zh: {kind: set, values: {age: 3 + 4, bold: 1 < 2}, then: main}"
    scene = small_scene(_with(("to_zh: {kind: language, language: zh, then: main}", given)))
    assert _said(played("{presses: 4, while: main}, {value: {age: '7', bold: 'true'}}", scene=scene)) == ""
    other = played("{presses: 4, while: main}, {value: {age: '8'}, within_s: 5}", scene=scene)
    assert _said(other).startswith("age is 7 within 5 s")


@pytest.mark.parametrize(
    ("value", "text"),
    [(Money(15050), "150.50"), (date(2026, 12, 2), "2026-12-02"), (time(14, 30), "14:30"), (False, "false"), (7, "7")],
)
def test_a_value_is_spelled_as_scenarios_write_it(value: Value, text: str) -> None:
    assert spelled(value) == text


def test_a_habit_brings_an_option_to_the_front_on_its_day_and_not_on_another() -> None:
    assert _said(played("{first_option: transfer}", "caller: transferrer", "at: 2026-12-01T09:30")) == ""
    assert _said(played("{first_option: balance}", "caller: transferrer", "at: 2026-12-16T09:30")) == ""


def test_a_caller_is_spoken_to_in_the_language_of_customer_or_scenario() -> None:
    assert _said(played("{hears: 欢迎}, {next: 主菜单}", "caller: chinese")) == ""
    assert _said(played("{hears: 欢迎}", "caller: stranger", "lang: zh")) == ""
    assert _said(played("{hears: Welcome.}", "caller: stranger")) == ""


def test_an_agent_who_does_not_answer_is_passed_over_for_one_who_comes_later() -> None:
    result = played("{presses: 0, while: main}, {reaches: general/late, within_s: 60}", "agents: [away, late]")
    assert _said(result) == ""
    met_s = result.met[-1][0]
    assert 30 <= met_s < 40


def test_nobody_is_there_when_a_scenario_says_so() -> None:
    result = played(
        "{presses: 0, while: main}, {hears: still}, {waits: 900s}, {ends: diverted/no_agents}", "agents: none"
    )
    assert _said(result) == ""


def test_hours_of_waiting_take_no_time() -> None:
    result = played(
        "{presses: 0, while: main}, {waits: 14min}, {hangs_up: true}, {ends: left/in_queue}", "agents: none"
    )
    assert _said(result) == ""
    assert result.lasted_s > 840


def test_a_piece_that_was_cut_short_by_the_key_is_not_heard_after_it() -> None:
    result = played("{hears: main}, {presses: 3}, {next: cards.lost}")
    assert _said(result) == ""
    cut = [piece for piece in result.pieces if not piece.whole]
    assert cut[0].prompt == "main.balance"


def test_what_is_heard_and_pressed_during_the_same_prompt_is_one_thing() -> None:
    result = played("{hears: main.cards}, {presses: 3, while: main.cards}, {next: cards.lost}")
    assert _said(result) == ""


def test_a_fault_of_the_engine_fails_a_scenario_whose_steps_all_hold() -> None:
    scene, book = small_scene(), small_book()
    mute = replace(scene, edition=Edition.of(1, book, Catalogue(book, {})))
    result = played("{waits: 1s}", scene=mute)
    assert not result.ok
    assert _said(result) == "the conversation failed"
    assert any("KeyError" in line for line in story(result))


def test_the_story_of_a_failure_has_the_call_the_place_and_what_came_instead() -> None:
    result = played("{hears: welcome}, {next: main.cards}")
    told = story(result)
    place = next(index for index, line in enumerate(told) if "✘" in line)
    assert told[place] == "  ✘ s.yaml:13: next: main.cards"
    assert told[place + 1].strip() == "said next was: Main menu. (main)"
    assert "Welcome." in "\n".join(told[:place])
    assert "Main menu." in "\n".join(told[place + 2 :])


def test_a_transcript_is_in_the_order_in_which_things_happened() -> None:
    result = played("{presses: 9, while: main}, {hears: wrong}, {next: bye}")
    lines = story(result)
    assert [line for line in lines if "presses 9" in line] != []
    assert any(Verdict.INVALID in line for line in lines)


def test_the_days_of_a_trial_call_are_those_of_the_books_zone() -> None:
    scene = small_scene(SMALL.replace("Asia/Shanghai", "America/New_York"))
    at = scene.local("2026-12-01T20:00")  # the next day in Shanghai

    async def days() -> list[object]:
        stage = Rehearsal(scene, at).stage
        stage.bank.open(MemoryAccount(1, account="1", movements=[(at.timestamp(), 100, "")]))
        order = BankOrder("transactions", 1, {}, "call:0")
        (row,) = (await stage.bank.perform(order, now=at.timestamp(), deadline_s=1)).rows
        case = await stage.cases.open(NewCase("Late", 1, 0, "call-1", 1, None, None), now=at.timestamp())
        return [row.values["date"], case.due_on, stage.directory.zone]

    assert run_virtually(days()) == [at.date(), at.date(), scene.edition.book.zone]


def test_a_live_trial_keeps_the_settings_but_for_who_is_held_out_and_desks_that_are_lost() -> None:
    settings = Settings.model_validate(
        {"personal": {"hold_out": 0.5, "salt": "ours", "cycle_days": 7}, "routing": {"pop_s": 0.4, "sweep_s": 2}}
    )
    taken = taken_over(settings)
    personal, routing = settings.personal.model_dump(mode="json"), settings.routing.model_dump(mode="json")
    assert taken["personal"] == {**personal, "hold_out": 0.0}
    assert {**taken["routing"], "desk_lost_s": 45.0} == routing
    assert taken["routing"]["desk_lost_s"] >= 3600
