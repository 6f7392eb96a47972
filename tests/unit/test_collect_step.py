"""Callers who type: everything they type counts, and what they should not type is told apart from silence."""

import json
from typing import Any

import pytest
import structlog

from ivr.testing.line import Action, Break, HangUp, Press, ScriptedLeg, keys
from ivr.testing.stage import Stage
from ivr.testing.teller_book import collects, teller_book
from menus.schema import MenuBook
from models.tables import CallRow

FIRST = Press("1", hearing="main.balance")
PIN = "135790"


async def collected(book: MenuBook, *script: Action) -> tuple[Stage, ScriptedLeg, CallRow]:
    stage = Stage(book)
    leg = stage.leg(FIRST, *script)
    return stage, leg, await stage.take(leg)


def book(**more: Any) -> MenuBook:
    return teller_book(first=collects("to", "ask_to", "done", **more))


def values(call: CallRow) -> Any:
    assert call.position is not None
    return call.position["values"]


def at(call: CallRow) -> str:
    assert call.position is not None
    return str(call.position["step"])


async def test_digits_typed_while_the_prompt_plays_are_all_kept() -> None:
    _, leg, call = await collected(book(), *keys("62170001#", hearing="ask_to", after_s=0.1))
    assert values(call) == {"to": "62170001"}
    assert leg.heard.count("ask_to") == 1


async def test_digits_typed_ahead_of_the_prompt_are_all_kept_too() -> None:
    told = teller_book(
        first={"kind": "say", "prompts": ["told"], "then": "account"},
        account=collects("to", "ask_to", "done"),
    )
    _, leg, call = await collected(told, *keys("62170001#", hearing="told", after_s=0.1))
    assert values(call) == {"to": "62170001"}
    assert "ask_to" not in leg.heard


async def test_silence_after_digits_ends_the_entry() -> None:
    _, _, call = await collected(book(between_s=2), *keys("6217"), Press("9", after_s=2.5))
    assert values(call) == {"to": "6217"}


async def test_the_last_digit_ends_the_entry_and_a_finish_key_after_it_means_nothing() -> None:
    steps = teller_book(
        first=collects("to", "ask_to", "amount", least=4, most=4),
        amount=collects("amount", "ask_amount", "done", type="money"),
    )
    _, leg, call = await collected(steps, *keys("6217"), Press("#", hearing="ask_amount"), *keys("12*5#"))
    assert values(call) == {"to": "6217", "amount": {"cents": 12_50, "currency": "CNY"}}
    assert leg.heard.count("ask_amount") == 1
    assert at(call) == "done"


async def test_silence_and_wrong_entries_are_counted_apart() -> None:
    stage, leg, call = await collected(
        book(least=4),
        Press("1", after_s=6),  # too late: silence first, then one digit
        Press("#", after_s=0.5),
        *keys("6217#", hearing="wrong"),
    )
    assert leg.heard[-5:] == ["ask_to", "silent", "ask_to", "wrong", "bye"]
    assert values(call) == {"to": "6217"}
    assert [(len(stage.told("no_input")), len(stage.told("invalid")))] == [(1, 1)]
    assert stage.told("invalid")[0]["why"] == "too_short"


async def test_too_many_silences_leave_by_their_own_way() -> None:
    _, leg, call = await collected(book())
    assert at(call) == "nothing_typed"
    assert leg.heard[-4:] == ["ask_to", "silent", "ask_to", "bye"]


async def test_too_many_wrong_entries_leave_by_theirs() -> None:
    _, _, call = await collected(book(check="luhn"), *keys("123#"), *keys("124#", after_s=1))
    assert at(call) == "wrongly_typed"


async def test_star_before_any_digit_goes_back_to_the_menu() -> None:
    _, leg, call = await collected(book(), Press("*", hearing="ask_to"), HangUp(hearing="main.balance"))
    assert leg.heard[-2:] == ["again", "main.balance"]
    assert (call.result, call.reason) == ("left", "in_menu")
    assert at(call) == "main"


async def test_star_after_digits_drops_them_and_asks_again() -> None:
    stage, leg, call = await collected(book(), *keys("999*"), *keys("6217#", hearing="ask_to"))
    assert values(call) == {"to": "6217"}
    assert not stage.told("invalid")
    assert leg.heard.count("ask_to") == 2


async def test_somebody_who_begins_anew_for_ever_is_let_go() -> None:
    _, _, call = await collected(book(), *keys("1*" * 60))
    assert at(call) == "wrongly_typed"


async def test_a_value_is_spoken_back_and_taken_by_one_key_only() -> None:
    steps = teller_book(
        first=collects("to", "ask_to", "amount"),
        amount=collects("amount", "ask_amount", "done", type="money", confirm="back_to_you"),
    )
    stage, leg, call = await collected(
        steps,
        *keys("62170000000000002#"),
        *keys("12#"),
        Press("2", hearing="back_to_you"),
        *keys("21#"),
        Press("1", hearing="back_to_you"),
    )
    assert values(call)["amount"] == {"cents": 21_00, "currency": "CNY"}
    assert leg.heard.count("ask_amount") == 2
    told = [clip for event in stage.told("prompts") for clip in event["clips"] if clip["prompt"] == "back_to_you"]
    assert [clip["text"] for clip in told] == ["twelve", "twenty-one"]


async def test_silence_on_the_way_back_is_silence_and_speaks_it_back_again() -> None:
    _, leg, call = await collected(book(confirm="told"), *keys("62#"), Press("1", hearing="silent", after_s=0))
    assert leg.heard[-4:] == ["ask_to", "told", "silent", "bye"]
    assert values(call) == {"to": "62"}
    _, _, call = await collected(book(confirm="told"), *keys("62#"))
    assert at(call) == "nothing_typed"
    assert values(call) == {}


async def test_a_secret_is_nowhere_but_in_the_call_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    steps = teller_book(
        first=collects("code", "ask_pin", "account", secret=True, least=6, most=6),
        account=collects("to", "ask_to", "done"),
    )
    stage = Stage(steps)
    leg = stage.leg(FIRST, *keys(PIN, hearing="ask_pin"), *keys("62", hearing="ask_to"), Break(after_s=0.1))
    with structlog.testing.capture_logs() as logs:
        await stage.take(leg)
    kept = json.dumps([row.data for row in stage.store.events] + [stage.store.calls["call-1"].position])
    assert PIN not in kept
    assert PIN not in str(logs) + str(capsys.readouterr())
    assert [event["key"] for event in stage.told("key")] == ["1"]
    assert stage.told("entered") == [{"step": "first", "into": "code", "digits": 6, "value": ""}]


async def test_long_numbers_are_noted_by_their_end_only() -> None:
    stage, _, _ = await collected(book(), *keys("6225880000000014#"))
    assert stage.told("entered") == [
        {"step": "first", "into": "to", "digits": 16, "value": "…0014"},
    ]


async def test_a_caller_who_leaves_while_typing_has_left_in_the_menu() -> None:
    _, _, call = await collected(book(), *keys("62"), HangUp(after_s=0.2))
    assert (call.result, call.reason) == ("left", "in_menu")


async def test_after_an_engine_died_the_step_asks_afresh() -> None:
    first = Stage(book())
    await first.take(first.leg(FIRST, *keys("62"), Break(after_s=0.2)))
    second = Stage(book(), beside=first, node="node-b")
    call = await second.take(leg := second.leg(*keys("6217#", hearing="ask_to"), rung=2))
    assert leg.heard == ["ask_to", "bye"]
    assert values(call) == {"to": "6217"}
