"""Fills a database with the demonstration bank: all of it or nothing, once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.bank.credentials import card_hash, card_key
from ivr.bank.fill_ledger import LEDGER_TABLES, ledger_rows
from ivr.bank.generate import Customer, customer, generate, span_of
from ivr.bank.ledger import ledger_of
from ivr.bank.people import CUSTOMERS, NAMED, Person, people
from ivr.bank.staff import own_agent
from ivr.bank.workdays import Span
from ivr.errors import Misconfigured
from models.cases import NUMBERS_FROM
from models.database import Database
from models.habits import habits_from, row_of
from models.tables import (
    BankOrderRow,
    CallRow,
    CardRow,
    CaseRow,
    CredentialRow,
    CustomerRow,
    HabitRow,
    HistoryEventRow,
    LifeEventRow,
    NumberRow,
    ProductRow,
    Table,
)

BATCH = 100  # customers: some 3,000 history events

Progress = Callable[[int, int], None]  # customers done, of how many


class BankOccupied(Misconfigured):
    """The bank in this database is not the one asked for; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What is in the bank now."""

    customers: int
    events: int
    fresh: bool  #: filled by this run; False when it was there already


async def fill(
    database: Database,
    *,
    seed: int,
    until: date,
    zone: ZoneInfo,
    customers: int = CUSTOMERS,
    refill: bool = False,
    progress: Progress | None = None,
) -> Filled:
    """Put the bank of this seed, with history up to and without the day `until`, into an empty database.

    The same bank found again is left as it is. Another one raises BankOccupied, unless `refill` says to delete it.
    One transaction of some seconds, in which nobody else can write to SQLite: fill before calls are taken.
    """
    async with database.write() as session:
        if await session.scalar(select(CustomerRow.id).limit(1)) is not None:
            if await _is_same(session, seed, until, zone, customers):
                return Filled(customers, await _count_events(session), fresh=False)
            if not refill:
                raise BankOccupied(
                    f"the database already holds customers that are not those of seed {seed} with history up to"
                    f" {until}, or whose cards were hashed with another RINGWISE_BANK_SECRET; nothing was changed:"
                    " use another database, or ask for a refill (--refill), which deletes them"
                )
            await _empty(session)
        book = _Bookkeeping(seed, span_of(until, zone), card_key())
        batch: list[Customer] = []
        done = 0
        for one in generate(seed, until, zone, customers):
            batch.append(one)
            if len(batch) == BATCH or done + len(batch) == customers:
                await _insert(session, batch, book)
                done += len(batch)
                batch.clear()
                if progress is not None:
                    progress(done, customers)
        if database.on_postgresql:
            await _advance_ids(session)
        return Filled(customers, await _count_events(session), fresh=True)


async def _count_events(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(HistoryEventRow)) or 0


async def _is_same(session: AsyncSession, seed: int, until: date, zone: ZoneInfo, count: int) -> bool:
    """Whether the stored customers, and the histories of the first of them, are those of this seed and date.

    The generator itself is asked, so a bank written by another version of it counts as another bank. What calls have
    added since is not compared.
    """
    if await session.scalar(select(CredentialRow.customer_id).limit(1)) is None:
        return False  # filled by a version that knew no PINs
    span = span_of(until, zone)
    expected = people(seed, span.first, until, count)
    stored = await session.execute(select(CustomerRow.id, CustomerRow.name, CustomerRow.since_on))
    if {tuple(row) for row in stored} != {(p.id, p.name, p.since_on) for p in expected}:
        return False
    sample = [customer(person, seed, span) for person in expected[: NAMED * 4]]
    number = ledger_of(sample[0], seed, span).cards[0].number
    of_one = select(CardRow.id).where(CardRow.customer_id == sample[0].person.id)
    if await session.scalar(of_one.where(CardRow.number_hash == card_hash(number, card_key()))) is None:
        return False  # filled with another RINGWISE_BANK_SECRET: nobody would be known by a card
    histories = await session.execute(
        select(HistoryEventRow.customer_id, HistoryEventRow.at, HistoryEventRow.task).where(
            HistoryEventRow.customer_id <= sample[-1].person.id, HistoryEventRow.call_id.is_(None)
        )
    )
    return sorted(tuple(row) for row in histories) == sorted(
        (one.person.id, event.at, event.task) for one in sample for event in one.history
    )


async def _empty(session: AsyncSession) -> None:
    """Delete every customer. Records of calls stay, without their customer: that person exists no more."""
    await session.execute(update(CallRow).where(CallRow.customer_id.is_not(None)).values(customer_id=None))
    await session.execute(update(CallRow).where(CallRow.verified_as.is_not(None)).values(verified_as=None))
    of_customers: tuple[type[Table], ...] = (
        BankOrderRow,
        NumberRow,
        ProductRow,
        LifeEventRow,
        HabitRow,
        HistoryEventRow,
        CaseRow,
        CustomerRow,
    )
    for table in (*LEDGER_TABLES, *of_customers):
        await session.execute(delete(table))


class _Bookkeeping:
    """What goes on from customer to customer: case numbers as `models.cases` gives them, ids of products."""

    def __init__(self, seed: int, span: Span, key: bytes) -> None:
        self.seed, self.span, self.key = seed, span, key  #: `key` is that of card numbers
        self._cases = self._products = 0

    def next_case(self) -> str:
        self._cases += 1
        return str(NUMBERS_FROM + self._cases)

    def next_product(self) -> int:
        self._products += 1
        return self._products


async def _insert(session: AsyncSession, batch: Sequence[Customer], book: _Bookkeeping) -> None:
    rows: dict[type[Table], list[dict[str, Any]]] = {
        CustomerRow: [_customer_row(one.person) for one in batch],
        NumberRow: [],
        ProductRow: [],
        LifeEventRow: [],
        CaseRow: [],
        HistoryEventRow: [],
        HabitRow: [],
        **{table: [] for table in reversed(LEDGER_TABLES)},
    }
    for one in batch:
        id_ = one.person.id
        rows[NumberRow] += [{"customer_id": id_, "e164": n.e164, "kind": n.kind} for n in one.person.numbers]
        products = [book.next_product() for _ in one.products]
        rows[ProductRow] += [
            {
                "id": product_id,
                "customer_id": id_,
                "kind": product.kind,
                "name": product.name,
                "opened_on": product.opened_on,
                "balance_cents": product.balance_cents,
                "currency": "CNY",
                "key_kind": product.key_kind,
                "key_on": product.key_on,
            }
            for product_id, product in zip(products, one.products, strict=True)
        ]
        ledger = ledger_of(one, book.seed, book.span)
        for table, many in ledger_rows(id_, products, ledger, book.seed, book.key).items():
            rows[table] += many
        rows[LifeEventRow] += [
            {"customer_id": id_, "kind": event.kind, "happened_on": event.happened_on} for event in one.life_events
        ]
        rows[CaseRow] += [
            {
                "number": book.next_case(),
                "customer_id": id_,
                "subject": case.subject,
                "tier": case.tier,
                "state": "open" if case.closed_at is None else "closed",
                "opened_at": case.opened_at,
                "due_at": case.due_at,
                "closed_at": case.closed_at,
            }
            for case in one.cases
        ]
        rows[HistoryEventRow] += [
            {"customer_id": id_, "at": event.at, "task": event.task, "source": event.source} for event in one.history
        ]
        if one.history:
            habits = habits_from(((event.at, event.task) for event in one.history), book.span.zone)
            rows[HabitRow].append(row_of(id_, habits))
    for table, many in rows.items():
        if many:
            await session.execute(insert(table), many)


def _customer_row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "language": person.language,
        "segment": person.segment,
        "since_on": person.since_on,
        "yearly_value_cents": person.yearly_value_cents,
        "churn_risk": person.churn_risk,
        "agent": own_agent(person.segment, person.id),
    }


async def _advance_ids(session: AsyncSession) -> None:
    """PostgreSQL counts ids in a sequence of its own, which does not see those that we gave."""
    for table in ("customers", "products"):
        await session.execute(
            text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608
        )
