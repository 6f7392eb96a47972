"""Complaints being handled: opened once per call and subject, numbered with digits that can be spoken."""

import asyncio
import random
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.case_work import CaseWork
from models.database import Database
from models.tables import CallRow, CaseEventRow, CaseRow, CustomerRow
from models.texts import stored
from routing.errands import CaseOpened, NewCase
from routing.errors import StoreAway

#: Case numbers are digits, because they are spoken and typed; the first is this one and 1.
NUMBERS_FROM = 100_000
#: How often a case is tried to be opened when another one took its number at the same moment.
TRIES = 20
#: Longest pause between two such tries, in seconds; drawn, so that those who met once do not meet again.
APART_S = 0.05


class CaseBook(CaseWork):
    """The Cases port on SQL; days are those of the site's time zone."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        super().__init__(database)
        self._zone = zone

    async def open(self, case: NewCase, *, now: float) -> CaseOpened:
        """Open a case, or answer with the one that this call has opened about the subject before. Raises StoreAway."""

        async def work(session: AsyncSession) -> CaseOpened:
            # The call and the customer first: two nodes that hold the same call, or two calls of one customer at the
            # same moment, come one after the other.
            await session.execute(select(CallRow.id).where(CallRow.id == case.call_id).with_for_update(key_share=True))
            customer_id = await session.scalar(
                select(CustomerRow.id).where(CustomerRow.id == case.customer_id).with_for_update(key_share=True)
            )
            before = await session.scalar(
                select(CaseRow)
                .where(CaseRow.call_id == case.call_id, CaseRow.subject == case.subject)
                .order_by(CaseRow.id)
                .limit(1)
            )
            if before is not None:
                return CaseOpened(before.number, before.tier, self._day(before.due_at or now))
            tier = case.tier
            due_at = case.due_at.get(tier) or self._end_of(self._day(now) + timedelta(days=case.due_days))
            opened = CaseOpened(await _next_number(session), tier, self._day(due_at))
            id_ = await session.scalar(
                insert(CaseRow)
                .values(
                    number=opened.number,
                    customer_id=customer_id,
                    ani=None if case.ani is None else stored(case.ani, 20),
                    subject=stored(case.subject, 200),
                    tier=opened.tier,
                    state="open",
                    opened_at=now,
                    due_at=due_at,
                    handler_id=case.handler_id,
                    call_id=stored(case.call_id, 150),
                    recording=None if case.recording is None else stored(case.recording, 200),
                    severity=case.severity,
                    against_id=case.against_id,
                    about=None if case.about is None else stored(case.about, 48),
                )
                .returning(CaseRow.id)
            )
            told = {"tier": tier, "due_at": due_at}
            await session.execute(
                insert(CaseEventRow).values(case_id=id_, at=now, kind="opened", by=case.opened_by, data=told)
            )
            return opened

        for _ in range(TRIES):
            try:
                return await self._database.transact(work)
            except IntegrityError:  # another case took this number at the same moment
                await asyncio.sleep(random.uniform(0, APART_S))
        raise StoreAway(f"no number for a case could be had in {TRIES} tries")

    def _day(self, at: float) -> date:
        return datetime.fromtimestamp(at, self._zone).date()

    def _end_of(self, day: date) -> float:
        """The last second of a day at the site."""
        return datetime.combine(day, time(23, 59, 59), self._zone).timestamp()


async def _next_number(session: AsyncSession) -> str:
    """The number after the highest id; beyond those that were given otherwise, such as by an import."""
    number = NUMBERS_FROM + 1 + (await session.scalar(select(func.max(CaseRow.id))) or 0)
    while await session.scalar(select(CaseRow.id).where(CaseRow.number == str(number))) is not None:
        number += 1
    return str(number)
