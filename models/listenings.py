"""Supervisors on conversations: which there are, so that every node and the agent's desktop know of them."""

from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import AgentRow, ListeningRow
from routing.listening import Listening, ListeningMode


class Listenings:
    """The list of them. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begun(self, one: Listening) -> bool:
        """A supervisor's phone is about to be rung; False when they are on another conversation already."""

        async def work(session: AsyncSession) -> None:
            session.add(
                ListeningRow(
                    id=one.id,
                    supervisor_id=one.supervisor_id,
                    agent_id=one.agent_id,
                    call_id=one.call_id,
                    mode=one.mode.value,
                    asked_at=one.asked_at,
                )
            )
            await session.flush()

        try:
            await self._database.transact(work)
        except IntegrityError:
            return False
        return True

    async def of_supervisor(self, supervisor_id: int) -> Listening | None:
        """The conversation that a supervisor is on."""
        return next(iter(await self._read(ListeningRow.supervisor_id == supervisor_id)), None)

    async def open(self) -> tuple[Listening, ...]:
        """All of them."""
        return await self._read()

    async def changed(self, id_: str, mode: ListeningMode) -> None:
        """Others hear the supervisor from now on."""
        await self._write(id_, mode=mode.value)

    async def answered(self, id_: str, *, now: float) -> None:
        """The supervisor's phone was answered."""
        await self._write(id_, began_at=now)

    async def ended(self, id_: str, *, now: float) -> bool:
        """It is over; whether it was open until now."""
        return await self._write(id_, ended_at=now)

    async def _read(self, *more: object) -> tuple[Listening, ...]:
        async with self._database.read() as session:
            return tuple(listening(*row) for row in await session.execute(open_listenings().where(*more)))  # type: ignore[arg-type]

    async def _write(self, id_: str, **values: object) -> bool:
        async with self._database.write() as session:
            changed = await session.execute(
                update(ListeningRow)
                .where(ListeningRow.id == id_, ListeningRow.ended_at.is_(None))
                .values(**values)
                .returning(ListeningRow.id)
            )
            return changed.first() is not None


def open_listenings() -> Select[ListeningRow, str]:
    """Every open one with the name of its supervisor, oldest first."""
    return (
        select(ListeningRow, AgentRow.full_name)
        .join(AgentRow, AgentRow.id == ListeningRow.supervisor_id)
        .where(ListeningRow.ended_at.is_(None))
        .order_by(ListeningRow.asked_at)
    )


def listening(row: ListeningRow, supervisor: str) -> Listening:
    """A row as everybody else sees it."""
    return Listening(
        row.id,
        row.supervisor_id,
        supervisor,
        row.agent_id,
        row.call_id,
        ListeningMode(row.mode),
        row.asked_at,
        row.began_at,
    )
