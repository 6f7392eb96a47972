"""Recorded calls for a replay: with their menus and choices, and what their customers had done by then."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from menus.facts import HistoryEvent
from models.customers import MOST_HISTORY
from models.database import Database
from models.tables import CallEventRow, CallRow, HistoryEventRow

#: Calls whose events are read at a time, and seconds of calls that are listed at a time: nothing orders calls by time.
BATCH, WINDOW_S = 100, 6 * 3600.0
_COLUMNS = (
    *(CallRow.id, CallRow.started_at, CallRow.dnis, CallRow.language, CallRow.book_version),
    CallRow.customer_id,
)
#: What tells of menus and of what was chosen in them.
KINDS = ("menu", "key", "step", "back")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call that has ended."""

    id: str
    started_at: float
    dnis: str
    language: str
    book_version: int
    customer_id: int | None
    events: tuple[tuple[float, str, Mapping[str, Any]], ...]  #: (at, kind, data), oldest first
    history: tuple[HistoryEvent, ...] = ()  #: of the customer, before the call


class Replays:
    """Reads recorded calls. Every verb raises StoreAway."""

    def __init__(self, database: Database, zone: ZoneInfo, *, history_days: int) -> None:
        self._database, self._zone, self._history_s = database, zone, history_days * 86_400.0

    async def count(self, since: float) -> int:
        """How many calls have begun since then, and ended."""
        async with self._database.read() as session:
            return int(await session.scalar(_calls(since, func.count())) or 0)

    async def calls(self, since: float, *, histories: bool) -> AsyncIterator[RecordedCall]:
        """Those calls, oldest first; what is read at a time does not grow with their number."""
        async with self._database.read() as session:
            started = CallRow.started_at
            first, last = (await session.execute(_calls(since, func.min(started), func.max(started)))).one()
        start = first
        while start is not None and start <= last:
            wanted = _calls(start, *_COLUMNS).where(started < start + WINDOW_S).order_by(started, CallRow.id)
            async with self._database.read() as session:
                rows = (await session.execute(wanted)).all()
            for place in range(0, len(rows), BATCH):
                for call in await self._told(rows[place : place + BATCH], histories=histories):
                    yield call
            start += WINDOW_S

    async def _told(self, rows: Sequence[Any], *, histories: bool) -> list[RecordedCall]:
        async with self._database.read() as session:
            events = await session.execute(
                select(CallEventRow.call_id, CallEventRow.at, CallEventRow.kind, CallEventRow.data)
                .where(CallEventRow.call_id.in_([row.id for row in rows]), CallEventRow.kind.in_(KINDS))
                .order_by(CallEventRow.call_id, CallEventRow.at, CallEventRow.id)
            )
            told = {
                call_id: tuple((at, kind, data) for _, at, kind, data in found)
                for call_id, found in groupby(events, key=lambda event: str(event[0]))
            }
            done = {row.id: await self._history(session, row) for row in rows if histories and row.customer_id}
        return [
            RecordedCall(
                row.id,
                row.started_at,
                row.dnis,
                row.language,
                row.book_version,
                row.customer_id,
                told.get(row.id, ()),
                done.get(row.id, ()),
            )
            for row in rows
        ]

    async def _history(self, session: Any, call: Any) -> tuple[HistoryEvent, ...]:
        events = await session.execute(
            select(HistoryEventRow.at, HistoryEventRow.task)
            .where(HistoryEventRow.customer_id == call.customer_id)
            .where(HistoryEventRow.at < call.started_at, HistoryEventRow.at >= call.started_at - self._history_s)
            .order_by(HistoryEventRow.at.desc())
            .limit(MOST_HISTORY)
        )
        return tuple(HistoryEvent(datetime.fromtimestamp(at, self._zone), task) for at, task in reversed(events.all()))


def _calls(since: float, *columns: Any) -> Select[Any]:
    """Calls of callers that have ended; not those that we made."""
    return select(*columns).where(
        CallRow.started_at >= since, CallRow.ended_at.is_not(None), CallRow.id.not_like("callback-%")
    )
