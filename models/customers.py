"""Who is calling: the facts of the customer with this number, within a deadline."""

import asyncio
import logging
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from menus.facts import CallerFacts
from menus.learning.habits import RememberedHistory
from models.database import Database
from models.habits import habits_in
from models.tables import CaseRow, CustomerRow, NumberRow
from models.texts import stored
from routing.errors import StoreAway

log = logging.getLogger(__name__)


class Customers:
    """Facts of callers, their history in the site's time zone."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this E.164 number; bare ones when none or several have it, or when late."""
        if ani is None:
            return CallerFacts()
        try:
            async with asyncio.timeout(deadline_s):
                return await self._find(ani, now)
        except (TimeoutError, StoreAway, SQLAlchemyError) as fault:
            log.warning("who is calling was not found out in time: %s", str(fault) or "too late")
            return CallerFacts(ani=ani)

    async def customer(self, customer_id: int, *, ani: str | None, now: float, deadline_s: float) -> CallerFacts | None:
        """To be written."""
        raise NotImplementedError

    async def _find(self, ani: str, now: float) -> CallerFacts:
        open_cases = (
            select(func.count()).where(CaseRow.customer_id == CustomerRow.id, CaseRow.state == "open").scalar_subquery()
        )
        async with self._database.read() as session:
            customers = (
                await session.execute(
                    select(CustomerRow.id, CustomerRow.language, CustomerRow.segment, open_cases)
                    .join(NumberRow)
                    .where(NumberRow.e164 == stored(ani, 20))
                )
            ).all()
            if len(customers) != 1:
                return CallerFacts(ani=ani, matches=len(customers))
            id_, language, segment, cases = customers[0]
            habits = await habits_in(session, id_, self._zone)
        return CallerFacts(
            ani=ani,
            customer_id=id_,
            matches=1,
            language=language,
            segment=segment,
            history=RememberedHistory(habits, self._zone),
            open_cases=cases,
        )
