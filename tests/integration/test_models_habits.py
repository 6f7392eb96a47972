"""Habits in the database: counted with each choice, right after corrections, gone with their customer."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import CallerFacts
from menus.learning.habits import habits_of
from models.calls import CallJournal
from models.customers import Customers
from models.database import Database
from models.habits import count_in, habits_in, rebuild, recount
from models.histories import extent, histories
from models.tables import CaseRow, CustomerRow, HabitRow, HistoryEventRow, NumberRow
from routing.call import Arrival

T = 1_790_000_000.0
ZONE = ZoneInfo("Asia/Shanghai")
DAY = 86400.0


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        async with opened.write() as session:
            for id_, name in ((1, "Li Na"), (2, "Wang")):
                await session.execute(
                    insert(CustomerRow).values(
                        id=id_, name=name, language="zh", segment="mass", since_on=date(2020, 1, 1)
                    )
                )
        yield opened


async def did(database: Database, *events: tuple[float, str], customer: int = 1) -> None:
    """Write events of history that nobody counted."""
    async with database.write() as session:
        await session.execute(
            insert(HistoryEventRow),
            [{"customer_id": customer, "at": at, "task": task, "source": "app"} for at, task in events],
        )


async def kept(database: Database, customer: int = 1) -> tuple[object, ...] | None:
    """The row as it is stored."""
    async with database.read() as session:
        row = await session.get(HabitRow, customer)
        return None if row is None else (row.tasks, row.days, row.first, row.events)


async def test_each_choice_in_a_call_is_counted_for_the_next_one(database):
    await did(database, (T - 40 * DAY, "balance"), (T - 10 * DAY, "transfer"))
    async with CallJournal(database, "node-a", zone=ZONE) as journal:
        arrival = Arrival("c1", "u1", "PJSIP/x-1", ani="+8601", dnis="95599", caller_name="", rung=1)
        journal.opened(arrival, now=T, facts=CallerFacts(customer_id=1), language="zh", book_version=1)
        journal.used(1, "card", T, "c1")
        journal.used(1, "card", T + 60, "c1")
        journal.used(99, "card", T, "c1")  # deleted since
        assert await journal.settle("c1", deadline_s=5)
    async with database.read() as session:
        habits = await habits_in(session, 1, ZONE)
    assert habits.tasks == ("balance", "card", "transfer")
    assert habits.events == 4
    assert await kept(database) is not None
    assert await kept(database, 99) is None


async def test_events_out_of_order_and_corrected_ones_count_as_if_they_had_always_been_right(database):
    late = [(T - 3 * DAY, "balance"), (T - 60 * DAY, "balance"), (T - 30 * DAY, "balance")]
    for at, task in late:
        await did(database, (at, task))
        async with database.write() as session:
            await count_in(session, 1, at, task, ZONE)
    counted = await kept(database)
    async with database.write() as session:
        await recount(session, 1, ZONE)
    assert await kept(database) == counted
    async with database.write() as session:
        await session.execute(delete(HistoryEventRow).where(HistoryEventRow.at == T - 30 * DAY))
        await recount(session, 1, ZONE)
    corrected = await kept(database)
    assert corrected is not None
    assert corrected[3] == 2
    assert corrected != counted


async def test_a_day_begins_in_the_time_zone_of_the_site(database):
    late_evening = datetime(2026, 12, 1, 23, 30, tzinfo=ZONE)
    await did(database, (late_evening.timestamp(), "balance"))
    async with database.read() as session:
        assert (await habits_in(session, 1, ZONE)).first == date(2026, 12, 1).toordinal()


async def test_everybody_is_counted_anew(database):
    await did(database, (T, "balance"))
    await did(database, (T, "card"), (T, "transfer"), customer=2)
    assert [done async for done in rebuild(database, ZONE)] == [2]
    assert (await kept(database, 2) or ())[3] == 2


async def test_histories_come_customer_by_customer_with_the_matters_open_then(database):
    await did(database, (T, "balance"), (T - DAY, "card"))
    await did(database, (T, "balance"), customer=2)
    async with database.write() as session:
        await session.execute(
            insert(CaseRow).values(number="C-1", customer_id=1, subject="x", state="open", opened_at=T - 60)
        )
    assert (await extent(database)).every == 1
    read = [one async for batch in histories(database, 1, 0.0) for one in batch]
    assert [(one.customer_id, [(e.task, e.open_cases) for e in one.events]) for one in read] == [
        (1, [("card", 0), ("balance", 1)]),
        (2, [("balance", 0)]),
    ]
    assert [one.customer_id async for batch in histories(database, 2, 0.0) for one in batch] == [2]
    assert [len(one.events) async for batch in histories(database, 1, T) for one in batch] == [1, 1]


async def test_a_shared_phone_never_shows_one_persons_habits_to_another(database):
    await did(database, (T - DAY, "transfer"))
    async with database.write() as session:
        await session.execute(insert(NumberRow), [{"e164": "+8601", "customer_id": n} for n in (1, 2)])
        await recount(session, 1, ZONE)
    facts = await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)
    assert (facts.matches, facts.customer_id, len(facts.history)) == (2, None, 0)


async def test_habits_go_with_their_customer(database):
    await did(database, (T, "balance"))
    async with database.write() as session:
        await recount(session, 1, ZONE)
        await session.execute(delete(HistoryEventRow))
        await session.execute(delete(CustomerRow).where(CustomerRow.id == 1))
    assert await kept(database) is None


def test_habits_of_no_history_are_nothing() -> None:
    assert not habits_of(())
