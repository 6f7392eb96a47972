"""Calls whose engine is dead while Asterisk still waits for it: which they are, and which node takes one on."""

from collections.abc import Collection

from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.strays import NODE_LOST_S
from models.tables import CallRow, NodeRow


class Rescues:
    """Of one node. Every verb raises StoreAway."""

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node

    async def left_behind(self, calls: Collection[str], *, now: float) -> dict[str, str]:
        """Those of these calls whose engine is dead, and its node; `calls` are none that this node holds itself."""
        found = (
            select(CallRow.id, CallRow.node)
            .join(NodeRow, NodeRow.name == CallRow.node)
            .where(CallRow.id.in_(calls), CallRow.ended_at.is_(None))
            .where(or_(NodeRow.seen_at < now - NODE_LOST_S, CallRow.node == self._node))
        )
        async with self._database.read() as session:
            return {call_id: node for call_id, node in await session.execute(found)}

    async def claim(self, call_id: str, node: str, *, now: float) -> bool:
        """Make a dead node's call this node's: true for one node alone, and only while the other is dead."""
        dead = exists().where(NodeRow.name == node, NodeRow.seen_at < now - NODE_LOST_S)

        async def work(session: AsyncSession) -> bool:
            taken = await session.execute(
                update(CallRow)
                .where(CallRow.id == call_id, CallRow.node == node, CallRow.ended_at.is_(None))
                .where(dead if node != self._node else CallRow.node == self._node)
                .values(node=self._node)
                .returning(CallRow.id)
                .execution_options(synchronize_session=False)
            )
            return taken.first() is not None

        return await self._database.transact(work)

    async def give_back(self, call_id: str, node: str) -> None:
        """The switch did not bring the call: it is the dead node's again, to be tried anew."""

        async def work(session: AsyncSession) -> None:
            await session.execute(
                update(CallRow)
                .where(CallRow.id == call_id, CallRow.node == self._node, CallRow.ended_at.is_(None))
                .values(node=node)
                .execution_options(synchronize_session=False)
            )

        await self._database.transact(work)
