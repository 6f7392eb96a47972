"""Habits of customers in the database: read for a call, counted when a task is chosen, counted anew when corrected."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, tzinfo

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from menus.learning.habits import NOTHING, Habits
from models.database import Database
from models.tables import CustomerRow, HabitRow, HistoryEventRow

#: Customers that are counted in one transaction.
BATCH = 200


async def habits_in(session: AsyncSession, customer_id: int, zone: tzinfo) -> Habits:
    """The habits of a customer: one read by key. Who was never counted is counted from the history, without storing."""
    kept = (await session.execute(_ROW.where(HabitRow.customer_id == customer_id))).one_or_none()
    if kept is not None:
        return Habits.from_bytes(*kept)
    return await _counted(session, customer_id, zone)


async def count_in(session: AsyncSession, customer_id: int, at: float, task: str, zone: tzinfo) -> None:
    """One more event, which is in the history already; in whatever order events come."""
    # Two nodes may count for one customer; the second waits for the first.
    await session.execute(select(CustomerRow.id).where(CustomerRow.id == customer_id).with_for_update(key_share=True))
    kept = (await session.execute(_ROW.where(HabitRow.customer_id == customer_id))).one_or_none()
    if kept is None:
        await recount(session, customer_id, zone)
        return
    habits = Habits.from_bytes(*kept).adding([(_day(at, zone), task)])
    await session.execute(update(HabitRow).where(HabitRow.customer_id == customer_id).values(**_values(habits)))


async def recount(session: AsyncSession, customer_id: int, zone: tzinfo) -> None:
    """Count a customer's habits from the whole history: after events were corrected or taken out."""
    habits = await _counted(session, customer_id, zone)
    await session.execute(delete(HabitRow).where(HabitRow.customer_id == customer_id))
    if habits:
        await session.execute(insert(HabitRow).values(**row_of(customer_id, habits)))


async def rebuild(database: Database, zone: tzinfo) -> AsyncIterator[int]:
    """Count everybody's habits anew, batch by batch; tells how many customers are done. Calls go on meanwhile."""
    last, done = -1, 0
    while True:
        async with database.write() as session:
            ids = (
                await session.scalars(
                    select(CustomerRow.id).where(CustomerRow.id > last).order_by(CustomerRow.id).limit(BATCH)
                )
            ).all()
            for customer_id in ids:
                await recount(session, customer_id, zone)
        if not ids:
            return
        last, done = ids[-1], done + len(ids)
        yield done


async def customers_in(database: Database) -> int:
    """How many customers there are."""
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(CustomerRow)) or 0


_ROW = select(HabitRow.tasks, HabitRow.days, HabitRow.first, HabitRow.events)


async def _counted(session: AsyncSession, customer_id: int, zone: tzinfo) -> Habits:
    events: Sequence[tuple[float, str]] = [
        (at, task)
        for at, task in await session.execute(
            select(HistoryEventRow.at, HistoryEventRow.task).where(HistoryEventRow.customer_id == customer_id)
        )
    ]
    return habits_from(events, zone)


def habits_from(events: Iterable[tuple[float, str]], zone: tzinfo) -> Habits:
    """The habits of events (UTC seconds, task) in any order."""
    return NOTHING.adding((_day(at, zone), task) for at, task in events)


def row_of(customer_id: int, habits: Habits) -> dict[str, object]:
    """The columns of a customer's row."""
    return {"customer_id": customer_id, **_values(habits)}


def _day(at: float, zone: tzinfo) -> int:
    return datetime.fromtimestamp(at, zone).toordinal()


def _values(habits: Habits) -> dict[str, object]:
    return {
        "tasks": list(habits.tasks),
        "days": habits.to_bytes(),
        "first": habits.first,
        "events": habits.events,
    }
