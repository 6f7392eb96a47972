"""What customers did, by age: what nobody may use any more is deleted."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.habits import recount
from models.tables import HistoryEventRow

#: Customers whose events are looked through in one statement: by customer and time, as the index has them.
CUSTOMERS = 200
#: Events in one transaction.
BATCH = 500


class History:
    """The history of all customers. Every verb raises StoreAway."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database, self._zone = database, zone

    async def delete_before(self, at: float) -> int:
        """Delete older events, a few at a time, and count the habits of their customers anew; how many there were."""
        async with self._database.read() as session:
            customer = HistoryEventRow.customer_id
            first, last = (await session.execute(select(func.min(customer), func.max(customer)))).one()
        deleted = 0
        for start in range(first or 0, (last or -1) + 1, CUSTOMERS):
            deleted += await self._delete(start, at)
        return deleted

    async def _delete(self, start: int, at: float) -> int:
        mine = HistoryEventRow.customer_id.between(start, start + CUSTOMERS - 1)
        both = select(HistoryEventRow.id, HistoryEventRow.customer_id)
        wanted = both.where(mine, HistoryEventRow.at < at).limit(BATCH)
        deleted = 0
        while True:
            async with self._database.read() as session:
                found = (await session.execute(wanted)).all()
            if not found:
                return deleted
            ids, customers = tuple(id_ for id_, _ in found), sorted({customer for _, customer in found})

            async def work(
                session: AsyncSession, ids: Sequence[int] = ids, customers: Sequence[int] = customers
            ) -> None:
                await session.execute(delete(HistoryEventRow).where(HistoryEventRow.id.in_(ids)))
                for customer in customers:
                    await recount(session, customer, self._zone)

            await self._database.transact(work)
            deleted += len(ids)
