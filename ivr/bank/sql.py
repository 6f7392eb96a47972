"""The Bank port on the engine's own database: the unified view of customers; what they prove and order is beside it.

The statements are built once, on import: building them anew would cost more than running them.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, Row, Select, bindparam, func, literal, or_, select, union_all

from ivr.bank import accounts, cards, contracts
from ivr.bank.credentials import Credentials, card_key
from ivr.bank.orders import Handler, Orders
from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, CaseSeen, Claimant, ContactSeen, CustomerView, ProductSeen
from models.database import Database
from models.tables import (
    AgentRow,
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
from routing.errors import StoreAway

MOST_CUSTOMERS = 10  # a number shared by more belongs to a switchboard: the agent asks for the name
MOST_CONTACTS = 10  # of one customer
MOST_ROWS = 200  # of products, of life events and of open cases, over all customers of one number

_Statement = Select[*tuple[Any, ...]]

_NOW: BindParameter[float] = bindparam("now")
_IDS: Any = bindparam("ids", expanding=True)

#: Who looks after a customer: by their full name, or as the customer's row says where nobody is called so.
_AGENT = func.coalesce(
    select(AgentRow.full_name).where(AgentRow.name == CustomerRow.agent).scalar_subquery(), CustomerRow.agent
).label("agent_name")

_CUSTOMERS: _Statement = (
    select(*CustomerRow.__table__.columns, NumberRow.e164, _AGENT)
    .join(NumberRow, NumberRow.customer_id == CustomerRow.id)
    .where(
        CustomerRow.id.in_(
            select(NumberRow.customer_id)
            .where(NumberRow.e164 == bindparam("ani"))
            .order_by(NumberRow.customer_id)
            .limit(MOST_CUSTOMERS)
        )
    )
    .order_by(CustomerRow.id, NumberRow.id)
)

_CUSTOMER: _Statement = (
    select(*CustomerRow.__table__.columns, NumberRow.e164, _AGENT)
    .outerjoin(NumberRow, NumberRow.customer_id == CustomerRow.id)
    .where(CustomerRow.id == bindparam("id"))
    .order_by(NumberRow.id)
)

_PRODUCTS: _Statement = (
    select(*ProductRow.__table__.columns)
    .where(ProductRow.customer_id.in_(_IDS))
    .order_by(ProductRow.id)
    .limit(MOST_ROWS)
)

_LIFE_EVENTS: _Statement = (
    select(LifeEventRow.customer_id, LifeEventRow.kind, LifeEventRow.happened_on)
    .where(LifeEventRow.customer_id.in_(_IDS), LifeEventRow.happened_on <= bindparam("today"))
    .order_by(LifeEventRow.happened_on.desc(), LifeEventRow.id)
    .limit(MOST_ROWS)
)

_OPEN_CASES: _Statement = (
    select(CaseRow.customer_id, CaseRow.number, CaseRow.subject, CaseRow.tier, CaseRow.opened_at, CaseRow.due_at)
    .where(CaseRow.customer_id.in_(_IDS), CaseRow.state == "open", CaseRow.opened_at <= _NOW)
    .order_by(CaseRow.opened_at.desc(), CaseRow.id)
    .limit(MOST_ROWS)
)


def _contacts() -> _Statement:
    """What customers did and what agents noted, newest first; calls that are still going on are not contacts yet."""
    did = (
        select(
            HistoryEventRow.customer_id,
            HistoryEventRow.at.label("at"),
            HistoryEventRow.source.label("channel"),
            HistoryEventRow.task.label("about"),
            literal("").label("outcome"),
        )
        .outerjoin(CallRow, CallRow.id == HistoryEventRow.call_id)
        .where(
            HistoryEventRow.customer_id.in_(_IDS),
            HistoryEventRow.at < _NOW,
            or_(CallRow.id.is_(None), CallRow.ended_at.is_not(None)),
        )
    )
    noted = (
        select(CallRow.customer_id, OfferRow.answered_at, literal("agent"), NeedRow.reason, OfferRow.disposition)
        .join(OfferRow, OfferRow.call_id == CallRow.id)
        .join(NeedRow, NeedRow.id == OfferRow.need_id)
        .where(
            CallRow.customer_id.in_(_IDS),
            CallRow.ended_at.is_not(None),
            OfferRow.answered_at < _NOW,
            OfferRow.disposition.is_not(None),
        )
    )
    both = union_all(did, noted).subquery()
    place = func.row_number().over(partition_by=both.c.customer_id, order_by=both.c.at.desc()).label("place")
    placed = select(both, place).subquery()
    return select(placed).where(placed.c.place <= MOST_CONTACTS).order_by(placed.c.customer_id, placed.c.place)


_CONTACTS = _contacts()


#: Operation of `menus.operations` → what carries it out.
HANDLERS: dict[str, Handler] = {
    "balance": accounts.balance,
    "transactions": accounts.transactions,
    "payee": accounts.payee,
    "transfer": accounts.transfer,
    "block_card": cards.block_card,
    "card_limit": cards.card_limit,
    "set_card_limit": cards.set_card_limit,
    "points": cards.points,
    "redeem": cards.redeem,
    "instalment_plan": cards.instalment_plan,
    "instalments": contracts.instalments,
    "key_dates": contracts.key_dates,
}


class SqlBank:
    """The Bank port on SQL. `key` is that of card numbers; what the environment says when it is left out."""

    def __init__(self, database: Database, zone: ZoneInfo, key: bytes | None = None) -> None:
        self._database = database
        self._zone = zone
        self._credentials = Credentials(database, key or card_key())
        self._orders = Orders(database, zone, HANDLERS)

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten, by id; what lies after `now` is left out."""
        return () if ani is None else await self._views(_CUSTOMERS, {"ani": ani}, now)

    async def customer(self, customer_id: int, *, now: float, deadline_s: float) -> CustomerView | None:
        """The customer of that id. Raises BankAway."""
        async with _in_time(deadline_s):
            found = await self._views(_CUSTOMER, {"id": customer_id}, now)
        return found[0] if found else None

    async def whose(self, claimant: Claimant, *, deadline_s: float) -> int | None:
        """The customer whom a claim is about. Raises BankAway."""
        async with _in_time(deadline_s):
            return await self._credentials.whose(claimant)

    async def verify(self, claimant: Claimant, customer_id: int | None, *, deadline_s: float) -> bool:
        """Whether the secret is that customer's. Raises BankAway."""
        async with _in_time(deadline_s):
            return await self._credentials.verify(claimant, customer_id)

    async def perform(self, order: BankOrder, *, now: float, deadline_s: float) -> BankAnswer:
        """Carry an order out, at most once per key. Raises BankAway."""
        async with _in_time(deadline_s):
            return await self._orders.perform(order, now=now)

    async def _views(self, statement: _Statement, which: Mapping[str, Any], now: float) -> tuple[CustomerView, ...]:
        customers: dict[int, Row[*tuple[Any, ...]]] = {}
        numbers: dict[int, list[str]] = defaultdict(list)
        products: dict[int, list[ProductSeen]] = defaultdict(list)
        life_events: dict[int, list[tuple[str, date]]] = defaultdict(list)
        cases: dict[int, list[CaseSeen]] = defaultdict(list)
        contacts: dict[int, list[ContactSeen]] = defaultdict(list)
        async with self._database.read() as session:
            for row in await session.execute(statement, which):
                customers[row.id] = row
                if row.e164 is not None:
                    numbers[row.id].append(row.e164)
            if not customers:
                return ()
            known = {"ids": list(customers), "now": now, "today": datetime.fromtimestamp(now, self._zone).date()}
            for row in await session.execute(_PRODUCTS, known):
                products[row.customer_id].append(
                    ProductSeen(row.kind, row.name, row.balance_cents, row.currency, row.key_kind, row.key_on)
                )
            for row in await session.execute(_LIFE_EVENTS, known):
                life_events[row.customer_id].append((row.kind, row.happened_on))
            for row in await session.execute(_OPEN_CASES, known):
                cases[row.customer_id].append(CaseSeen(row.number, row.subject, row.tier, row.opened_at, row.due_at))
            for row in await session.execute(_CONTACTS, known):
                contacts[row.customer_id].append(ContactSeen(row.at, row.channel, row.about, row.outcome))
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
                contacts=tuple(contacts[row.id]),
                agent=row.agent_name,
            )
            for row in customers.values()
        )


@asynccontextmanager
async def _in_time(deadline_s: float) -> AsyncIterator[None]:
    """Turns a database that is away or late into BankAway."""
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except TimeoutError:
        raise BankAway("the bank's database did not answer in time") from None
    except StoreAway as away:
        raise BankAway(str(away)) from away
