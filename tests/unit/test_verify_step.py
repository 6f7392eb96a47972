"""Callers who prove who they are: told nothing about which part was wrong, and stopped after too many tries."""

import asyncio
import json
from typing import Any

import pytest
import structlog

from ivr.testing.bank import MemoryAccount, MemoryCard
from ivr.testing.line import Action, Break, HangUp, Press, ScriptedLeg, keys
from ivr.testing.stage import ANI, Stage
from ivr.testing.teller_book import teller_book
from menus.schema import MenuBook
from models.tables import CallRow

FIRST = Press("1", hearing="main.balance")
PIN, WRONG, BIRTHDAY, CARD = "135790", "000000", "19880314", "6225880000000014"
NOBODYS_CARD = "6225880000000099"


def emma(*numbers: str) -> MemoryAccount:
    return MemoryAccount(7, numbers, pin=PIN, birthday=BIRTHDAY, account="1", cards=[MemoryCard(CARD)])


def stage_with(*accounts: MemoryAccount, book: MenuBook | None = None, **settings: Any) -> Stage:
    stage = Stage(book or teller_book(), settings=settings)
    for account in accounts or (emma(ANI),):
        stage.customer(account)
    return stage


def by_card() -> MenuBook:
    book = teller_book()
    steps = {**book.steps, "pin": book.steps["pin"].model_copy(update={"by": "card_birthday"})}
    return book.model_copy(update={"steps": steps})


async def called(stage: Stage, *script: Action, call_id: str = "call-1", ani: str | None = ANI) -> CallRow:
    return await stage.take(stage.leg(FIRST, *script, call_id=call_id, ani=ani))


def at(call: CallRow) -> str:
    assert call.position is not None
    return str(call.position["step"])


def asked(leg: ScriptedLeg) -> list[str]:
    return [name for name in leg.heard if name in ("ask_card", "ask_pin", "not_right", "bye")]


async def test_whoever_calls_from_their_number_types_the_pin_alone() -> None:
    stage = stage_with()
    leg = stage.leg(FIRST, *keys(PIN, hearing="ask_pin", after_s=0.1))
    call = await stage.take(leg)
    assert asked(leg) == ["ask_pin", "bye"]
    assert (at(call), call.verified_as) == ("done", 7)
    assert stage.told("verification") == [{"by": "pin", "attempt": 1, "result": "verified", "customer_id": 7}]


@pytest.mark.parametrize("ani", [None, "+8613800000077"])
async def test_whoever_calls_from_elsewhere_types_the_card_first(ani: str | None) -> None:
    stage = stage_with()
    leg = stage.leg(FIRST, *keys(CARD + "#", hearing="ask_card"), *keys(PIN, hearing="ask_pin"), ani=ani)
    call = await stage.take(leg)
    assert asked(leg) == ["ask_card", "ask_pin", "bye"]
    assert call.verified_as == 7


async def test_of_two_who_share_a_number_the_card_tells_which() -> None:
    stage = stage_with(emma(ANI), MemoryAccount(8, (ANI,), pin="111111"))
    call = await called(stage, *keys(CARD + "#", hearing="ask_card"), *keys(PIN, hearing="ask_pin"))
    assert call.verified_as == 7


async def test_card_and_birthday_are_asked_for_whatever_the_number() -> None:
    stage = stage_with(book=by_card())
    leg = stage.leg(FIRST, *keys(CARD + "#", hearing="ask_card"), *keys(BIRTHDAY, hearing="ask_pin"))
    assert (await stage.take(leg)).verified_as == 7
    assert asked(leg) == ["ask_card", "ask_pin", "bye"]


async def test_a_wrong_pin_may_be_typed_again() -> None:
    stage = stage_with()
    leg = stage.leg(FIRST, *keys(WRONG), *keys(PIN, hearing="not_right"))
    assert (await stage.take(leg)).verified_as == 7
    assert asked(leg) == ["ask_pin", "not_right", "bye"]
    assert stage.store.lockouts == {}  # the customer's own number: nothing is held against either


async def test_three_wrong_pins_end_the_attempt_and_count_for_later_calls() -> None:
    stage = stage_with()
    leg = stage.leg(FIRST, *keys(WRONG * 3))
    call = await stage.take(leg)
    assert asked(leg) == ["ask_pin", "not_right", "ask_pin", "not_right", "ask_pin", "not_right", "bye"]
    assert (at(call), call.verified_as) == ("otherwise", None)
    assert {subject: kept.failures for subject, kept in stage.store.lockouts.items()} == {
        f"number:{ANI}": 3, "customer:7": 3
    }  # fmt: skip


async def test_failures_of_all_calls_and_nodes_lock_and_the_right_pin_opens_nothing_then() -> None:
    stage = stage_with()
    other = Stage(teller_book(), beside=stage, node="node-b")
    await called(stage, *keys(WRONG * 3), call_id="call-1")
    call = await called(other, *keys(WRONG * 3), call_id="call-2")
    assert at(call) == "locked"
    assert [told["result"] for told in other.told("verification", "call-2")] == ["failed", "failed", "locked"]
    leg = stage.leg(FIRST, *keys(PIN), call_id="call-3")
    assert at(await stage.take(leg)) == "locked"
    assert "ask_pin" not in leg.heard


async def test_a_lock_ends_by_itself() -> None:
    stage = stage_with(verification={"most_failures": 2, "lock_s": 600})
    assert at(await called(stage, *keys(WRONG * 2))) == "locked"
    stage.clock.advance(601)
    assert at(await called(stage, *keys(PIN), call_id="call-2")) == "done"


@pytest.mark.parametrize("card", [CARD, NOBODYS_CARD])
async def test_a_card_that_nobody_has_is_treated_like_one_with_a_wrong_pin(card: str) -> None:
    stage = stage_with(verification={"most_failures": 4})
    leg = stage.leg(FIRST, *(keys(f"{card}#") + keys(WRONG)) * 3, ani=None)
    assert at(await stage.take(leg)) == "otherwise"
    assert asked(leg) == ["ask_card", "ask_pin", "not_right"] * 3 + ["bye"]
    assert [told["result"] for told in stage.told("verification")] == ["failed"] * 3
    again = stage.leg(FIRST, *(keys(f"{card}#") + keys(WRONG)) * 3, ani=None, call_id="call-2")
    assert at(await stage.take(again)) == "locked"
    assert asked(again) == ["ask_card", "ask_pin", "bye"]


async def test_a_good_card_does_not_clear_the_number_it_is_used_from() -> None:
    stage = stage_with(emma(), MemoryAccount(8, pin="111111", cards=[MemoryCard("6225880000000030")]))
    await called(stage, *(keys("6225880000000030#") + keys(WRONG)) * 3)
    await called(stage, *keys(CARD + "#"), *keys(PIN), call_id="call-2")
    assert {subject: kept.failures for subject, kept in stage.store.lockouts.items()} == {
        f"number:{ANI}": 3, "customer:8": 3
    }  # fmt: skip


async def test_many_calls_at_once_get_no_more_guesses_than_one() -> None:
    stage = stage_with()
    legs = [stage.leg(FIRST, *keys(f"{n:06d}" * 3), call_id=f"call-{n}") for n in range(6)]
    calls = await asyncio.gather(*(stage.take(leg) for leg in legs))
    results = [told["result"] for n in range(6) for told in stage.told("verification", f"call-{n}")]
    assert results.count("failed") == 5
    assert all(call.verified_as is None for call in calls)


async def test_nothing_typed_twice_leaves_by_otherwise() -> None:
    stage = stage_with()
    leg = stage.leg(FIRST)
    assert at(await stage.take(leg)) == "otherwise"
    assert asked(leg) == ["ask_pin", "ask_pin", "bye"]
    assert stage.told("verification") == [{"by": "pin", "result": "nothing_typed"}]
    assert stage.store.lockouts == {}


async def test_star_before_any_digit_goes_back_to_the_menu() -> None:
    stage = stage_with()
    call = await called(stage, Press("*", hearing="ask_pin"), HangUp(hearing="main.balance"))
    assert at(call) == "main"


async def test_a_bank_that_is_away_verifies_nobody_and_counts_nothing() -> None:
    stage = stage_with()
    stage.bank.away = True
    assert at(await called(stage, *keys(PIN))) == "otherwise"
    assert stage.told("verification") == [{"by": "pin", "result": "unavailable"}]
    assert stage.store.lockouts == {}


async def test_a_bank_that_goes_away_before_it_has_compared_counts_nothing() -> None:
    stage = stage_with()
    stage.bank.answers_left = 2  # by the number, by the claim
    assert at(await called(stage, *keys(PIN))) == "otherwise"
    assert {kept.failures for kept in stage.store.lockouts.values()} == {0}


async def test_when_failures_cannot_be_counted_nobody_is_verified() -> None:
    stage = stage_with()
    slow = [Press(PIN[0], hearing="ask_pin"), *(Press(key, after_s=3) for key in PIN[1:])]  # 15 s for the whole PIN
    began = stage.clock.monotonic()
    stage.clock.later(15.0, lambda: setattr(stage.store, "away", True))
    call = await called(stage, *slow)
    assert stage.clock.monotonic() - began > 15
    stage.store.away = False
    await stage.log.settle("call-1", deadline_s=1)
    assert call.verified_as is None
    assert stage.told("verification") == [{"by": "pin", "result": "unavailable"}]


async def test_whoever_has_proved_it_is_not_asked_twice_in_a_call() -> None:
    stage = stage_with(book=teller_book(behind={"kind": "goto", "then": "again"}, again={
        "kind": "verify", "ask_customer": "ask_card", "ask_secret": "ask_pin", "wrong": "not_right",
        "then": "done", "otherwise": "otherwise", "locked": "locked",
    }))  # fmt: skip
    leg = stage.leg(FIRST, *keys(PIN))
    assert at(await stage.take(leg)) == "done"
    assert asked(leg) == ["ask_pin", "bye"]


async def test_whoever_has_proved_it_stays_verified_on_the_next_engine() -> None:
    first = stage_with(book=teller_book(behind={"kind": "say", "prompts": ["told"], "then": "done"}))
    await first.take(first.leg(FIRST, *keys(PIN), Break(hearing="told")))
    second = Stage(first.editions[1].book, beside=first, node="node-b")
    call = await second.take(leg := second.leg(rung=2))
    assert leg.heard == ["told", "bye"]
    assert call.verified_as == 7


async def test_no_secret_is_kept_anywhere() -> None:
    stage = stage_with(book=by_card())
    with structlog.testing.capture_logs() as logs:
        await called(stage, *keys(CARD + "#"), *keys("19700101"), *keys(CARD + "#"), *keys(BIRTHDAY))
    rows = [row.data for row in stage.store.events] + [stage.store.calls["call-1"].position]
    kept = json.dumps(rows) + str(logs) + str(stage.store.lockouts)
    for secret in (CARD, BIRTHDAY, "19700101", CARD[-4:]):
        assert secret not in kept
