"""What a journal writes: one value per fact, each of which knows its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import Enum
from typing import Any

from sqlalchemy import insert, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from menus.facts import MenuMemory
from models.habits import count_in
from models.tables import (
    CallEventRow,
    CallRow,
    CustomerRow,
    HistoryEventRow,
    KeepsakeRow,
    MenuMemoryRow,
    RatingRow,
    RecordingRow,
    Table,
)
from models.texts import stored
from routing.call import CALL_MOVES, Arrival, CallEvent, CallState, Ending, Rating, Reason, Recording

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
    entry: str = ""
    campaign: str = ""

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
            "entry": stored(self.entry, 63) or None,
            "campaign": stored(self.campaign, 80) or None,
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
    zone: tzinfo = UTC  #: in which a day begins

    async def write(self, session: AsyncSession, node: str) -> None:
        """One more event of history, counted among the habits, if the customer still exists."""
        task = stored(self.task, 32)
        written = await session.execute(
            insert(HistoryEventRow)
            .from_select(
                ["customer_id", "at", "task", "source", "call_id"],
                select(CustomerRow.id, *map(literal, (self.at, task, "ivr", self.call_id))).where(
                    CustomerRow.id == self.customer_id
                ),
            )
            .returning(HistoryEventRow.id)
        )
        if written.first() is not None:
            await count_in(session, self.customer_id, self.at, task, self.zone)


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
class Verified:
    """The caller has proved to be a customer."""

    call_id: str
    customer_id: int

    async def write(self, session: AsyncSession, node: str) -> None:
        """The call is this customer's from now on, if they still exist."""
        customer = select(CustomerRow.id).where(CustomerRow.id == self.customer_id).scalar_subquery()
        await session.execute(
            update(CallRow).where(CallRow.id == self.call_id).values(verified_as=customer, customer_id=customer)
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """Something remembered of a caller for later calls."""

    subject: str
    name: str
    value: str
    at: float
    call_id: str = ""

    async def write(self, session: AsyncSession, node: str) -> None:
        """In place of what was remembered under this name."""
        key = {"subject": stored(self.subject, 40), "name": stored(self.name, 31)}
        await _put(session, KeepsakeRow, key, {"value": stored(self.value, 200), "at": self.at})


@dataclass(frozen=True, slots=True)
class MenuHeard:
    """What a caller heard of a menu."""

    subject: str
    menu: str
    memory: MenuMemory
    at: float
    call_id: str = ""

    async def write(self, session: AsyncSession, node: str) -> None:
        """In place of what was heard before."""
        memory = self.memory
        values = {
            "promoted": list(memory.promoted),
            "wished": list(memory.wished),
            "streak": memory.streak,
            "frozen": memory.frozen,
            "at": self.at,
        }
        await _put(session, MenuMemoryRow, {"subject": stored(self.subject, 40), "menu": self.menu}, values)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording lies in its folder."""

    recording: Recording
    at: float

    @property
    def call_id(self) -> str:
        """The call that this is about."""
        return self.recording.call_id

    async def write(self, session: AsyncSession, node: str) -> None:
        """Once: a step that is repeated after an engine died records anew under the same id."""
        made = self.recording
        customer = select(CustomerRow.id).where(CustomerRow.id == made.customer_id).scalar_subquery()
        values = {
            "call_id": made.call_id,
            "customer_id": customer,
            "purpose": stored(made.purpose, 16),
            "at": self.at,
            "seconds": made.seconds,
        }
        await _put(session, RecordingRow, {"id": stored(made.id, 200)}, values)


@dataclass(frozen=True, slots=True)
class Rated:
    """An answer to a survey."""

    rating: Rating
    at: float

    @property
    def call_id(self) -> str:
        """The call that this is about."""
        return self.rating.call_id

    async def write(self, session: AsyncSession, node: str) -> None:
        """One more answer."""
        given = self.rating
        session.add(
            RatingRow(
                call_id=given.call_id,
                subject=None if given.subject is None else stored(given.subject, 40),
                survey=stored(given.survey, 63),
                question=stored(given.question, 63),
                ask=given.ask,
                score=given.score,
                recording=given.recording,
                at=self.at,
            )
        )
        await session.flush()


async def _put(session: AsyncSession, table: type[Table], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write a row under its key, whether there was one before or not."""
    where = [getattr(table, name) == value for name, value in key.items()]
    first = getattr(table, next(iter(key)))
    if (await session.execute(update(table).where(*where).values(**values).returning(first))).first() is None:
        await session.execute(insert(table).values(**key, **values))


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a call; the only entry that may be dropped when the database is away for too long."""

    call_id: str
    kind: str
    at: float
    data: dict[str, Any]


Entry = (
    Opened | TakenOver | Stands | Moved | Used | Ended | Verified | Kept | MenuHeard | Recorded | Rated | Event
)  # fmt: skip


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
