"""What customers did, by age: what nobody may use any more is deleted."""

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import HistoryEventRow

#: Customers whose events are looked through in one statement: by customer and time, as the index has them.
CUSTOMERS = 200
#: Events in one transaction.
BATCH = 500


class History:
    """The history of all customers. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_before(self, at: float) -> int:
        """Delete older events, a few at a time; how many there were."""
        async with self._database.read() as session:
            customer = HistoryEventRow.customer_id
            first, last = (await session.execute(select(func.min(customer), func.max(customer)))).one()
        deleted = 0
        for start in range(first or 0, (last or -1) + 1, CUSTOMERS):
            deleted += await self._delete(start, at)
        return deleted

    async def _delete(self, start: int, at: float) -> int:
        mine = HistoryEventRow.customer_id.between(start, start + CUSTOMERS - 1)
        wanted = select(HistoryEventRow.id).where(mine, HistoryEventRow.at < at).limit(BATCH)
        deleted = 0
        while True:
            async with self._database.read() as session:
                ids = (await session.scalars(wanted)).all()
            if not ids:
                return deleted

            async def work(session: AsyncSession, ids: tuple[int, ...] = tuple(ids)) -> None:
                await session.execute(delete(HistoryEventRow).where(HistoryEventRow.id.in_(ids)))

            await self._database.transact(work)
            deleted += len(ids)
