"""History that is too old is neither used nor, where the site wants that, kept."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select

from ivr.history import HistoryKeeper
from ivr.settings import Personal
from ivr.testing.clock import FakeClock
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from models.customers import Customers
from models.history import BATCH, CUSTOMERS, History
from models.tables import CustomerRow, HistoryEventRow, NumberRow

ZONE = ZoneInfo("Asia/Shanghai")
T = 1_790_000_000.0
DAY = 86_400.0
ANI = "+8613800000001"


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        people = [
            {"id": id_, "name": "x", "language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
            for id_ in (1, CUSTOMERS * 3)
        ]
        async with opened.write() as session:
            await session.execute(insert(CustomerRow), people)
            await session.execute(insert(NumberRow), [{"e164": ANI, "customer_id": 1}])
        yield opened


async def _done(database, *days_ago: float, customer_id: int = 1, each: int = 1) -> None:
    rows = [
        {"customer_id": customer_id, "at": T - days * DAY, "task": "card"} for days in days_ago for _ in range(each)
    ]
    async with database.write() as session:
        await session.execute(insert(HistoryEventRow), rows)


async def _ages(database) -> list[float]:
    async with database.read() as session:
        times = await session.scalars(select(HistoryEventRow.at).order_by(HistoryEventRow.at))
        return [round((T - at) / DAY, 2) for at in times]


@pytest.mark.parametrize(("days", "used"), [(None, 4), (400, 3), (31, 2), (1, 1)])
async def test_only_history_of_so_many_days_is_used(database, days: int | None, used: int) -> None:
    await _done(database, 500, 90, 31, 0.5)
    limits = {} if days is None else {"history_days": days}
    facts = await Customers(database, ZONE, **limits).find(ANI, now=T, deadline_s=5)
    assert len(facts.history) == used
    verified = await Customers(database, ZONE, **limits).customer(1, ani=None, now=T, deadline_s=5)
    assert verified is not None
    assert len(verified.history) == used


async def test_old_history_of_all_customers_is_deleted_in_pieces(database) -> None:
    await _done(database, 500, each=BATCH + 1)
    await _done(database, 400, 20, customer_id=CUSTOMERS * 3)
    assert await History(database, ZONE).delete_before(T - 365 * DAY) == BATCH + 2
    assert await _ages(database) == [20]
    assert await History(database, ZONE).delete_before(T - 365 * DAY) == 0


async def test_without_history_nothing_is_deleted(database) -> None:
    assert await History(database, ZONE).delete_before(T) == 0


async def test_the_keeper_deletes_what_is_older_than_the_setting(database) -> None:
    await _done(database, 41, 39)
    keeper = HistoryKeeper(History(database, ZONE), Personal(history_days=40, delete_history=True), FakeClock(T))
    assert await keeper.sweep() == 1
    assert await _ages(database) == [39]


async def test_the_keeper_rests_where_the_site_keeps_everything(database) -> None:
    await _done(database, 5000)
    await HistoryKeeper(History(database, ZONE), Personal(), FakeClock(T)).run()  # returns, as there is nothing to do
    assert await _ages(database) == [5000]
