"""One set of tests of verification and orders for every implementation of the Bank port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from ivr.bank.sql import SqlBank
from ivr.bank.webhook import WebhookBank
from ivr.errors import BankAway
from ivr.ports import Bank, BankAnswer, BankOrder, BankRow, Claimant
from ivr.testing.bank import MemoryAccount, MemoryBank, MemoryCard, MemoryInstalment
from ivr.testing.bank_database import open_account
from ivr.testing.bank_server import bank_app
from ivr.testing.databases import fresh_database
from menus.operations import OPERATIONS
from menus.spoken.money import Money
from menus.values import Value, is_of

NOW = 1_796_100_000.0  # 2026-12-01 in Shanghai
DAY = 86_400
MINE, SHARED = "+8613800000099", "+8613800000098"
CARD, DEBIT, OTHERS_CARD = "6225880000000014", "6221880000000022", "6225880000000030"
ACCOUNT, PAYEE = "62170000000000001", "62170000000000002"


def emma() -> MemoryAccount:
    return MemoryAccount(
        customer_id=41,
        numbers=(MINE, SHARED),
        pin="135790",
        birthday="19880314",
        account=ACCOUNT,
        balance_cents=100_000_00,
        cards=[MemoryCard(CARD, limit_cents=20_000_00, limit_most_cents=30_000_00, used_cents=6_000_01)],
        points=1_234,
        instalments=[MemoryInstalment(500_00, 10, date(2026, 12, 5))],
        key_dates=[
            ("premium_due", date(2027, 2, 1), 880_00),
            ("instalment_due", date(2026, 12, 5), 500_00),
            ("card_expiry", date(2028, 8, 31), None),
            ("contract_end", date(2026, 11, 30), None),
        ],
        movements=[(NOW - 3 * DAY, 12_000_00, "wages"), (NOW - DAY, -88_80, "shop"), (NOW + DAY, -1, "not yet")],
    )


def ben() -> MemoryAccount:
    return MemoryAccount(
        customer_id=42,
        numbers=(SHARED,),
        pin="246802",
        birthday="19900101",
        account=PAYEE,
        balance_cents=1_00,
        cards=[MemoryCard(OTHERS_CARD), MemoryCard(DEBIT, credit=False)],
    )


def bare() -> MemoryAccount:
    return MemoryAccount(customer_id=43, pin="111111", birthday="20000229")


@dataclass
class Counter:
    """A bank, asked as a caller's steps ask it; each order has a key of its own unless the test gives one."""

    bank: Bank
    orders: int = 0

    async def order(
        self, operation: str, customer_id: int = 41, *, key: str = "", now: float = NOW, **params: Value
    ) -> BankAnswer:
        self.orders += 1
        order = BankOrder(operation, customer_id, params, key or f"call:{self.orders}", "call")
        answer = await self.bank.perform(order, now=now, deadline_s=5)
        known = OPERATIONS[operation]
        assert answer.refusal is None or answer.refusal in known.refusals
        if answer.refusal is None:
            assert answer.values.keys() == known.gives.keys()
            assert all(is_of(answer.values[name], kind) for name, kind in known.gives.items())
        assert all(row.kind in known.rows and row.values.keys() == known.rows[row.kind].keys() for row in answer.rows)
        return answer

    async def refusal(self, operation: str, customer_id: int = 41, **params: Value) -> str | None:
        return (await self.order(operation, customer_id, **params)).refusal

    async def balance(self, customer_id: int = 41) -> Value:
        return (await self.order("balance", customer_id)).values["balance"]

    async def proves(self, by: str, secret: str, customer_id: int | None) -> bool:
        return await self.bank.verify(Claimant(by, MINE, secret=secret), customer_id, deadline_s=5)

    async def whose(self, ani: str | None, card: str = "") -> int | None:
        return await self.bank.whose(Claimant("pin", ani, card=card), deadline_s=5)


CounterWith = Callable[..., Awaitable[Counter]]


@pytest.fixture(params=["memory", "webhook", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def counter_with(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CounterWith]:
    """Makes a bank with these accounts, and a counter before it."""
    async with AsyncExitStack() as stack:

        async def made(*accounts: MemoryAccount) -> Counter:
            if request.param == "memory":
                return Counter(MemoryBank(accounts=accounts))
            if request.param == "webhook":
                app = bank_app(MemoryBank(accounts=accounts), "s3cret")
                bank = WebhookBank("http://bank/ivr/", "s3cret", lookup_s=5, transport=Beneath(app))
                stack.push_async_callback(bank.close)
                return Counter(bank)
            database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
            for account in accounts:
                await open_account(database, account)
            return Counter(SqlBank(database, ZoneInfo("Asia/Shanghai")))

        yield made


class Beneath(httpx.ASGITransport):
    """Serves an application below /ivr, as a proxy would."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.startswith("/ivr/")
        request.url = request.url.copy_with(path=request.url.path.removeprefix("/ivr"))
        return await super().handle_async_request(request)


@pytest.fixture
async def counter(counter_with: CounterWith) -> Counter:
    return await counter_with(emma(), ben(), bare())


async def test_a_number_tells_the_customer_only_if_nobody_else_has_it(counter: Counter) -> None:
    assert await counter.whose(MINE) == 41
    assert await counter.whose(SHARED) is None
    assert await counter.whose("+8613800000000") is None
    assert await counter.whose(None) is None


async def test_a_card_tells_the_customer_whatever_the_number(counter: Counter) -> None:
    assert await counter.whose(MINE, OTHERS_CARD) == 42
    assert await counter.whose(None, DEBIT) == 42
    assert await counter.whose(MINE, "6225880000000099") is None


async def test_a_secret_proves_one_customer_and_no_other(counter: Counter) -> None:
    assert await counter.proves("pin", "135790", 41)
    assert await counter.proves("card_birthday", "19880314", 41)
    assert not await counter.proves("pin", "135790", 42)
    assert not await counter.proves("pin", "19880314", 41)
    assert not await counter.proves("card_birthday", "135790", 41)


@pytest.mark.parametrize("secret", ["", "0", "135791", "1357900", "x" * 5000, "135790\x00"])
async def test_a_wrong_secret_proves_nothing(counter: Counter, secret: str) -> None:
    assert not await counter.proves("pin", secret, 41)


async def test_nobody_can_be_proved(counter: Counter) -> None:
    assert not await counter.proves("pin", "135790", None)
    assert not await counter.proves("pin", "135790", 999)


async def test_a_customer_is_found_by_id(counter: Counter) -> None:
    found = await counter.bank.customer(41, now=NOW, deadline_s=5)
    assert found is not None
    assert (found.id, found.numbers) == (41, (MINE, SHARED))
    assert await counter.bank.customer(999, now=NOW, deadline_s=5) is None


async def test_the_balance_is_that_of_the_current_account(counter: Counter) -> None:
    assert await counter.balance() == Money(100_000_00)
    assert await counter.refusal("balance", 43) == "no_account"


async def test_movements_are_told_newest_first_and_never_those_to_come(counter: Counter) -> None:
    answer = await counter.order("transactions")
    assert answer.rows == (
        BankRow("out", {"date": date(2026, 11, 30), "amount": Money(88_80)}),
        BankRow("in", {"date": date(2026, 11, 28), "amount": Money(12_000_00)}),
    )
    assert len((await counter.order("transactions", count=1)).rows) == 1
    assert (await counter.order("transactions", 42)).rows == ()
    assert await counter.refusal("transactions", 43) == "no_account"


async def test_a_payee_is_named_by_the_last_digits_only(counter: Counter) -> None:
    assert (await counter.order("payee", to=PAYEE)).values == {"payee_known": True, "payee_ending": "0002"}
    assert await counter.refusal("payee", to="62170000000000009") == "unknown_payee"
    assert await counter.refusal("payee", to=ACCOUNT) == "own_account"


async def test_a_transfer_moves_the_money_and_stands_among_the_movements_of_both(counter: Counter) -> None:
    answer = await counter.order("transfer", to=PAYEE, amount=Money(1_500_50))
    assert answer.values["balance"] == Money(98_499_50) == await counter.balance()
    assert await counter.balance(42) == Money(1_501_50)
    (newest, *_) = (await counter.order("transactions", now=NOW + 1)).rows
    assert newest == BankRow("out", {"date": date(2026, 12, 1), "amount": Money(1_500_50)})
    assert (await counter.order("transactions", 42, now=NOW + 1)).rows == (
        BankRow("in", {"date": date(2026, 12, 1), "amount": Money(1_500_50)}),
    )


@pytest.mark.parametrize(
    ("to", "amount", "word"),
    [
        (PAYEE, Money(50_000_01), "over_limit"),
        (PAYEE, Money(0), "over_limit"),
        (PAYEE, Money(-100), "over_limit"),
        ("62170000000000009", Money(1), "unknown_payee"),
        (ACCOUNT, Money(1), "own_account"),
        (PAYEE, Money(1, "USD"), "no_account"),
    ],
)
async def test_a_transfer_that_is_refused_moves_nothing(counter: Counter, to: str, amount: Money, word: str) -> None:
    assert await counter.refusal("transfer", to=to, amount=amount) == word
    assert (await counter.balance(), await counter.balance(42)) == (Money(100_000_00), Money(1_00))


async def test_a_payee_is_found_under_any_of_their_account_numbers(counter_with: CounterWith) -> None:
    savings, dollars, own = "62170000000000003", "62170000000000004", "62170000000000005"
    counter = await counter_with(
        replace(emma(), further={own: "USD"}), replace(ben(), further={savings: "CNY", dollars: "USD"})
    )
    for to in (savings, dollars):
        assert (await counter.order("payee", to=to)).values == {"payee_known": True, "payee_ending": to[-4:]}
    assert await counter.refusal("payee", to=own) == "own_account"
    assert await counter.refusal("transfer", to=savings, amount=Money(10_00)) is None
    assert (await counter.balance(), await counter.balance(42)) == (Money(99_990_00), Money(1_00))
    assert (await counter.order("transactions", 42, now=NOW + 1)).rows == ()
    for to in (dollars, own):
        assert await counter.refusal("transfer", to=to, amount=Money(10_00)) == "unknown_payee"


async def test_an_account_is_told_and_sent_from_in_its_own_currency(counter_with: CounterWith) -> None:
    yuan = "62170000000000003"
    counter = await counter_with(
        replace(emma(), currency="EUR"), replace(ben(), currency="EUR"), replace(bare(), account=yuan)
    )
    assert await counter.balance() == Money(100_000_00, "EUR")
    (newest, *_) = (await counter.order("transactions")).rows
    assert newest.values["amount"] == Money(88_80, "EUR")
    assert await counter.refusal("transfer", to=PAYEE, amount=Money(10_00)) == "no_account"
    assert await counter.refusal("transfer", to=yuan, amount=Money(10_00, "EUR")) == "unknown_payee"
    sent = await counter.order("transfer", to=PAYEE, amount=Money(10_00, "EUR"))
    assert sent.values["balance"] == Money(99_990_00, "EUR")
    assert await counter.balance(42) == Money(11_00, "EUR")


async def test_nobody_sends_more_than_they_have(counter: Counter) -> None:
    assert await counter.refusal("transfer", 42, to=ACCOUNT, amount=Money(1_01)) == "insufficient_funds"
    assert await counter.refusal("transfer", 43, to=ACCOUNT, amount=Money(1)) == "no_account"
    assert await counter.refusal("transfer", 42, to=ACCOUNT, amount=Money(1_00)) is None
    assert await counter.balance(42) == Money(0)


async def test_the_limit_of_a_day_begins_anew_at_midnight(counter_with: CounterWith) -> None:
    counter = await counter_with(replace(emma(), balance_cents=500_000_00), ben())
    for _ in range(2):
        assert await counter.refusal("transfer", to=PAYEE, amount=Money(50_000_00)) is None
    assert await counter.refusal("transfer", to=PAYEE, amount=Money(1)) == "daily_limit"
    assert (await counter.order("transfer", to=PAYEE, amount=Money(1), now=NOW + DAY)).refusal is None


async def test_whoever_is_worth_more_may_send_more(counter_with: CounterWith) -> None:
    counter = await counter_with(replace(emma(), segment="affluent"), ben())
    assert await counter.refusal("transfer", to=PAYEE, amount=Money(60_000_00)) is None


async def test_an_order_that_is_repeated_changes_nothing_and_gets_the_same_answer(counter: Counter) -> None:
    first = await counter.order("transfer", key="call:0", to=PAYEE, amount=Money(10_00))
    again = await counter.order("transfer", key="call:0", to=PAYEE, amount=Money(10_00), now=NOW + 60)
    assert again == first
    assert await counter.balance() == Money(99_990_00)


async def test_a_refusal_that_is_repeated_stays_one(counter: Counter) -> None:
    assert (await counter.order("transfer", 42, key="call:0", to=ACCOUNT, amount=Money(2_00))).refusal is not None
    await counter.order("transfer", to=PAYEE, amount=Money(10_00))
    again = await counter.order("transfer", 42, key="call:0", to=ACCOUNT, amount=Money(2_00))
    assert again.refusal == "insufficient_funds"


async def test_the_key_of_another_order_is_not_taken(counter: Counter) -> None:
    await counter.order("block_card", key="call:0")
    with pytest.raises(BankAway):
        await counter.order("transfer", key="call:0", to=PAYEE, amount=Money(10_00))
    with pytest.raises(BankAway):
        await counter.order("block_card", 42, key="call:0")
    assert await counter.balance() == Money(100_000_00)


async def test_of_many_orders_at_once_only_those_that_can_be_paid_are_carried_out(counter: Counter) -> None:
    orders = [counter.order("transfer", to=PAYEE, amount=Money(30_000_00)) for _ in range(5)]
    answers = await asyncio.gather(*orders)
    assert sorted(answer.refusal or "" for answer in answers) == ["", "", "", *["insufficient_funds"] * 2]
    assert await counter.balance() == Money(10_000_00)


async def test_the_same_order_at_the_same_time_is_carried_out_once(counter: Counter) -> None:
    one = [counter.order("transfer", key="call:0", to=PAYEE, amount=Money(100_00)) for _ in range(4)]
    answers = await asyncio.gather(*one)
    assert len({str(answer) for answer in answers}) == 1
    assert await counter.balance() == Money(99_900_00)


async def test_transfers_that_cross_both_arrive(counter: Counter) -> None:
    for _ in range(5):
        there, back = await asyncio.gather(
            counter.order("transfer", to=PAYEE, amount=Money(1_00)),
            counter.order("transfer", 42, to=ACCOUNT, amount=Money(1_00)),
        )
        assert (there.refusal, back.refusal) == (None, None)
    assert (await counter.balance(), await counter.balance(42)) == (Money(100_000_00), Money(1_00))


async def test_the_only_card_is_blocked_without_naming_it(counter: Counter) -> None:
    answer = await counter.order("block_card")
    assert answer.values["card"] == "0014"
    assert await counter.refusal("card_limit") == "no_card"
    assert await counter.refusal("block_card") == "no_card"


async def test_of_several_cards_one_must_be_named(counter: Counter) -> None:
    assert await counter.refusal("block_card", 42) == "which_card"
    assert await counter.refusal("block_card", 42, card="9999") == "no_card"
    assert (await counter.order("block_card", 42, card="0022")).values["card"] == "0022"
    assert (await counter.order("block_card", 42, card="0022")).values["card"] == "0022"  # as good as blocked now
    assert (await counter.order("block_card", 42)).values["card"] == "0030"
    assert await counter.refusal("block_card", 43) == "no_card"


async def test_a_blocked_card_still_tells_whose_it_is(counter: Counter) -> None:
    await counter.order("block_card")
    assert await counter.whose(None, CARD) == 41


async def test_the_limit_of_a_card_is_told_and_set_within_what_the_bank_allows(counter: Counter) -> None:
    told = (await counter.order("card_limit")).values
    assert told == {
        "card": "0014", "limit": Money(20_000_00), "used": Money(6_000_01), "limit_most": Money(30_000_00)
    }  # fmt: skip
    assert await counter.refusal("set_card_limit", limit=Money(30_000_01)) == "over_limit"
    assert await counter.refusal("set_card_limit", limit=Money(6_000_00)) == "below_used"
    assert (await counter.order("set_card_limit", limit=Money(30_000_00))).values["limit"] == Money(30_000_00)
    assert (await counter.order("card_limit")).values["limit"] == Money(30_000_00)
    assert await counter.refusal("set_card_limit", 43, limit=Money(1)) == "no_card"


async def test_points_become_money_on_the_card(counter: Counter) -> None:
    assert (await counter.order("points")).values == {"points": 1_234}
    assert (await counter.order("redeem", points=1_003)).values == {"points": 234, "credited": Money(2_00)}
    assert (await counter.order("card_limit")).values["used"] == Money(5_998_01)
    assert await counter.refusal("redeem", points=235) == "too_few_points"
    assert await counter.refusal("redeem", points=4) == "too_few_points"
    assert await counter.refusal("redeem", points=-500) == "too_few_points"
    assert (await counter.order("points")).values == {"points": 234}


async def test_points_without_a_credit_card_stay_points(counter: Counter) -> None:
    assert (await counter.order("points", 43)).values == {"points": 0}
    assert await counter.refusal("redeem", 43, points=5) == "no_card"


async def test_points_are_spent_once_by_two_orders_at_once(counter: Counter) -> None:
    answers = await asyncio.gather(*(counter.order("redeem", points=1_000) for _ in range(3)))
    assert sorted(answer.refusal or "" for answer in answers) == ["", "too_few_points", "too_few_points"]


async def test_the_running_instalment_is_told_as_it_is_today(counter: Counter) -> None:
    assert (await counter.order("instalments")).values == {
        "due": date(2026, 12, 5), "instalment": Money(500_00), "remaining": 10, "outstanding": Money(5_000_00)
    }  # fmt: skip
    later = (await counter.order("instalments", now=NOW + 10 * DAY)).values
    assert (later["due"], later["remaining"]) == (date(2027, 1, 5), 9)
    assert (await counter.order("instalments", now=NOW + 400 * DAY)).refusal == "no_instalment"
    assert await counter.refusal("instalments", 43) == "no_instalment"


async def test_what_is_used_of_a_card_becomes_a_plan(counter: Counter) -> None:
    assert await counter.refusal("instalment_plan", months=5) == "months_not_offered"
    assert (await counter.order("instalment_plan", months=6)).values == {
        "instalment": Money(1_000_01), "due": date(2027, 1, 1), "months": 6
    }  # fmt: skip
    assert (await counter.order("card_limit")).values["used"] == Money(0)
    assert await counter.refusal("instalment_plan", months=6) == "nothing_used"
    assert await counter.refusal("instalment_plan", 43, months=6) == "no_card"
    assert (await counter.order("instalments", now=NOW + 310 * DAY)).refusal == "no_instalment"  # both are paid


async def test_key_dates_are_told_soonest_first_and_never_those_that_have_passed(counter: Counter) -> None:
    assert (await counter.order("key_dates")).rows == (
        BankRow("instalment_due", {"date": date(2026, 12, 5), "amount": Money(500_00)}),
        BankRow("premium_due", {"date": date(2027, 2, 1), "amount": Money(880_00)}),
        BankRow("card_expiry", {"date": date(2028, 8, 31)}),
    )
    assert await counter.refusal("key_dates", 43) == "no_dates"


async def test_nobody_who_is_no_customer_is_served(counter: Counter) -> None:
    with pytest.raises(BankAway):
        await counter.order("balance", 999)
    with pytest.raises(BankAway):
        await counter.order("transfer", 999, to=PAYEE, amount=Money(1))


def test_every_operation_is_carried_out_by_both_banks() -> None:
    from ivr.bank.sql import HANDLERS
    from ivr.testing.accounts import HANDLERS as TWINS

    assert HANDLERS.keys() == OPERATIONS.keys() == TWINS.keys()
