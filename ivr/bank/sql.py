"""The bank read from the engine's own database: the unified view of every customer with a number."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.ports import CaseSeen, ContactSeen, CustomerView, ProductSeen
from models.database import Database
from models.tables import (
    CallRow,
    CaseRow,
    CustomerRow,
    HistoryEventRow,
    LifeEventRow,
    NeedRow,
    NumberRow,
    OfferRow,
    ProductRow,
)

MOST_CUSTOMERS = 10  # a number shared by more belongs to a switchboard: the agent asks for the name
MOST_CONTACTS = 10
MOST_ROWS = 200  # of products, of life events and of open cases, over all customers of one number


class SqlBank:
    """The Bank port on SQL."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten, by id; what lies after `now` is left out."""
        if ani is None:
            return ()
        async with self._database.read() as session:
            holders = select(NumberRow.customer_id).where(NumberRow.e164 == ani)
            customers = (
                await session.execute(
                    select(*CustomerRow.__table__.columns)
                    .where(CustomerRow.id.in_(holders))
                    .order_by(CustomerRow.id)
                    .limit(MOST_CUSTOMERS)
                )
            ).all()
            if not customers:
                return ()
            ids = [row.id for row in customers]
            numbers = await _numbers(session, ids)
            products = await _products(session, ids)
            life_events = await self._life_events(session, ids, now)
            cases = await _open_cases(session, ids, now)
            contacts = await _contacts(session, ids, now)
        return tuple(
            CustomerView(
                id=row.id,
                name=row.name,
                language=row.language,
                segment=row.segment,
                since_on=row.since_on,
                yearly_value_cents=row.yearly_value_cents,
                churn_risk=row.churn_risk,
                numbers=tuple(numbers[row.id]),
                products=tuple(products[row.id]),
                life_events=tuple(life_events[row.id]),
                cases=tuple(cases[row.id]),
                contacts=tuple(contacts.get(row.id, ())),
            )
            for row in customers
        )

    async def _life_events(
        self, session: AsyncSession, ids: Sequence[int], now: float
    ) -> dict[int, list[tuple[str, date]]]:
        today = datetime.fromtimestamp(now, self._zone).date()
        found: dict[int, list[tuple[str, date]]] = defaultdict(list)
        for row in await session.execute(
            select(LifeEventRow.customer_id, LifeEventRow.kind, LifeEventRow.happened_on)
            .where(LifeEventRow.customer_id.in_(ids), LifeEventRow.happened_on <= today)
            .order_by(LifeEventRow.happened_on.desc(), LifeEventRow.id)
            .limit(MOST_ROWS)
        ):
            found[row.customer_id].append((row.kind, row.happened_on))
        return found


async def _numbers(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in await session.execute(
        select(NumberRow.customer_id, NumberRow.e164).where(NumberRow.customer_id.in_(ids)).order_by(NumberRow.id)
    ):
        found[row.customer_id].append(row.e164)
    return found


async def _products(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[ProductSeen]]:
    found: dict[int, list[ProductSeen]] = defaultdict(list)
    for row in await session.execute(
        select(*ProductRow.__table__.columns)
        .where(ProductRow.customer_id.in_(ids))
        .order_by(ProductRow.id)
        .limit(MOST_ROWS)
    ):
        found[row.customer_id].append(
            ProductSeen(row.kind, row.name, row.balance_cents, row.currency, row.key_kind, row.key_on)
        )
    return found


async def _open_cases(session: AsyncSession, ids: Sequence[int], now: float) -> dict[int, list[CaseSeen]]:
    found: dict[int, list[CaseSeen]] = defaultdict(list)
    for row in await session.execute(
        select(CaseRow.customer_id, CaseRow.number, CaseRow.subject, CaseRow.tier, CaseRow.opened_at, CaseRow.due_at)
        .where(CaseRow.customer_id.in_(ids), CaseRow.state == "open", CaseRow.opened_at <= now)
        .order_by(CaseRow.opened_at.desc(), CaseRow.id)
        .limit(MOST_ROWS)
    ):
        found[row.customer_id].append(CaseSeen(row.number, row.subject, row.tier, row.opened_at, row.due_at))
    return found


async def _contacts(session: AsyncSession, ids: Sequence[int], now: float) -> dict[int, list[ContactSeen]]:
    """What customers did and what agents noted, newest first; calls that are still going on are not contacts yet."""
    newest_first = func.row_number().over(partition_by=HistoryEventRow.customer_id, order_by=HistoryEventRow.at.desc())
    did = (
        select(
            HistoryEventRow.customer_id,
            HistoryEventRow.at,
            HistoryEventRow.source,
            HistoryEventRow.task,
            newest_first.label("place"),
        )
        .outerjoin(CallRow, CallRow.id == HistoryEventRow.call_id)
        .where(
            HistoryEventRow.customer_id.in_(ids),
            HistoryEventRow.at < now,
            or_(CallRow.id.is_(None), CallRow.ended_at.is_not(None)),
        )
        .subquery()
    )
    found: dict[int, list[ContactSeen]] = defaultdict(list)
    for row in await session.execute(select(did).where(did.c.place <= MOST_CONTACTS)):
        found[row.customer_id].append(ContactSeen(row.at, row.source, row.task))
    newest_first = func.row_number().over(partition_by=CallRow.customer_id, order_by=OfferRow.made_at.desc())
    said = (
        select(
            CallRow.customer_id,
            OfferRow.answered_at,
            NeedRow.reason,
            OfferRow.disposition,
            newest_first.label("place"),
        )
        .join(OfferRow, OfferRow.call_id == CallRow.id)
        .join(NeedRow, NeedRow.id == OfferRow.need_id)
        .where(
            CallRow.customer_id.in_(ids),
            CallRow.ended_at.is_not(None),
            OfferRow.answered_at < now,
            OfferRow.disposition.is_not(None),
        )
        .subquery()
    )
    for row in await session.execute(select(said).where(said.c.place <= MOST_CONTACTS)):
        found[row.customer_id].append(ContactSeen(row.answered_at, "agent", row.reason, row.disposition))
    return {
        id_: sorted(contacts, key=lambda contact: contact.at, reverse=True)[:MOST_CONTACTS]
        for id_, contacts in found.items()
    }
