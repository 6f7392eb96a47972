"""Engine nodes, their signs of life, and the time of day that they share."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import NodeRow


class Nodes:
    """What a node says of itself; the sweep tells by it whether an engine or the switch lost a call."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    async def started(self, *, now: float) -> None:
        """This node is a new process: it holds none of the calls that began before."""

        async def work(session: AsyncSession) -> None:
            await session.merge(NodeRow(name=self._name, started_at=now, seen_at=now))

        await self._database.transact(work)

    async def seen(self, *, now: float) -> None:
        """This node lives."""

        async def work(session: AsyncSession) -> None:
            node = await session.get(NodeRow, self._name)
            if node is not None:
                node.seen_at = now

        await self._database.transact(work)

    async def time(self) -> float:
        """The store's time of day, by which all nodes go."""
        return await self._database.time()
