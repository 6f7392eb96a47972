"""Recorded calls for a replay: with their menus and choices, and what their customers had done by then."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from menus.facts import HistoryEvent
from models.database import Database
from models.tables import CallEventRow, CallRow, HistoryEventRow
from routing.callback import OURS

#: The most recent events of a customer that a call of then is given.
MOST_HISTORY = 500
#: Calls whose events are read at a time, and seconds of calls that are listed at a time: nothing orders calls by time.
BATCH, WINDOW_S = 100, 6 * 3600.0
_COLUMNS = (
    *(CallRow.id, CallRow.started_at, CallRow.dnis, CallRow.language, CallRow.book_version),
    CallRow.customer_id,
)
#: What tells of menus and of what was chosen in them.
KINDS = ("menu", "key", "step", "back")


@dataclass(frozen=True, slots=True)
class CallToReplay:
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

    async def calls(self, since: float, *, histories: bool) -> AsyncIterator[CallToReplay]:
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

    async def _told(self, rows: Sequence[Any], *, histories: bool) -> list[CallToReplay]:
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
            done = await self._histories(session, rows) if histories else {}
        return [
            CallToReplay(
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

    async def _histories(self, session: AsyncSession, calls: Sequence[Any]) -> Mapping[str, tuple[HistoryEvent, ...]]:
        """Call → what its customer had done by then: the newest events, as menus look at them."""
        theirs: dict[int, list[Any]] = {}
        for call in calls:
            if call.customer_id is not None:
                theirs.setdefault(call.customer_id, []).append(call)
        if not theirs:
            return {}
        wanted = (
            select(HistoryEventRow.customer_id, HistoryEventRow.at, HistoryEventRow.task)
            .where(HistoryEventRow.customer_id.in_(theirs), HistoryEventRow.at < calls[-1].started_at)
            .where(HistoryEventRow.at >= calls[0].started_at - self._history_s)
            .order_by(HistoryEventRow.customer_id, HistoryEventRow.at)
        )
        found: dict[str, tuple[HistoryEvent, ...]] = {}
        done_by: dict[int, deque[tuple[float, str]]] = {}
        events = await session.stream(wanted)
        async for customer, at, task in events:
            waiting, done = theirs[customer], done_by.setdefault(customer, deque(maxlen=MOST_HISTORY))
            while waiting and waiting[0].started_at <= at:
                call = waiting.pop(0)
                found[call.id] = self._known(call, done)
            done.append((at, task))
        for customer, waiting in theirs.items():
            for call in waiting:
                found[call.id] = self._known(call, done_by.get(customer, ()))
        return found

    def _known(self, call: Any, done: Iterable[tuple[float, str]]) -> tuple[HistoryEvent, ...]:
        oldest = call.started_at - self._history_s
        return tuple(HistoryEvent(datetime.fromtimestamp(at, self._zone), task) for at, task in done if at >= oldest)


def _calls(since: float, *columns: Any) -> Select[Any]:
    """Calls of callers that have ended; not those that we made."""
    return select(*columns).where(
        CallRow.started_at >= since, CallRow.ended_at.is_not(None), CallRow.id.not_like(f"{OURS}%")
    )
