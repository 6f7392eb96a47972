"""Habits in the database: counted with each choice, right after corrections, gone when a customer is forgotten."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select, text

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import CallerFacts, MenuMemory
from menus.learning.habits import habits_of
from models.calls import CallJournal
from models.customers import Customers
from models.database import Database
from models.forgetting import forget
from models.habits import count_in, habits_in, rebuild, recount
from models.histories import extent, histories
from models.tables import (
    CallbackRow,
    CaseRow,
    CustomerRow,
    HabitRow,
    HistoryEventRow,
    NumberRow,
    OutboxRow,
    ProductRow,
    Table,
)
from routing.call import Arrival, Recording

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


async def test_nothing_of_a_forgotten_customer_is_left_in_any_table(database):
    await did(database, (T - DAY, "transfer"))
    async with database.write() as session:
        await session.execute(insert(NumberRow).values(e164="+8613800001111", customer_id=1))
        await session.execute(
            insert(ProductRow).values(
                customer_id=1, kind="loan", name="Li Na's loan", opened_on=date(2020, 1, 1), currency="CNY"
            )
        )
        await session.execute(
            insert(CaseRow).values(number="C-1", customer_id=1, subject="Li Na waits", state="open", opened_at=T)
        )
        await session.execute(
            insert(OutboxRow).values(
                key="k", to="+8613800001111", text="Dear Li Na", customer_id=1, made_at=T, next_at=T
            )
        )
        await session.execute(
            insert(CallbackRow).values(
                call_id="c1", number="+8613800001111", customer_id=1, queue="general", reason="", language="zh",
                required={}, kind="now", since=T, due_at=T, next_at=T, made_at=T,
            )
        )  # fmt: skip
    async with CallJournal(database, "node-a", zone=ZONE) as journal:
        arrival = Arrival("c1", "u1", "PJSIP/x-1", ani="+8613800001111", dnis="95599", caller_name="Li Na", rung=1)
        facts = CallerFacts(ani="+8613800001111", customer_id=1)
        journal.opened(arrival, now=T, facts=facts, language="zh", book_version=1)
        journal.event("c1", "menu", T, record={"ani": "+8613800001111"})
        journal.used(1, "card", T, "c1")
        journal.kept("customer:1", "branch", "the one of Li Na", T)
        journal.menu_heard("customer:1", "main", MenuMemory(promoted=("card",)), T)
        journal.recorded(Recording("r1", "c1", "voicemail", 3.0, customer_id=1), T)
        assert await journal.settle("c1", deadline_s=5)
    gone = await forget(database, 1)
    assert gone is not None
    assert list(gone.recordings) == ["r1"]
    async with database.read() as session:
        for table in Table.metadata.sorted_tables:
            for row in (await session.execute(select(table))).mappings():
                told = repr(dict(row))
                assert "Li Na" not in told, table.name
                assert "+86138" not in told, table.name
                assert "customer:1'" not in told, table.name
                assert row.get("customer_id") != 1, table.name
        assert (await session.execute(text("SELECT count(*) FROM calls"))).scalar() == 1
        assert await session.get(CustomerRow, 2) is not None
    assert await forget(database, 1) is None


def test_habits_of_no_history_are_nothing() -> None:
    assert not habits_of(())
