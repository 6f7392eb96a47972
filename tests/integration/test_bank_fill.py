"""Filling a database with the demonstration bank: once, all or nothing, never over somebody else's."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select

from ivr.bank.fill import BankOccupied, Filled, fill
from ivr.bank.generate import generate
from ivr.bank.people import CHEN_WEI
from ivr.bank.sql import SqlBank
from ivr.testing.bank_database import empty_database
from models.database import Database
from models.tables import CallRow, CaseRow, CustomerRow, HistoryEventRow, LifeEventRow, NumberRow, ProductRow

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = date(2026, 12, 1)
MIDNIGHT = 1_796_054_400.0  # when UNTIL begins in Shanghai
FEW: dict[str, Any] = {"seed": 1, "until": UNTIL, "zone": ZONE, "customers": 120}


class CutShort(Exception):
    """The program is ended half-way."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with empty_database(request.param, tmp_path) as made:
        yield made


async def rows(database: Database, table: Any) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        return [tuple(row) for row in await session.execute(select(*table.__table__.columns).order_by(table.id))]


async def test_the_whole_bank_is_filled_in_within_15_seconds(database: Database) -> None:
    begun = perf_counter()
    filled = await fill(database, seed=1, until=UNTIL, zone=ZONE)
    assert perf_counter() - begun < 15
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
