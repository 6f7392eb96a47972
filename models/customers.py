"""Who is calling: the facts of the customer with this number, or who was verified, within a deadline.

A number that several customers share tells of nobody: neither habits nor cases nor products nor what its earlier calls
were about. An earlier call tells what it was about only to the customer whose call it was. Cases that were opened from
a number count there for tiers and the neutral handler, whoever calls; they are told only where the number is nobody's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from math import inf, isinf
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from menus.facts import CallerFacts, CaseFact, MenuMemory, subject_of
from menus.learning.habits import RememberedHistory
from menus.picture import LIFE_EVENT_DAYS
from models.database import Database
from models.habits import habits_in
from models.recent import RECENT_S, call_of
from models.texts import stored
from models.who_calls import HELD, RECENT, TRACES, VERIFIED, WITH_NUMBER
from routing.errors import StoreAway

log = logging.getLogger(__name__)

#: Closed cases that were opened longer ago are not looked at, in days.
CASE_DAYS = 365.0


class Customers:
    """Facts of callers, their history in the site's time zone."""

    def __init__(self, database: Database, zone: ZoneInfo, *, history_days: float = inf) -> None:
        """`history_days`: older history is not used."""
        self._database = database
        self._zone = zone
        self._history_s = history_days * 86_400.0

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this E.164 number; bare ones when none or several have it, or when late."""
        if ani is None:
            return CallerFacts()
        return await self._in_time(self.with_number(ani, now=now), deadline_s) or CallerFacts(ani=ani)

    async def customer(self, customer_id: int, *, ani: str | None, now: float, deadline_s: float) -> CallerFacts | None:
        """Facts of a verified customer who calls from this number; None when late or unknown."""
        return await self._in_time(self.with_id(customer_id, ani=ani, now=now), deadline_s)

    async def _in_time(self, facts: Awaitable[CallerFacts | None], deadline_s: float) -> CallerFacts | None:
        try:
            async with asyncio.timeout(deadline_s):
                return await facts
        except (TimeoutError, StoreAway, SQLAlchemyError) as fault:
            log.warning("who is calling was not found out in time: %s", str(fault) or "too late")
            return None

    async def with_number(self, ani: str, *, now: float) -> CallerFacts:
        """As `find`, for who can wait. Raises StoreAway."""
        async with self._database.read() as session:
            customers = (await session.execute(WITH_NUMBER, {"number": stored(ani, 20)})).all()
            facts = CallerFacts(ani=ani, matches=len(customers))
            who = customers[0] if len(customers) == 1 else None
            held = await self._held(session, None if who is None else who[0], ani, now)
            if who is not None:
                facts = await self._of_customer(session, facts, who, held, now)
            facts = _with_cases(facts, held, now)
            return await self._of_number(session, facts, now, nobodys=len(customers) < 2)

    async def with_id(self, customer_id: int, *, ani: str | None, now: float) -> CallerFacts | None:
        """As `customer`, for who can wait; None when unknown. Raises StoreAway."""
        asked = {"number": stored(ani or "", 20), "customer": customer_id}
        async with self._database.read() as session:
            found = (await session.execute(VERIFIED, asked)).first()
            if found is None:
                return None
            held = await self._held(session, customer_id, ani, now)
            facts = await self._of_customer(session, CallerFacts(ani=ani, matches=found[-1]), found, held, now)
            return await self._of_number(session, _with_cases(facts, held, now), now, nobodys=False)

    async def _held(self, session: AsyncSession, customer_id: int | None, ani: str | None, now: float) -> Sequence[Any]:
        """What a customer holds and what has befallen them, their cases, and those opened from the number."""
        today = datetime.fromtimestamp(now, self._zone).date()
        asked = {"customer": customer_id, "known": customer_id is not None, "number": stored(ani or "", 20)}
        lately = {"today": today, "since": today - timedelta(days=LIFE_EVENT_DAYS)}
        return (await session.execute(HELD, asked | lately | {"complained_since": now - CASE_DAYS * 86_400.0})).all()

    async def _of_customer(
        self, session: AsyncSession, facts: CallerFacts, who: Sequence[Any], held: Sequence[Any], now: float
    ) -> CallerFacts:
        """What the bank knows of a customer."""
        id_, language, segment, since_on, value_cents, churn_risk, agent, *_ = who
        since = 0 if isinf(self._history_s) else datetime.fromtimestamp(now - self._history_s, self._zone).toordinal()
        history = RememberedHistory(await habits_in(session, id_, self._zone), self._zone, since=since)
        today = datetime.fromtimestamp(now, self._zone).date()
        return replace(
            facts,
            customer_id=id_,
            language=language,
            segment=segment,
            history=history,
            value_cents=value_cents,
            churn_risk=churn_risk,
            agent=agent,
            since_on=since_on,
            products=tuple(kind for what, kind, *_ in held if what == "product"),
            key_dates=_by_day(
                (kind, on) for what, _, kind, on, *_ in held if what == "product" and kind and on >= today
            ),
            life_events=_by_day((kind, on) for what, kind, _, on, *_ in held if what == "life"),
        )

    async def _of_number(self, session: AsyncSession, facts: CallerFacts, now: float, *, nobodys: bool) -> CallerFacts:
        """What earlier calls left behind; `nobodys`: calls of nobody in particular tell what they were about too."""
        subject, number = stored(subject_of(facts) or "", 40), stored(facts.ani or "", 20)
        told = (await session.execute(TRACES, {"subject": subject, "number": number, "since": now - RECENT_S})).all()
        memory, remembered = dict[str, MenuMemory](), dict[str, str]()
        for what, name, value, promoted, wished, streak, frozen in told:
            if what == "menu":
                memory[name] = MenuMemory(tuple(promoted), tuple(wished), streak, bool(frozen))
            elif what == "kept":
                remembered[name] = value
        asked = {"number": number, "customer": facts.customer_id, "nobodys": nobodys, "since": now - RECENT_S}
        calls = (await session.execute(RECENT, {**asked, "now": now})).all() if number else ()
        return replace(
            facts,
            language=remembered.pop("language", facts.language),
            memory=memory,
            remembered=remembered,
            opted_out=any(row[0] == "opted_out" for row in told),
            missed_callback=any(row[0] == "missed" for row in told),
            recent=tuple(
                call_of(at, result, ((kind, data) for *_, kind, data in events if kind is not None), self._zone)
                for (_, at, result), events in groupby(calls, key=lambda row: tuple(row[:3]))
            ),
        )


def _with_cases(facts: CallerFacts, held: Sequence[Any], now: float) -> CallerFacts:
    """Facts with the cases of the customer, and those opened from the number: as those of the caller where the number
    is nobody's, else told to nobody."""
    found = [
        (case_of, CaseFact(at, what == "open", severity, about, against, tier, what == "open" and (due or now) < now))
        for what, about, severity, _, at, against, tier, due, case_of in held
        if at is not None
    ]
    told = {"customer", "nobody"} if facts.customer_id is None and not facts.matches else {"customer"}
    mine = [case for case_of, case in found if case_of in told]
    opened = [case for case in mine if case.is_open]
    return replace(
        facts,
        open_cases=len(opened),
        case_tier=max((case.tier for case in opened), default=0),
        cases_overdue=sum(case.overdue for case in opened),
        cases=_newest_first(mine),
        number_cases=_newest_first(case for case_of, case in found if case_of not in told),
    )


def _by_day(events: Iterable[tuple[str, date]]) -> tuple[tuple[str, date], ...]:
    return tuple(sorted(events, key=lambda event: (event[1], event[0])))


def _newest_first(cases: Iterable[CaseFact]) -> tuple[CaseFact, ...]:
    return tuple(sorted(cases, key=lambda case: -case.opened_at))
