"""Orders of verified customers, each in one transaction with the row that makes a repetition harmless."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, BankRow
from menus.operations import OPERATIONS
from menus.values import Value, from_json, to_json
from models.database import Database
from models.tables import BankOrderRow, CustomerRow


@dataclass(frozen=True, slots=True)
class Work:
    """An order being carried out."""

    session: AsyncSession
    order: BankOrder
    now: float
    zone: ZoneInfo
    segment: str

    @property
    def today(self) -> date:
        """The bank's day."""
        return self.day_of(self.now)

    @property
    def midnight(self) -> float:
        """When that day began, UTC seconds of the epoch."""
        today = self.today
        return datetime(today.year, today.month, today.day, tzinfo=self.zone).timestamp()

    @property
    def writes(self) -> bool:
        """Whether the order changes something."""
        return OPERATIONS[self.order.operation].writes

    def day_of(self, at: float) -> date:
        """The bank's day of a moment."""
        return datetime.fromtimestamp(at, self.zone).date()

    def param(self, name: str) -> Any:
        """A parameter of the order, of the kind that `menus.operations` says."""
        return self.order.params[name]


Handler = Callable[[Work], Awaitable[BankAnswer]]


class Orders:
    """Carries orders out by a table of handlers, one for each operation."""

    def __init__(self, database: Database, zone: ZoneInfo, handlers: dict[str, Handler]) -> None:
        self._database, self._zone, self._handlers = database, zone, handlers
        self._insert = insert_postgresql if database.on_postgresql else insert_sqlite

    async def perform(self, order: BankOrder, *, now: float) -> BankAnswer:
        """Carry an order out; the second one of a key gets the first one's answer. Raises StoreAway, BankAway."""
        if order.operation not in self._handlers:
            raise BankAway(f"this bank cannot do {order.operation!r}")
        if OPERATIONS[order.operation].writes:
            return await self._database.transact(lambda session: self._write(session, order, now))
        async with self._database.read() as session:
            return await self._handle(session, order, now, await self._segment(session, order, hold=False))

    async def _write(self, session: AsyncSession, order: BankOrder, now: float) -> BankAnswer:
        segment = await self._segment(session, order, hold=True)
        added = (
            self._insert(BankOrderRow)
            .values(
                key=order.key,
                customer_id=order.customer_id,
                operation=order.operation,
                call_id=order.call_id,
                at=now,
                answer={},
            )
            .on_conflict_do_nothing()
            .returning(BankOrderRow.key)
        )
        if await session.scalar(added) is None:
            return await self._answered(session, order)
        answer = await self._handle(session, order, now, segment)
        await session.execute(update(BankOrderRow).where(BankOrderRow.key == order.key).values(answer=to_row(answer)))
        return answer

    async def _answered(self, session: AsyncSession, order: BankOrder) -> BankAnswer:
        kept = await session.get_one(BankOrderRow, order.key)
        if (kept.customer_id, kept.operation) != (order.customer_id, order.operation):
            raise BankAway("this key belongs to another order; nothing was done")
        return from_row(kept.answer)

    async def _segment(self, session: AsyncSession, order: BankOrder, *, hold: bool) -> str:
        """The customer's segment. `hold` lets one order of a customer wait for the other: sums of a day stay true."""
        found = select(CustomerRow.segment).where(CustomerRow.id == order.customer_id)
        segment = await session.scalar(found.with_for_update(key_share=True) if hold else found)
        if segment is None:
            raise BankAway("there is no such customer; nothing was done")
        return segment

    async def _handle(self, session: AsyncSession, order: BankOrder, now: float, segment: str) -> BankAnswer:
        return await self._handlers[order.operation](Work(session, order, now, self._zone, segment))


def to_row(answer: BankAnswer) -> dict[str, Any]:
    """Plain JSON from which `from_row` makes the same answer; also what the webhook's protocol sends."""
    return {
        "values": _plain(answer.values),
        "rows": [{"kind": row.kind, "values": _plain(row.values)} for row in answer.rows],
        "refusal": answer.refusal,
    }


def from_row(data: Any) -> BankAnswer:
    """What `to_row` was given. Raises ValueError for anything else."""
    match data:
        case {"values": dict(values), "rows": list(rows), "refusal": str() | None as refusal}:
            return BankAnswer(_values(values), tuple(map(_row, rows)), refusal)
    raise ValueError("this is no answer of a bank")


def _row(data: Any) -> BankRow:
    match data:
        case {"kind": str(kind), "values": dict(values)}:
            return BankRow(kind, _values(values))
    raise ValueError("this is no row of an answer")


def _plain(values: Any) -> dict[str, Any]:
    return {name: to_json(value) for name, value in values.items()}


def _values(data: dict[Any, Any]) -> dict[str, Value]:
    return {str(name): from_json(value) for name, value in data.items()}
