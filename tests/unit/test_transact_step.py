"""What the bank does on a verified caller's word: done once, told, refused, late; and never for anybody else."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ivr.ports import BankAnswer, BankOrder
from ivr.testing.bank import MemoryAccount, MemoryCard, MemoryInstalment
from ivr.testing.line import Action, Break, HangUp, Press, ScriptedLeg, keys
from ivr.testing.stage import ANI, Stage
from ivr.testing.teller_book import collects, teller_book, transacts
from menus.spoken.money import Money
from models.tables import CallRow

FIRST = Press("1", hearing="main.balance")
PIN = "135790"
PAYEE = "62170000000000002"
NOW = datetime(2026, 9, 21, tzinfo=UTC).timestamp()


def emma() -> MemoryAccount:
    return MemoryAccount(
        7,
        (ANI,),
        pin=PIN,
        account="62170000000000001",
        balance_cents=1_000_00,
        cards=[MemoryCard("6225880000000014", used_cents=600_00)],
        points=1_000,
        instalments=[MemoryInstalment(500_00, 10, date(2026, 10, 5))],
        key_dates=[("premium_due", date(2026, 11, 1), 880_00), ("card_expiry", date(2028, 8, 31), None)],
        movements=[(NOW - n * 86_400, -100 * n if n % 2 else 100 * n, "") for n in range(1, 9)],
    )


def stage_with(**steps: dict[str, Any]) -> Stage:
    """A stage on which the caller comes to `behind` by a PIN."""
    stage = Stage(teller_book(**steps))
    stage.customer(emma())
    stage.customer(MemoryAccount(8, ("+8613800000008",), account=PAYEE))
    return stage


async def served(stage: Stage, *script: Action) -> tuple[ScriptedLeg, CallRow]:
    leg = stage.leg(FIRST, *keys(PIN, hearing="ask_pin", after_s=0.1), *script)
    return leg, await stage.take(leg)


def at(call: CallRow) -> str:
    assert call.position is not None
    return str(call.position["step"])


def after_pin(leg: ScriptedLeg) -> list[str]:
    """Prompts heard after the PIN, each once in a row."""
    heard = leg.heard[len(leg.heard) - 1 - leg.heard[::-1].index("ask_pin") + 1 :]
    return [name for place, name in enumerate(heard) if place == 0 or heard[place - 1] != name]


def transfers(**more: Any) -> Stage:
    how: dict[str, Any] = {
        "given": {"to": "to", "amount": "amount"},
        "confirm": "back_to_you",
        "cancelled": "cancelled",
    }
    how |= {"refused": {"insufficient_funds": "refused"}, **more}
    return stage_with(
        behind=collects("to", "ask_to", "how_much"),
        how_much=collects("amount", "ask_amount", "send", type="money"),
        send=transacts("transfer", say=["sent"], **how),
    )


def told(stage: Stage) -> list[tuple[str, str | None]]:
    return [(order["result"], order.get("refusal")) for order in stage.told("order")]


async def test_the_balance_is_said_after_the_pin() -> None:
    stage = stage_with(behind=transacts("balance", say=["balance_is"]))
    leg, call = await served(stage)
    assert after_pin(leg) == ["balance_is", "bye"]
    assert call.position is not None
    assert call.position["values"] == {"balance": {"cents": 1_000_00, "currency": "CNY"}}
    assert (call.result, call.reason) == ("served", "self_service")
    texts = [clip["text"] for event in stage.told("prompts") for clip in event["clips"]]
    assert texts[-5:-1] == ["You have", "one", "thousand", "yuan"]


async def test_nobody_is_served_who_was_not_verified() -> None:
    stage = stage_with(first=transacts("balance", say=["balance_is"]))
    call = await stage.take(leg := stage.leg(FIRST))
    assert at(call) == "otherwise"
    assert stage.bank.asked == []
    assert told(stage) == [("not_verified", None)]
    assert "balance_is" not in leg.heard


async def test_a_transfer_is_spoken_back_confirmed_and_done_for_the_verified_customer_alone() -> None:
    stage = transfers()
    leg, call = await served(stage, *keys(PAYEE + "#"), *keys("250*5#"), Press("1", hearing="back_to_you"))
    assert at(call) == "done"
    assert after_pin(leg)[:4] == ["ask_to", "ask_amount", "back_to_you", "sent"]
    (order,) = stage.bank.asked
    assert order == BankOrder("transfer", 7, {"to": PAYEE, "amount": Money(250_50)}, "call-1:0", "call-1")
    assert (stage.bank.accounts[7].balance_cents, stage.bank.accounts[8].balance_cents) == (749_50, 250_50)
    (noted,) = stage.told("order")
    assert noted["given"] == {"to": "…0002", "amount": "250.50 CNY"}
    assert (noted["result"], len(noted["reference"])) == ("done", 8)


@pytest.mark.parametrize("answer", [[Press("2", hearing="back_to_you")], [Press("#", after_s=1)], []])
async def test_without_the_right_key_nothing_is_sent(answer: list[Action]) -> None:
    stage = transfers()
    _, call = await served(stage, *keys(PAYEE + "#"), *keys("250#"), *answer)
    assert at(call) == "cancelled"
    assert stage.bank.asked == []
    assert told(stage) == [("cancelled", None)]


async def test_a_key_typed_before_the_question_confirms_nothing() -> None:
    stage = stage_with(
        behind={"kind": "say", "prompts": ["told"], "then": "block"},
        block=transacts("block_card", confirm="sure", cancelled="cancelled"),
    )
    leg, call = await served(stage, Press("1", hearing="told"))
    assert after_pin(leg) == ["told", "sure", "bye"]
    assert at(call) == "cancelled"


async def test_the_banks_no_leads_where_the_book_says() -> None:
    stage = transfers()
    leg, call = await served(stage, *keys(PAYEE + "#"), *keys("1000*01"), Press("1", hearing="back_to_you"))
    assert at(call) == "refused"
    assert "sent" not in leg.heard
    assert told(stage) == [("refused", "insufficient_funds")]
    assert stage.bank.accounts[7].balance_cents == 1_000_00


async def test_a_no_that_the_book_does_not_know_leads_to_otherwise() -> None:
    _, call = await served(transfers(), *keys("99#"), *keys("1#"), Press("1", hearing="back_to_you"))
    assert at(call) == "otherwise"


async def test_over_the_limit_nothing_is_sent() -> None:
    stage = transfers(refused={"over_limit": "refused"})
    stage.bank.accounts[7].balance_cents = 10**9
    _, call = await served(stage, *keys(PAYEE + "#"), *keys("50000*01"), Press("1", hearing="back_to_you"))
    assert at(call) == "refused"
    assert stage.bank.accounts[7].balance_cents == 10**9


async def test_after_an_engine_died_the_same_order_is_carried_out_once() -> None:
    first = transfers()
    typed = [*keys(PIN), *keys(PAYEE + "#"), *keys("250#"), Press("1", hearing="back_to_you")]
    await first.take(first.leg(FIRST, *typed, Break("sent")))
    assert first.bank.accounts[7].balance_cents == 750_00
    second = Stage(first.editions[1].book, beside=first, node="node-b")
    call = await second.take(again := second.leg(Press("1", hearing="back_to_you"), rung=2))
    assert at(call) == "done"
    assert again.heard.count("back_to_you") == 1
    assert second.bank.accounts[7].balance_cents == 750_00
    assert [order.key for order in second.bank.asked] == ["call-1:0", "call-1:0"]


async def test_two_orders_of_one_call_have_two_keys() -> None:
    stage = stage_with(behind=transacts("points", then="again"), again=transacts("points"))
    await served(stage)
    assert [order.key for order in stage.bank.asked] == ["call-1:0", "call-1:1"]


async def test_a_bank_that_is_away_leads_to_otherwise() -> None:
    stage = stage_with(behind=transacts("balance"))
    stage.bank.delay_s = 99.0
    _, call = await served(stage)
    assert at(call) == "otherwise"
    assert told(stage) == [("away", None)]


async def test_a_caller_hears_a_word_when_the_bank_takes_longer_than_a_second() -> None:
    stage = stage_with(behind=transacts("balance", say=["balance_is"], wait="working"))
    stage.bank.delay_s = 2.5
    leg, call = await served(stage)
    assert after_pin(leg) == ["working", "balance_is", "bye"]
    assert at(call) == "done"


async def test_a_caller_hears_no_such_word_when_the_bank_is_quick() -> None:
    stage = stage_with(behind=transacts("balance", say=["balance_is"], wait="working"))
    stage.bank.delay_s = 0.5
    leg, _ = await served(stage)
    assert after_pin(leg) == ["balance_is", "bye"]


async def test_a_caller_who_hangs_up_while_the_bank_works_leaves_its_outcome_on_record() -> None:
    stage = stage_with(behind=transacts("block_card", wait="working", say=["told"]))
    stage.bank.delay_s = 2.9
    _, call = await served(stage, HangUp(hearing="working"))
    assert (call.result, call.reason) == ("left", "in_menu")
    assert stage.bank.accounts[7].cards[0].blocked
    assert told(stage) == [("done", None)]
    assert [row.kind for row in stage.store.events][-1] == "ended"


async def test_an_engine_that_is_stopped_while_the_bank_works_says_that_it_does_not_know() -> None:
    stage = stage_with(behind=transacts("block_card"))
    stage.bank.delay_s = float("inf")
    leg = stage.leg(FIRST, *keys(PIN))
    running = asyncio.create_task(stage.take(leg))
    while not any(row.kind == "verification" for row in stage.store.events):
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert told(stage) == [("unknown", None)]


async def test_movements_are_read_out_up_to_so_many() -> None:
    rows = {"in": "came_in", "out": "went_out"}
    stage = stage_with(behind=transacts("transactions", each=rows, most=3))
    leg, _ = await served(stage)
    assert after_pin(leg) == ["went_out", "came_in", "went_out", "bye"]


async def test_a_key_stops_the_list_and_is_the_answer_to_what_follows() -> None:
    rows = {"in": "came_in", "out": "went_out"}
    stage = stage_with(behind=transacts("transactions", each=rows, then="main"))
    leg, _ = await served(stage, Press("5", hearing="came_in"), HangUp(hearing="hold"))
    assert after_pin(leg)[:3] == ["went_out", "came_in", "hold"]


async def test_rows_that_the_book_has_no_words_for_are_passed_over() -> None:
    stage = stage_with(behind=transacts("transactions", each={"in": "came_in"}, most=5))
    leg, _ = await served(stage)
    assert after_pin(leg) == ["came_in", "bye"]


@pytest.mark.parametrize(
    ("operation", "given", "values"),
    [
        ("card_limit", {}, {"card": "0014", "limit": 20_000_00, "used": 600_00, "limit_most": 30_000_00}),
        ("points", {}, {"points": 1_000}),
        ("redeem", {"points": "500"}, {"points": 500, "credited": 1_00}),
        ("instalments", {}, {"due": "2026-10-05", "instalment": 500_00, "remaining": 10, "outstanding": 5_000_00}),
        ("instalment_plan", {"months": "6"}, {"instalment": 100_00, "due": "2026-10-21", "months": 6}),
    ],
)
async def test_what_the_bank_tells_becomes_values_of_the_call(
    operation: str, given: dict[str, str], values: dict[str, Any]
) -> None:
    stage = stage_with(behind=transacts(operation, given=given))
    _, call = await served(stage)
    assert at(call) == "done"
    assert call.position is not None
    kept = call.position["values"].items()
    assert {name: next(iter(value.values())) if isinstance(value, dict) else value for name, value in kept} == values


async def test_a_lost_card_is_blocked_and_verified_callers_hear_its_number() -> None:
    stage = stage_with(behind=transacts("block_card", confirm="sure", cancelled="cancelled", say=["told"]))
    leg, _ = await served(stage, Press("1", hearing="sure"))
    assert stage.bank.accounts[7].cards[0].blocked
    assert after_pin(leg) == ["sure", "told", "bye"]


async def test_a_secret_value_may_be_a_parameter_and_is_noted_by_its_end() -> None:
    stage = stage_with(
        behind=collects("to", "ask_to", "look", secret=True),
        look=transacts("payee", given={"to": "to"}),
    )
    _, call = await served(stage, *keys(PAYEE + "#"))
    assert at(call) == "done"
    assert stage.bank.asked[0].params == {"to": PAYEE}
    assert stage.told("order")[0]["given"] == {"to": "…0002"}


async def test_a_value_that_is_missing_or_of_another_kind_is_not_sent() -> None:
    stage = stage_with(behind=transacts("transfer", given={"to": "to", "amount": "amount"}))
    assert at((await served(stage))[1]) == "otherwise"
    assert told(stage) == [("value_missing", None)]
    typed = stage_with(
        behind=collects("amount", "ask_amount", "send", type="number"),
        send=transacts("set_card_limit", given={"limit": "amount"}),
    )
    assert at((await served(typed, *keys("5#")))[1]) == "otherwise"
    assert stage.bank.asked == typed.bank.asked == []


async def test_what_cannot_be_spoken_is_left_out_and_stays_done() -> None:
    stage = stage_with(behind=transacts("balance", say=["balance_is"]))
    stage.bank.scripted["balance"] = BankAnswer({"balance": Money(100, "XAU"), "more": 1})
    leg, call = await served(stage)
    assert at(call) == "done"
    assert "balance_is" not in leg.heard
    assert stage.told("unspoken") == [{"prompt": "balance_is"}]
