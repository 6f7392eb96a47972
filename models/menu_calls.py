"""Recorded calls for the report on menus: a caller's calls together, oldest first, page by page in bounded memory."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from menus.evaluation.visits import KINDS, RecordedCall
from models.database import Database
from models.tables import CallEventRow, CallRow
from routing.callback import OURS

#: Calls that are read at a time, each page in a transaction of its own: nobody who writes waits for a report.
PAGE = 200


class MenuCalls:
    """Ended calls of callers with a number; calls that we made are not among them."""

    def __init__(self, database: Database, *, page: int = PAGE) -> None:
        self._database, self._page = database, page

    async def of(self, since: float, until: float) -> AsyncIterator[RecordedCall]:
        """Calls that began within this time: those of each customer together, then those of each other number.

        Raises StoreAway.
        """
        customers = CallRow.customer_id.is_not(None)
        async for call in self._pages(CallRow.customer_id, "customer", customers, since, until):
            yield call
        # Asked so that the index of numbers is walked: that of customers would be sorted anew for every page.
        others = (func.coalesce(CallRow.customer_id, -1) == -1) & CallRow.ani.is_not(None)
        async for call in self._pages(CallRow.ani, "number", others, since, until):
            yield call

    async def without_number(self, since: float, until: float) -> int:
        """How many calls of nobody in particular there were. Raises StoreAway."""
        nobody = CallRow.ani.is_(None) & CallRow.customer_id.is_(None)
        async with self._database.read() as session:
            found = await session.scalar(select(func.count()).select_from(CallRow).where(nobody, *_ended(since, until)))
        return found or 0

    async def _pages(
        self, caller: Any, kind: str, which: ColumnElement[bool], since: float, until: float
    ) -> AsyncIterator[RecordedCall]:
        """Each page begins behind the last call of the one before, so that every page is one walk along an index."""
        place = (caller, CallRow.started_at, CallRow.id)
        asked = (
            select(CallRow.id, caller, CallRow.started_at, CallRow.result, CallRow.reason)
            .where(which, *_ended(since, until))
            .order_by(*place)
            .limit(self._page)
        )
        last: tuple[Any, float, str] | None = None
        while True:
            page = asked if last is None else asked.where(caller >= last[0], tuple_(*place) > tuple_(*last))
            async with self._database.read() as session:
                calls = (await session.execute(page)).all()
                events = (await session.execute(_events([call.id for call in calls]))).all() if calls else []
            told = _together(events)
            for id_, who, _, result, reason in calls:
                yield RecordedCall(id_, f"{kind}:{who}", result or "", reason or "", tuple(told.get(id_, ())))
            if len(calls) < self._page:
                return
            last = calls[-1][1], calls[-1][2], calls[-1][0]


def _ended(since: float, until: float) -> tuple[ColumnElement[bool], ...]:
    return (
        CallRow.started_at >= since,
        CallRow.started_at < until,
        CallRow.ended_at.is_not(None),
        CallRow.id.not_like(f"{OURS}%"),
    )


def _events(calls: Sequence[str]) -> Select[Any]:
    return (
        select(CallEventRow.call_id, CallEventRow.at, CallEventRow.kind, CallEventRow.data)
        .where(CallEventRow.call_id.in_(calls), CallEventRow.kind.in_(KINDS))
        .order_by(CallEventRow.call_id, CallEventRow.at, CallEventRow.id)
    )


def _together(events: Sequence[Any]) -> Mapping[str, list[tuple[float, str, Mapping[str, Any]]]]:
    told: defaultdict[str, list[tuple[float, str, Mapping[str, Any]]]] = defaultdict(list)
    for call_id, at, kind, data in events:
        told[call_id].append((at, kind, data))
    return told
