"""Filling a database with the demonstration bank: once, all or nothing, never over somebody else's."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, insert, select

from ivr.bank.fill import BankOccupied, Filled, fill
from ivr.bank.generate import generate
from ivr.bank.ledger import NAMED_SECRETS, account_number
from ivr.bank.people import CHEN_WEI, LI_NA, LIU_YANG, ZHOU_LEI
from ivr.bank.sql import SqlBank
from ivr.ports import BankOrder, Claimant
from ivr.testing.databases import fresh_database
from menus.spoken.money import Money
from models.database import Database
from models.tables import (
    BankOrderRow,
    CallRow,
    CaseRow,
    CredentialRow,
    CustomerRow,
    HistoryEventRow,
    LifeEventRow,
    NumberRow,
    ProductRow,
)

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = date(2026, 12, 1)
MIDNIGHT = 1_796_054_400.0  # when UNTIL begins in Shanghai
FEW: dict[str, Any] = {"seed": 1, "until": UNTIL, "zone": ZONE, "customers": 120}


class CutShort(Exception):
    """The program is ended half-way."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as made:
        yield made


async def rows(database: Database, table: Any) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        return [tuple(row) for row in await session.execute(select(*table.__table__.columns).order_by(table.id))]


async def test_the_whole_bank_is_filled(database: Database) -> None:
    filled = await fill(database, seed=1, until=UNTIL, zone=ZONE)
    assert filled.fresh
    assert filled.customers >= 2000
    assert len(await rows(database, CustomerRow)) == filled.customers
    async with database.read() as session:
        newest = await session.scalar(select(func.max(HistoryEventRow.at)))
    assert newest is not None
    assert MIDNIGHT - 86_400 < newest < MIDNIGHT


async def test_what_is_stored_is_what_was_generated(database: Database) -> None:
    assert await fill(database, **FEW) == Filled(120, len(await rows(database, HistoryEventRow)), fresh=True)
    drawn = list(generate(1, UNTIL, ZONE, 120))
    assert [(row[1], row[2], row[3]) for row in await rows(database, HistoryEventRow)] == [
        (one.person.id, event.at, event.task) for one in drawn for event in one.history
    ]
    assert len(await rows(database, NumberRow)) == sum(len(one.person.numbers) for one in drawn)
    assert len(await rows(database, ProductRow)) == sum(len(one.products) for one in drawn)
    assert len(await rows(database, LifeEventRow)) == sum(len(one.life_events) for one in drawn)
    assert len(await rows(database, CaseRow)) == sum(len(one.cases) for one in drawn)


async def test_the_bank_is_read_back_through_its_port(database: Database) -> None:
    await fill(database, **FEW)
    (seen,) = await SqlBank(database, ZONE).customers_by_number("+8613800000003", now=MIDNIGHT + 10 * 3600)
    assert (seen.id, seen.name) == (CHEN_WEI, "Chen Wei")
    assert [case.subject for case in seen.cases] == ["Charged twice for one transfer"]
    assert seen.products
    assert len(seen.contacts) == 10


async def test_a_second_run_finds_the_bank_and_does_nothing(database: Database) -> None:
    first = await fill(database, **FEW)
    before = await rows(database, HistoryEventRow)
    assert await fill(database, **FEW) == Filled(first.customers, first.events, fresh=False)
    assert await rows(database, HistoryEventRow) == before


async def test_what_calls_have_added_since_does_not_make_it_another_bank(database: Database) -> None:
    await fill(database, **FEW)
    async with database.write() as session:
        await session.execute(
            insert(HistoryEventRow).values(customer_id=1, at=MIDNIGHT + 9, task="balance", call_id="1.1")
        )
    assert not (await fill(database, **FEW)).fresh


@pytest.mark.parametrize("other", [{"seed": 2}, {"until": date(2026, 12, 2)}, {"customers": 121}])
async def test_another_seed_date_or_size_is_refused_and_changes_nothing(
    database: Database, other: dict[str, Any]
) -> None:
    await fill(database, **FEW)
    before = await rows(database, CustomerRow)
    with pytest.raises(BankOccupied, match="nothing was changed: use another database, or ask for a refill"):
        await fill(database, **FEW | other)
    assert await rows(database, CustomerRow) == before


async def test_customers_who_came_from_elsewhere_are_not_touched(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            insert(CustomerRow).values(id=7, name="Real", language="en", segment="mass", since_on=UNTIL)
        )
    with pytest.raises(BankOccupied):
        await fill(database, **FEW)
    assert [row[1] for row in await rows(database, CustomerRow)] == ["Real"]


async def test_a_refill_replaces_the_bank_and_keeps_the_records_of_calls(database: Database) -> None:
    await fill(database, **FEW)
    async with database.write() as session:
        await session.execute(
            insert(CallRow).values(
                id="1.1", uniqueid="1.1", channel="PJSIP/x", node="a", state="ended", started_at=0.0, customer_id=1
            )
        )
    assert (await fill(database, **FEW | {"seed": 2, "refill": True})).fresh
    expected = [one.person.name for one in generate(2, UNTIL, ZONE, 120)]
    assert [row[1] for row in await rows(database, CustomerRow)] == expected
    async with database.read() as session:
        assert (await session.execute(select(CallRow.id, CallRow.customer_id))).all() == [("1.1", None)]
    assert not (await fill(database, **FEW | {"seed": 2})).fresh


async def test_a_customer_who_comes_after_the_filling_gets_an_id_of_their_own(database: Database) -> None:
    await fill(database, **FEW)
    async with database.write() as session:
        added = insert(CustomerRow).values(name="New", language="en", segment="mass", since_on=UNTIL)
        assert await session.scalar(added.returning(CustomerRow.id)) == 121


async def test_progress_is_told_up_to_the_last_customer(database: Database) -> None:
    told: list[tuple[int, int]] = []
    await fill(database, **FEW, progress=lambda done, of: told.append((done, of)))
    assert told == [(100, 120), (120, 120)]


async def test_a_run_that_is_cut_short_leaves_nothing_behind(database: Database) -> None:
    def give_up(done: int, of: int) -> None:
        raise CutShort

    with pytest.raises(CutShort):
        await fill(database, **FEW, progress=give_up)
    assert await rows(database, CustomerRow) == []
    assert (await fill(database, **FEW)).fresh


async def test_the_named_customers_prove_themselves_and_are_served(database: Database) -> None:
    await fill(database, **FEW)
    bank = SqlBank(database, ZONE)
    for id_, (pin, birthday) in NAMED_SECRETS.items():
        assert await bank.verify(Claimant("pin", None, secret=pin), id_, deadline_s=5)
        assert await bank.verify(Claimant("card_birthday", None, secret=birthday), id_, deadline_s=5)
    assert await bank.whose(Claimant("pin", "+8613800000001"), deadline_s=5) == LI_NA
    assert await bank.whose(Claimant("pin", "+8613800000005"), deadline_s=5) is None
    assert await bank.whose(Claimant("pin", None, card="6221600000107919"), deadline_s=5) == LI_NA
    noon = MIDNIGHT + 12 * 3600

    async def ordered(operation: str, **params: Any) -> Any:
        order = BankOrder(operation, LI_NA, params, f"call:{operation}")
        answer = await bank.perform(order, now=noon, deadline_s=5)
        assert answer.refusal is None, (operation, answer.refusal)
        return answer

    before = (await ordered("balance")).values["balance"]
    assert (await ordered("payee", to=account_number(CHEN_WEI, 0))).values["payee_ending"] == "0309"
    sent = await ordered("transfer", to=account_number(CHEN_WEI, 0), amount=Money(100_00))
    assert sent.values["balance"] == Money(before.cents - 100_00)
    assert len((await ordered("transactions")).rows) == 5
    assert (await ordered("card_limit")).values["limit"] == Money(6_000_000)
    assert [row.kind for row in (await ordered("key_dates")).rows] == ["card_expiry"]


async def test_those_who_share_a_number_are_told_apart_by_their_cards(database: Database) -> None:
    await fill(database, **FEW)
    bank = SqlBank(database, ZONE)
    shared = [
        await bank.whose(Claimant("pin", "+8613800000005", card=card), deadline_s=5)
        for card in ("6221500000509595", "6221500000607514")
    ]
    assert shared == [LIU_YANG, ZHOU_LEI]


async def test_a_bank_in_which_orders_were_carried_out_can_be_refilled(database: Database) -> None:
    await fill(database, **FEW)
    bank = SqlBank(database, ZONE)
    params = {"to": account_number(CHEN_WEI, 0), "amount": Money(100_00)}
    await bank.perform(BankOrder("transfer", LI_NA, params, "call:0"), now=MIDNIGHT + 60, deadline_s=5)
    assert (await fill(database, **FEW | {"seed": 2, "refill": True})).fresh
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(BankOrderRow)) == 0
        assert await session.scalar(select(func.count()).select_from(CredentialRow)) == 120


async def test_a_bank_of_a_version_without_pins_is_another_bank(database: Database) -> None:
    await fill(database, **FEW)
    async with database.write() as session:
        await session.execute(delete(CredentialRow))
    with pytest.raises(BankOccupied):
        await fill(database, **FEW)
    assert (await fill(database, **FEW | {"refill": True})).fresh


async def test_a_bank_whose_cards_were_hashed_with_another_secret_is_another_bank(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGWISE_BANK_SECRET", raising=False)
    await fill(database, **FEW)
    monkeypatch.setenv("RINGWISE_BANK_SECRET", "of this bank alone")
    with pytest.raises(BankOccupied, match="RINGWISE_BANK_SECRET"):
        await fill(database, **FEW)
    assert (await fill(database, **FEW | {"refill": True})).fresh
    assert not (await fill(database, **FEW)).fresh
