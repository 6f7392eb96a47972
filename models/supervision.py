"""What supervisors do: written down before it is done, so that nothing they do goes unseen."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.database import Database
from models.tables import AgentRow, SupervisorActRow
from models.texts import stored


@dataclass(frozen=True, slots=True)
class ActKept:
    """One act of a supervisor."""

    at: float
    supervisor: str
    act: str  #: pause, sign_out, …
    agent: str
    call_id: str | None
    done: bool  #: it was carried out; else it was refused, or nobody knows


class SupervisorActs:
    """The list of acts. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begun(
        self, supervisor_id: int, act: str, agent_id: int, *, now: float, call_id: str | None = None
    ) -> int:
        """Write down what a supervisor is about to do; the id of the entry."""

        async def work(session: AsyncSession) -> int:
            row = SupervisorActRow(
                at=now, supervisor_id=supervisor_id, act=stored(act, 16), agent_id=agent_id, call_id=call_id, done=False
            )
            session.add(row)
            await session.flush()
            return row.id

        return await self._database.transact(work)

    async def done(self, act_id: int) -> None:
        """It was carried out."""
        async with self._database.write() as session:
            await session.execute(update(SupervisorActRow).where(SupervisorActRow.id == act_id).values(done=True))

    async def newest(self, most: int) -> tuple[ActKept, ...]:
        """The newest acts, the newest first."""
        supervisor, agent = aliased(AgentRow), aliased(AgentRow)
        listed = (
            select(
                SupervisorActRow.at,
                supervisor.name,
                SupervisorActRow.act,
                agent.name,
                SupervisorActRow.call_id,
                SupervisorActRow.done,
            )
            .join(supervisor, supervisor.id == SupervisorActRow.supervisor_id)
            .join(agent, agent.id == SupervisorActRow.agent_id)
            .order_by(SupervisorActRow.at.desc(), SupervisorActRow.id.desc())
            .limit(most)
        )
        async with self._database.read() as session:
            return tuple(ActKept(*row) for row in await session.execute(listed))
