"""Who is calling: the facts of the customer with this number, or who was verified, within a deadline.

A number that several customers share tells of nobody: neither habits nor cases nor products nor what its earlier calls
were about. An earlier call tells what it was about only to the customer whose call it was.
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

from sqlalchemy import (
    Boolean,
    Date,
    Float,
    Integer,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from menus.facts import CallerFacts, CaseFact, MenuMemory, subject_of
from menus.learning.habits import RememberedHistory
from menus.picture import LIFE_EVENT_DAYS
from models.database import Database
from models.habits import habits_in
from models.recent import RECENT_S, TELLING, call_of
from models.tables import (
    CallbackRow,
    CallEventRow,
    CallRow,
    CaseRow,
    CustomerRow,
    KeepsakeRow,
    LifeEventRow,
    MenuMemoryRow,
    NumberRow,
    OptOutRow,
    ProductRow,
)
from models.texts import stored
from routing.call import Reason
from routing.errors import StoreAway

log = logging.getLogger(__name__)

#: The most recent calls of a number that conditions may count.
MOST_RECENT = 20
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
            customers = (await session.execute(_WITH_NUMBER, {"now": now, "number": stored(ani, 20)})).all()
            facts = CallerFacts(ani=ani, matches=len(customers))
            if len(customers) == 1:
                facts = await self._of_customer(session, facts, customers[0], now)
            return await self._of_number(session, facts, now, nobodys=len(customers) < 2)

    async def with_id(self, customer_id: int, *, ani: str | None, now: float) -> CallerFacts | None:
        """As `customer`, for who can wait; None when unknown. Raises StoreAway."""
        asked = {"now": now, "number": stored(ani or "", 20), "customer": customer_id}
        async with self._database.read() as session:
            found = (await session.execute(_VERIFIED, asked)).first()
            if found is None:
                return None
            facts = await self._of_customer(session, CallerFacts(ani=ani, matches=found[-1]), found, now)
            return await self._of_number(session, facts, now, nobodys=False)

    async def _of_customer(
        self, session: AsyncSession, facts: CallerFacts, who: Sequence[Any], now: float
    ) -> CallerFacts:
        """What the bank knows of a customer."""
        id_, language, segment, since_on, value_cents, churn_risk, cases, tier, overdue, *_ = who
        since = 0 if isinf(self._history_s) else datetime.fromtimestamp(now - self._history_s, self._zone).toordinal()
        history = RememberedHistory(await habits_in(session, id_, self._zone), self._zone, since=since)
        today = datetime.fromtimestamp(now, self._zone).date()
        lately = {"customer": id_, "today": today, "since": today - timedelta(days=LIFE_EVENT_DAYS)}
        lately["complained_since"] = now - CASE_DAYS * 86_400.0
        held = (await session.execute(_HELD, lately)).all()
        return replace(
            facts,
            customer_id=id_,
            language=language,
            segment=segment,
            history=history,
            open_cases=cases,
            case_tier=tier or 0,
            cases_overdue=overdue,
            cases=tuple(
                CaseFact(at, what == "open", severity, about, against)
                for what, about, severity, _, at, against in sorted(held, key=lambda row: -(row[4] or 0.0))
                if at is not None
            ),
            value_cents=value_cents,
            churn_risk=churn_risk,
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
        told = (await session.execute(_TRACES, {"subject": subject, "number": number, "since": now - RECENT_S})).all()
        memory, remembered = dict[str, MenuMemory](), dict[str, str]()
        for what, name, value, promoted, wished, streak, frozen in told:
            if what == "menu":
                memory[name] = MenuMemory(tuple(promoted), tuple(wished), streak, bool(frozen))
            elif what == "kept":
                remembered[name] = value
        asked = {"number": number, "customer": facts.customer_id, "nobodys": nobodys, "since": now - RECENT_S}
        calls = (await session.execute(_RECENT, {**asked, "now": now})).all() if number else ()
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


# Statements are made once: making one anew costs as much as running it.


def _who() -> Select[Any]:
    """Customers with a summary of their open cases."""
    mine = (CaseRow.customer_id == CustomerRow.id, CaseRow.state == "open")
    return select(
        CustomerRow.id,
        CustomerRow.language,
        CustomerRow.segment,
        CustomerRow.since_on,
        CustomerRow.yearly_value_cents,
        CustomerRow.churn_risk,
        select(func.count()).where(*mine).scalar_subquery(),
        select(func.max(CaseRow.tier)).where(*mine).scalar_subquery(),
        select(func.count()).where(*mine, CaseRow.due_at < bindparam("now")).scalar_subquery(),
    )


def _held() -> Any:
    """Products with their key dates, life events of the last year, and cases that are open or of the last year."""
    nothing = (cast(null(), Float), cast(null(), Integer))
    products = select(literal("product"), ProductRow.kind, ProductRow.key_kind, ProductRow.key_on, *nothing)
    events = select(literal("life"), LifeEventRow.kind, null(), LifeEventRow.happened_on, *nothing)
    cases = select(
        CaseRow.state, CaseRow.about, CaseRow.severity, cast(null(), Date), CaseRow.opened_at, CaseRow.against_id
    )
    known = or_(CaseRow.state == "open", CaseRow.opened_at >= bindparam("complained_since"))
    lately = LifeEventRow.happened_on.between(bindparam("since"), bindparam("today"))
    return union_all(
        products.where(ProductRow.customer_id == bindparam("customer")),
        events.where(LifeEventRow.customer_id == bindparam("customer"), lately),
        cases.where(CaseRow.customer_id == bindparam("customer"), known),
    )


def _traces() -> Any:
    """What is remembered of a caller, whether they want messages, and whether we called back in vain."""
    nothing = (null(), null(), null(), null())
    heard = select(
        literal("menu"),
        MenuMemoryRow.menu,
        literal(""),
        MenuMemoryRow.promoted,
        MenuMemoryRow.wished,
        MenuMemoryRow.streak,
        MenuMemoryRow.frozen,
    )
    kept = select(literal("kept"), KeepsakeRow.name, KeepsakeRow.value, *nothing)
    opted_out = select(literal("opted_out"), OptOutRow.number, literal(""), *nothing)
    missed = select(literal("missed"), CallbackRow.number, literal(""), *nothing)
    answered_since = exists().where(
        CallRow.ani == CallbackRow.number,
        CallRow.started_at >= CallbackRow.closed_at,
        CallRow.reason == Reason.AGENT.value,
    )
    in_vain = (CallbackRow.outcome == "missed", CallbackRow.closed_at >= bindparam("since"), ~answered_since)
    return union_all(
        heard.where(MenuMemoryRow.subject == bindparam("subject")),
        kept.where(KeepsakeRow.subject == bindparam("subject")),
        opted_out.where(OptOutRow.number == bindparam("number")),
        missed.where(CallbackRow.number == bindparam("number"), *in_vain),
    )


def _recent() -> Select[Any]:
    """Earlier calls of a number, newest first, with what they were about if they tell it.

    A call that goes on is none of them, so the present one never is; nor is a call that we made.
    """
    told = or_(
        CallRow.customer_id == bindparam("customer", type_=Integer),
        and_(CallRow.customer_id.is_(None), bindparam("nobodys", type_=Boolean)),
    )
    calls = (
        select(CallRow.id, CallRow.started_at, CallRow.result, told.label("told"))
        .where(CallRow.ani == bindparam("number"))
        .where(CallRow.started_at >= bindparam("since"), CallRow.started_at <= bindparam("now"))
        .where(CallRow.ended_at.is_not(None), CallRow.id.not_like("callback-%"))
        .order_by(CallRow.started_at.desc(), CallRow.id)
        .limit(MOST_RECENT)
        .subquery("recent")
    )
    mine = and_(CallEventRow.call_id == calls.c.id, CallEventRow.kind.in_(TELLING), calls.c.told)
    return (
        select(calls.c.id, calls.c.started_at, calls.c.result, CallEventRow.kind, CallEventRow.data)
        .select_from(calls)
        .outerjoin(CallEventRow, mine)
        .order_by(calls.c.started_at.desc(), calls.c.id, CallEventRow.at, CallEventRow.id)
    )


_WITH_NUMBER = _who().join(NumberRow).where(NumberRow.e164 == bindparam("number"))
_VERIFIED = (
    _who()
    .add_columns(select(func.count()).where(NumberRow.e164 == bindparam("number")).scalar_subquery())
    .where(CustomerRow.id == bindparam("customer"))
)
_HELD, _TRACES, _RECENT = _held(), _traces(), _recent()


def _by_day(events: Iterable[tuple[str, date]]) -> tuple[tuple[str, date], ...]:
    return tuple(sorted(events, key=lambda event: (event[1], event[0])))
