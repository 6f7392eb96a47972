"""Histories for training: read in small pieces, of all customers or, when there are many, of every so many-th."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import func, select

from models.database import Database
from models.tables import CaseRow, CustomerRow, HistoryEventRow

#: Events that are read at most, about: beyond them every second, third … customer is left out.
MOST_READ = 1_000_000
#: Customers that are read at a time.
BATCH = 200


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One thing that a customer did."""

    at: float
    task: str
    call: str | None
    open_cases: int


@dataclass(frozen=True, slots=True)
class CustomerHistory:
    """A customer with everything they did, oldest first."""

    customer_id: int
    segment: str
    events: Sequence[PastEvent]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is, and how much of it is read."""

    customers: int
    events: int  #: about, by the highest number given
    every: int  #: 1 = all customers, 2 = every second one …


async def extent(database: Database) -> Extent:
    """How much history there is. Counts customers, but not events: there may be millions."""
    async with database.read() as session:
        customers = await session.scalar(select(func.count()).select_from(CustomerRow)) or 0
        events = await session.scalar(select(func.max(HistoryEventRow.id))) or 0
    return Extent(customers, events, max(1, -(-events // MOST_READ)))


async def histories(database: Database, every: int, since: float) -> AsyncIterator[Sequence[CustomerHistory]]:
    """Batches of customers with their events from `since` on; no statement reads more than one batch."""
    last = -1
    while True:
        async with database.read() as session:
            people = (
                await session.execute(
                    select(CustomerRow.id, CustomerRow.segment)
                    .where(CustomerRow.id > last, CustomerRow.id % every == 0)
                    .order_by(CustomerRow.id)
                    .limit(BATCH)
                )
            ).all()
            if not people:
                return
            ids = [id_ for id_, _ in people]
            cases: dict[int, list[tuple[float, float | None]]] = {}
            for id_, opened, closed in await session.execute(
                select(CaseRow.customer_id, CaseRow.opened_at, CaseRow.closed_at).where(CaseRow.customer_id.in_(ids))
            ):
                if id_ is not None:
                    cases.setdefault(id_, []).append((opened, closed))
            events: dict[int, list[PastEvent]] = {id_: [] for id_ in ids}
            for id_, at, task, call in await session.execute(
                select(HistoryEventRow.customer_id, HistoryEventRow.at, HistoryEventRow.task, HistoryEventRow.call_id)
                .where(HistoryEventRow.customer_id.in_(ids), HistoryEventRow.at >= since)
                .order_by(HistoryEventRow.customer_id, HistoryEventRow.at)
            ):
                matters = sum(1 for opened, closed in cases.get(id_, ()) if opened <= at < (closed or at + 1))
                events[id_].append(PastEvent(at, task, call, matters))
        yield [CustomerHistory(id_, segment, events[id_]) for id_, segment in people]
        last = ids[-1]


def day_of(event: PastEvent, zone: tzinfo) -> int:
    """The ordinal of an event's day."""
    return datetime.fromtimestamp(event.at, zone).toordinal()
