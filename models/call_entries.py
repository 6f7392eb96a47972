"""What a journal writes: one value per fact, each of which knows its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import insert, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import CallEventRow, CallRow, CustomerRow, HistoryEventRow, Table
from models.texts import stored
from routing.call import CALL_MOVES, Arrival, CallEvent, CallState, Ending, Reason

#: Endings that may yet change: the call comes back on the next rung, or the sweep judged before the engine could write.
PROVISIONAL = (Reason.FALLBACK, Reason.ENGINE_LOST, Reason.SWITCH_LOST)


@dataclass(frozen=True, slots=True)
class Opened:
    """A call came in at this node's door; perhaps another node had it before."""

    arrival: Arrival
    at: float
    ani: str | None
    customer_id: int | None
    language: str
    book_version: int

    @property
    def call_id(self) -> str:
        """The call that this is about."""
        return self.arrival.call_id

    async def write(self, session: AsyncSession, node: str) -> None:
        """A new row, or the old one taken over from its start."""
        arrival = self.arrival
        values = {
            "uniqueid": stored(arrival.uniqueid, 150),
            "channel": stored(arrival.channel, 200),
            "node": node,
            "ani": stored(self.ani or arrival.ani or "", 20) or None,
            "dnis": stored(arrival.dnis, 32),
            "caller_name": stored(arrival.caller_name, 64),
            # A customer who was deleted since the look-up costs the call its customer, not its record.
            "customer_id": select(CustomerRow.id).where(CustomerRow.id == self.customer_id).scalar_subquery(),
            "language": stored(self.language, 8),
            "book_version": self.book_version,
            "state": CallState.MENU.value,
            "position": null(),
            "ended_at": None,
            "result": None,
            "reason": None,
        }
        taken = await session.execute(
            update(CallRow).where(CallRow.id == self.call_id).values(**values).returning(CallRow.id)
        )
        if taken.first() is None:
            await session.execute(insert(CallRow).values(id=self.call_id, started_at=self.at, **values))


@dataclass(frozen=True, slots=True)
class TakenOver:
    """This node goes on with a call that another one, or its own earlier process, had before."""

    call_id: str

    async def write(self, session: AsyncSession, node: str) -> None:
        """The call is this node's; a provisional ending is taken back."""
        await session.execute(update(CallRow).where(CallRow.id == self.call_id).values(node=node))
        await session.execute(
            update(CallRow)
            .where(CallRow.id == self.call_id, CallRow.reason.in_(PROVISIONAL))
            .values(state=CallState.MENU.value, ended_at=None, result=None, reason=None)
        )


@dataclass(frozen=True, slots=True)
class Stands:
    """Where in the book the call is."""

    call_id: str
    position: dict[str, Any]
    language: str

    async def write(self, session: AsyncSession, node: str) -> None:
        """Only while this node holds the call."""
        await session.execute(
            update(CallRow)
            .where(CallRow.id == self.call_id, CallRow.node == node)
            .values(position=self.position, language=stored(self.language, 8))
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """The call's state has changed."""

    call_id: str
    event: CallEvent

    async def write(self, session: AsyncSession, node: str) -> None:
        """Whichever node saw it; a pair that the table lacks changes nothing."""
        for (state, event), after in CALL_MOVES.items():
            if event is self.event:
                moved = await session.execute(
                    update(CallRow)
                    .where(CallRow.id == self.call_id, CallRow.state == state, CallRow.ended_at.is_(None))
                    .values(state=after.value)
                    .returning(CallRow.id)
                )
                if moved.first() is not None:
                    return


@dataclass(frozen=True, slots=True)
class Used:
    """The customer chose a task."""

    call_id: str
    customer_id: int
    task: str
    at: float

    async def write(self, session: AsyncSession, node: str) -> None:
        """One more event of history, if the customer still exists."""
        await session.execute(
            insert(HistoryEventRow).from_select(
                ["customer_id", "at", "task", "source", "call_id"],
                select(CustomerRow.id, *map(literal, (self.at, stored(self.task, 32), "ivr", self.call_id))).where(
                    CustomerRow.id == self.customer_id
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How the call ended, as the node that holds it says."""

    call_id: str
    ending: Ending
    at: float

    async def write(self, session: AsyncSession, node: str) -> None:
        """Once, and only while this node holds the call; what the sweep had to guess is put right."""
        ended = await session.execute(
            update(CallRow)
            .where(CallRow.id == self.call_id, CallRow.node == node)
            .where(or_(CallRow.ended_at.is_(None), CallRow.reason.in_(PROVISIONAL)))
            .values(
                state=CallState.ENDED.value,
                ended_at=self.at,
                result=self.ending.result.value,
                reason=self.ending.reason.value,
            )
            .returning(CallRow.id)
        )
        if ended.first() is not None:
            data = {"result": self.ending.result.value, "reason": self.ending.reason.value}
            await session.execute(
                insert(CallEventRow).values(call_id=self.call_id, at=self.at, kind="ended", data=data)
            )


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a call; the only entry that may be dropped when the database is away for too long."""

    call_id: str
    kind: str
    at: float
    data: dict[str, Any]


Entry = Opened | TakenOver | Stands | Moved | Used | Ended | Event


async def write_all(session: AsyncSession, entries: Sequence[Entry], node: str) -> None:
    """Write entries in their order; neighbouring events go in one statement."""
    events: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry, Event):
            events.append({"call_id": entry.call_id, "at": entry.at, "kind": entry.kind, "data": entry.data})
            continue
        if isinstance(entry, Ended):  # writes an event of its own, which comes after these
            await _write_events(session, events)
        await entry.write(session, node)
    await _write_events(session, events)


async def _write_events(session: AsyncSession, events: list[dict[str, Any]]) -> None:
    if events:
        await session.execute(insert(Table.metadata.tables[CallEventRow.__tablename__]), events)
        events.clear()


def plain(value: Any) -> Any:
    """A copy of plain JSON values only, whatever was handed in: a record never fails for what it is asked to hold."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, str):
        return stored(value, len(value))
    if isinstance(value, Mapping):
        return {stored(str(key), 200): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return stored(str(value), 1000)
