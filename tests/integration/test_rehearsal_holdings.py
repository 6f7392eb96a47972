"""A customer of the database in a trial call: the twin of the bank says what the bank says."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from ivr.bank.fill import fill
from ivr.bank.ledger import NAMED_SECRETS
from ivr.bank.people import LI_NA, LIU_YANG, ZHOU_LEI
from ivr.bank.sql import SqlBank
from ivr.ports import BankOrder, Claimant
from ivr.rehearsal.holdings import holdings_of, payees_for
from ivr.testing.bank import MemoryBank
from ivr.testing.databases import fresh_database
from menus.operations import OPERATIONS
from menus.spoken.money import Money
from menus.values import Value
from models.database import Database
from models.tables import AccountRow, ProductRow

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, tzinfo=ZONE)
CUSTOMERS = 12
CARDS = {LI_NA: "6221600000107919", LIU_YANG: "6221500000509595", ZHOU_LEI: "6221500000607514"}  # docs/bank.md
WANG_FANGS_ACCOUNT = "800100000200"
READS = sorted(name for name, operation in OPERATIONS.items() if not operation.writes and not operation.needs)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database("sqlite", tmp_path) as made:
        await fill(made, seed=1, until=date(2026, 12, 1), zone=ZONE, customers=CUSTOMERS)
        yield made


async def twin_of(database: Database, customers: list[int]) -> MemoryBank:
    bank, twin = SqlBank(database, ZONE), MemoryBank()
    for id_ in customers:
        view = await bank.customer(id_, now=NOW.timestamp(), deadline_s=5)
        assert view is not None
        twin.open(await holdings_of(database, view, NOW))
    twin.accounts |= {one.customer_id: one for one in await payees_for(database, frozenset(customers))}
    return twin


async def test_whatever_can_be_asked_is_answered_as_the_bank_answers_it(database: Database) -> None:
    everybody = list(range(1, CUSTOMERS + 1))
    bank, twin = SqlBank(database, ZONE), await twin_of(database, everybody)
    for id_ in everybody:
        for operation in READS:
            order = BankOrder(operation, id_, {}, f"{operation}:{id_}")
            real = await bank.perform(order, now=NOW.timestamp(), deadline_s=5)
            assert await twin.perform(order, now=NOW.timestamp(), deadline_s=5) == real, order


@pytest.mark.parametrize("id_", sorted(NAMED_SECRETS))
async def test_the_customers_own_pin_and_birthday_prove_who_calls_and_others_do_not(
    database: Database, id_: int
) -> None:
    twin = await twin_of(database, [id_])
    pin, birthday = NAMED_SECRETS[id_]
    right = Claimant("pin", None, secret=pin)
    assert await twin.verify(right, id_, deadline_s=5)
    assert await twin.verify(Claimant("card_birthday", None, secret=birthday), id_, deadline_s=5)
    assert not await twin.verify(replace(right, secret=birthday), id_, deadline_s=5)
    assert not await twin.verify(replace(right, secret=pin[::-1]), id_, deadline_s=5)
    assert not await twin.verify(replace(right, secret=""), id_, deadline_s=5)


async def test_two_who_share_a_number_are_told_apart_by_the_card(database: Database) -> None:
    twin = await twin_of(database, [LIU_YANG, ZHOU_LEI])
    (ani,) = twin.accounts[LIU_YANG].numbers
    assert await twin.whose(Claimant("pin", ani), deadline_s=5) is None
    for id_ in (LIU_YANG, ZHOU_LEI):
        assert await twin.whose(Claimant("pin", ani, card=CARDS[id_]), deadline_s=5) == id_
    assert await twin.whose(Claimant("pin", ani, card=CARDS[LI_NA]), deadline_s=5) is None


async def test_a_transfer_finds_its_payee_and_the_database_keeps_its_money(database: Database) -> None:
    bank, twin = SqlBank(database, ZONE), await twin_of(database, [LI_NA])
    ask = BankOrder("balance", LI_NA, {}, "ask")
    before = await bank.perform(ask, now=NOW.timestamp(), deadline_s=5)
    params: dict[str, Value] = {"to": WANG_FANGS_ACCOUNT, "amount": Money(5_000)}
    sent = await twin.perform(BankOrder("transfer", LI_NA, params, "send"), now=NOW.timestamp(), deadline_s=5)
    assert sent.refusal is None
    assert sent.values["balance"] != before.values["balance"]
    assert await bank.perform(ask, now=NOW.timestamp(), deadline_s=5) == before


async def test_every_account_of_others_is_found_as_the_bank_finds_it(database: Database) -> None:
    bank, twin = SqlBank(database, ZONE), await twin_of(database, [LI_NA])
    async with database.read() as session:
        numbers = list(await session.scalars(select(AccountRow.number)))
    assert len(numbers) > CUSTOMERS
    for to in numbers:
        order = BankOrder("payee", LI_NA, {"to": to}, f"to:{to}")
        real = await bank.perform(order, now=NOW.timestamp(), deadline_s=5)
        assert await twin.perform(order, now=NOW.timestamp(), deadline_s=5) == real, to


async def test_an_account_in_another_currency_that_cannot_be_paid_to_is_told_all_the_same(database: Database) -> None:
    current = select(ProductRow.id).where(ProductRow.customer_id == LI_NA, ProductRow.kind == "current_account")
    async with database.write() as session:
        await session.execute(update(ProductRow).where(ProductRow.id.in_(current)).values(currency="USD"))
        await session.execute(delete(AccountRow).where(AccountRow.product_id.in_(current)))
    bank, twin = SqlBank(database, ZONE), await twin_of(database, [LI_NA])
    for operation in ("balance", "transactions"):
        order = BankOrder(operation, LI_NA, {}, operation)
        real = await bank.perform(order, now=NOW.timestamp(), deadline_s=5)
        assert real.refusal is None
        assert await twin.perform(order, now=NOW.timestamp(), deadline_s=5) == real
