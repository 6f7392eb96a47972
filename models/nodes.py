"""Engine nodes, their signs of life, and the time of day that they share."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.strays import NODE_LOST_S
from models.tables import NodeRow


async def switches(database: Database) -> Mapping[str, str]:
    """The nodes that live, by name, and the identity of the switch that each serves. Raises StoreAway."""
    now = await database.time()
    async with database.read() as session:
        told = select(NodeRow.name, NodeRow.switch).where(NodeRow.seen_at >= now - NODE_LOST_S)
        return {name: switch for name, switch in await session.execute(told) if switch is not None}


class Nodes:
    """What a node says of itself; the sweep tells by it whether an engine or the switch lost a call."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    async def started(self, *, now: float) -> None:
        """This node is a new process: it holds none of the calls that began before."""

        async def work(session: AsyncSession) -> None:
            await session.merge(NodeRow(name=self._name, started_at=now, seen_at=now, switch=None))

        await self._database.transact(work)

    async def seen(self, *, now: float) -> None:
        """This node lives."""

        async def work(session: AsyncSession) -> None:
            node = await session.get(NodeRow, self._name)
            if node is not None:
                node.seen_at = now

        await self._database.transact(work)

    async def serves(self, switch: str, *, now: float) -> Sequence[str]:
        """This node serves this switch; the nodes that live and serve another one, by name."""

        async def work(session: AsyncSession) -> Sequence[str]:
            node = await session.get(NodeRow, self._name)
            if node is not None and node.switch != switch:
                node.switch = switch
            others = select(NodeRow.name).where(NodeRow.switch != switch, NodeRow.name != self._name)
            alive = others.where(NodeRow.seen_at >= now - NODE_LOST_S).order_by(NodeRow.name)
            return (await session.scalars(alive)).all()

        return await self._database.transact(work)

    async def time(self) -> float:
        """The store's time of day, by which all nodes go."""
        return await self._database.time()
