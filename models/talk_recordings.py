"""Recordings of conversations while they last: which there are, and whether they are to hear silence."""

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import CallRow, CustomerRow, RecordingRow, TalkRecordingRow
from models.texts import stored
from routing.call import Recording
from routing.errors import StoreAway
from routing.recording import Consent, TalkRecording

#: Rows that one look takes.
MOST = 200


class TalkRecordings:
    """The port of the same name on the database. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begun(self, recording: Recording, *, now: float, asked: bool = False) -> None:
        """List a recording before it begins, silent while the customer is `asked`; one that is listed already stays as
        it is."""

        async def work(session: AsyncSession) -> None:
            if await session.get(TalkRecordingRow, recording.id) is not None:
                return
            customer = select(CustomerRow.id).where(CustomerRow.id == recording.customer_id).scalar_subquery()
            session.add(
                RecordingRow(
                    id=recording.id,
                    call_id=recording.call_id,
                    customer_id=customer,
                    purpose=stored(recording.purpose, 16),
                    at=now,
                    seconds=recording.seconds,
                )
            )
            await session.flush()
            session.add(
                TalkRecordingRow(
                    recording=recording.id,
                    call_id=recording.call_id,
                    began_at=now,
                    muted=False,
                    version=0,
                    consent=Consent.ASKED if asked else None,
                )
            )

        try:
            await self._database.transact(work)
        except IntegrityError as fault:
            raise StoreAway(f"the record of call {recording.call_id} is not stored yet") from fault

    async def ended(self, recording: str, seconds: float, *, now: float) -> None:
        """The file is complete."""

        async def work(session: AsyncSession) -> None:
            row = TalkRecordingRow
            await session.execute(
                update(row).where(row.recording == recording, row.ended_at.is_(None)).values(ended_at=now)
            )
            await session.execute(
                update(RecordingRow).where(RecordingRow.id == recording).values(seconds=round(seconds, 2))
            )

        await self._database.transact(work)

    async def dropped(self, recording: str) -> None:
        """Nothing was said: it is taken off the list."""

        async def work(session: AsyncSession) -> None:
            await session.execute(delete(TalkRecordingRow).where(TalkRecordingRow.recording == recording))
            await session.execute(delete(RecordingRow).where(RecordingRow.id == recording))

        await self._database.transact(work)

    async def of_call(self, call_id: str) -> TalkRecording | None:
        """The recording of the conversation that goes on in a call."""
        async with self._database.read() as session:
            row = await session.scalar(open_recording(call_id))
            return None if row is None else seen(row)

    async def wish(
        self, call_id: str, *, pause_until: float | None, version: int | None = None
    ) -> TalkRecording | None:
        """From now on it is to be silent until then, or to be heard; None when nothing is recorded, or when something
        else than in that version is wished by now."""

        async def work(session: AsyncSession) -> TalkRecording | None:
            row = await session.scalar(open_recording(call_id).with_for_update())
            if row is None or version not in (None, row.version):
                return None
            row.pause_until, row.version = pause_until, row.version + 1
            return seen(row)

        return await self._database.transact(work)

    async def answered(self, recording: str, *, agrees: bool) -> TalkRecording | None:
        """The customer has said whether they agree; None when they were not asked, or have said so before."""

        async def work(session: AsyncSession) -> TalkRecording | None:
            row = await session.get(TalkRecordingRow, recording, with_for_update=True)
            if row is None or row.ended_at is not None or row.consent != Consent.ASKED:
                return None
            row.consent, row.version = None if agrees else Consent.REFUSED, row.version + 1
            return seen(row)

        return await self._database.transact(work)

    async def confirmed(self, recording: str, version: int, *, muted: bool | None) -> bool:
        """The switch did what was wished then, or nobody knows (None). False when something else is wished by now: what
        the switch does is then not known, whoever was last."""

        async def work(session: AsyncSession) -> bool:
            row = await session.get(TalkRecordingRow, recording, with_for_update=True)
            if row is None or row.ended_at is not None:
                return True
            is_wished = row.version == version
            row.muted = muted if is_wished else None
            return is_wished

        return await self._database.transact(work)

    async def amiss(self, *, now: float) -> tuple[TalkRecording, ...]:
        """Open ones at which something is to be done."""
        row = TalkRecordingRow
        is_silent = row.pause_until.is_not(None) | row.consent.is_not(None)
        wanted = (
            select(row)
            .where(row.ended_at.is_(None))
            .where(
                or_(
                    row.muted.is_(None),
                    row.pause_until <= now,
                    row.consent == Consent.ASKED,
                    is_silent & row.muted.is_(False),
                    ~is_silent & row.muted.is_(True),
                )
            )
            .order_by(row.began_at)
            .limit(MOST)
        )
        async with self._database.read() as session:
            return tuple(seen(found) for found in await session.scalars(wanted))

    async def left_open(self, *, ended_before: float) -> tuple[TalkRecording, ...]:
        """Open ones whose call ended before then: nobody has closed them."""
        row = TalkRecordingRow
        wanted = (
            select(row)
            .join(CallRow, CallRow.id == row.call_id)
            .where(row.ended_at.is_(None), CallRow.ended_at < ended_before)
            .limit(MOST)
        )
        async with self._database.read() as session:
            return tuple(seen(found) for found in await session.scalars(wanted))


def open_recording(call_id: str) -> Select[TalkRecordingRow]:
    """The newest open recording of a call."""
    return (
        select(TalkRecordingRow)
        .where(TalkRecordingRow.call_id == call_id, TalkRecordingRow.ended_at.is_(None))
        .order_by(TalkRecordingRow.began_at.desc())
        .limit(1)
    )


def seen(row: TalkRecordingRow) -> TalkRecording:
    """A row as everybody else sees it."""
    consent = None if row.consent is None else Consent(row.consent)
    return TalkRecording(row.recording, row.call_id, row.began_at, row.pause_until, row.muted, row.version, consent)
