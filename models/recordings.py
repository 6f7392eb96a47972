"""What callers said and was recorded: the list of it. The sounds lie in the folder of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import CaseRow, RatingRow, RecordingRow, TalkRecordingRow


@dataclass(frozen=True, slots=True)
class RecordingKept:
    """One recording as an operator sees it."""

    id: str
    call_id: str
    customer_id: int | None
    purpose: str  #: voicemail, complaint, comment, conversation
    at: float
    seconds: float


class Recordings:
    """Recordings in the database. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, most: int, *, purpose: str | None = None) -> tuple[RecordingKept, ...]:
        """The newest ones, of one purpose or of all."""
        listed = select(
            RecordingRow.id,
            RecordingRow.call_id,
            RecordingRow.customer_id,
            RecordingRow.purpose,
            RecordingRow.at,
            RecordingRow.seconds,
        )
        if purpose is not None:
            listed = listed.where(RecordingRow.purpose == purpose)
        async with self._database.read() as session:
            rows = await session.execute(listed.order_by(RecordingRow.at.desc(), RecordingRow.id).limit(most))
            return tuple(RecordingKept(*row) for row in rows)

    async def made_before(self, at: float, *, most: int) -> tuple[str, ...]:
        """Ids of the oldest ones made before then."""
        wanted = select(RecordingRow.id).where(RecordingRow.at < at).order_by(RecordingRow.at).limit(most)
        async with self._database.read() as session:
            return tuple(await session.scalars(wanted))

    async def forget(self, ids: Sequence[str]) -> None:
        """Take recordings off the list, and out of the cases and answers that named them."""

        async def work(session: AsyncSession) -> None:
            for table in (CaseRow, RatingRow):
                await session.execute(update(table).where(table.recording.in_(ids)).values(recording=None))
            await session.execute(delete(TalkRecordingRow).where(TalkRecordingRow.recording.in_(ids)))
            await session.execute(delete(RecordingRow).where(RecordingRow.id.in_(ids)))

        await self._database.transact(work)
