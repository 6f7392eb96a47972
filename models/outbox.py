"""Text messages on their way: taken once per key, claimed by one node at a time, tried again with doubled pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import OptOutRow, OutboxRow
from models.texts import stored
from routing.errands import TextMessage

#: Longest pause between two tries, seconds.
LONGEST_PAUSE_S = 3600.0
LAPSED = "the node that sent it died at its last try"
OPTED_OUT = "the receiver wants no messages"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that this node holds and is to send now."""

    id: int
    key: str
    to: str
    text: str
    tries: int  #: this one included; whoever claims it later has another number


class NotSent(StrEnum):
    """What becomes of a message that the gateway did not take."""

    WAITS = "waits"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as an operator sees it: without its words."""

    made_at: float
    to: str
    template: str
    state: str  #: waiting, sending, sent, failed
    tries: int
    fault: str | None


def pause_s(tries: int, retry_s: float) -> float:
    """How long to wait after so many tries: doubled each time, an hour at most."""
    return min(LONGEST_PAUSE_S, retry_s * 2.0 ** min(tries - 1, 30))


async def put_out(session: AsyncSession, message: TextMessage, now: float) -> bool:
    """Take a message within a transaction, as `Outbox.send` does."""
    if await session.get(OptOutRow, message.to) is not None:
        return False
    key = stored(message.key, 200)
    if await session.scalar(select(OutboxRow.id).where(OutboxRow.key == key)) is None:
        await session.execute(
            insert(OutboxRow).values(
                key=key,
                to=stored(message.to, 20),
                text=stored(message.text, 1200),
                template=stored(message.template, 63),
                call_id=stored(message.call_id, 150),
                customer_id=message.customer_id,
                state="waiting",
                tries=0,
                made_at=now,
                next_at=now,
            )
        )
    return True


class Outbox:
    """Messages in the database, and the numbers that want none. Every verb raises StoreAway."""

    def __init__(self, database: Database, node: str, *, most_tries: int = 8, retry_s: float = 30.0) -> None:
        self._database, self._node = database, node
        self._most_tries, self._retry_s = most_tries, retry_s

    async def send(self, message: TextMessage, *, now: float) -> bool:
        """Take a message, once per key; False when the receiver has opted out."""

        async def work(session: AsyncSession) -> bool:
            return await put_out(session, message, now)

        try:
            return await self._database.transact(work)
        except IntegrityError:  # another node took the same key at the same moment
            return await self._database.transact(work)

    async def claim(self, *, now: float, lease_s: float, most: int) -> tuple[Outgoing, ...]:
        """Take messages that are due into hand, the longest due first; also those of a node whose lease ran out.

        A message is held for `lease_s`; nobody else gets it meanwhile. One whose last try lapsed is given up.
        """
        waiting = and_(OutboxRow.state == "waiting", OutboxRow.next_at <= now)
        lapsed = and_(OutboxRow.state == "sending", OutboxRow.next_at <= now)

        async def work(session: AsyncSession) -> tuple[Outgoing, ...]:
            await session.execute(
                update(OutboxRow)
                .where(lapsed, OutboxRow.tries >= self._most_tries)
                .values(state="failed", fault=LAPSED, node=None)
            )
            due = or_(waiting, lapsed)
            # Asked first and held: within the update PostgreSQL may ask again for each row and take more than `most`.
            # SQLite has one writer anyway.
            found = await session.scalars(
                select(OutboxRow.id)
                .where(due)
                .order_by(OutboxRow.next_at, OutboxRow.id)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            rows = await session.execute(
                update(OutboxRow)
                .where(OutboxRow.id.in_(found.all()), due)
                .values(state="sending", node=self._node, next_at=now + lease_s, tries=OutboxRow.tries + 1)
                .returning(OutboxRow.id, OutboxRow.key, OutboxRow.to, OutboxRow.text, OutboxRow.tries)
                .execution_options(synchronize_session=False)
            )
            return tuple(sorted((Outgoing(*row) for row in rows), key=lambda one: one.id))

        return await self._database.transact(work)

    async def sent(self, message: Outgoing, *, now: float) -> bool:
        """The gateway took it; False when the claim had lapsed and another node holds it."""
        return await self._close(message, state="sent", sent_at=now, fault=None)

    async def not_sent(self, message: Outgoing, fault: str, *, for_good: bool, now: float) -> NotSent | None:
        """The gateway did not take it: whether it waits for its next try or is given up; None when the claim had
        lapsed."""
        told = stored(fault, 200)
        if for_good or message.tries >= self._most_tries:
            return NotSent.GIVEN_UP if await self._close(message, state="failed", fault=told) else None
        next_at = now + pause_s(message.tries, self._retry_s)
        return NotSent.WAITS if await self._close(message, state="waiting", fault=told, next_at=next_at) else None

    async def _close(self, message: Outgoing, **values: object) -> bool:
        async def work(session: AsyncSession) -> bool:
            changed = await session.execute(
                update(OutboxRow)
                .where(OutboxRow.id == message.id, OutboxRow.state == "sending", OutboxRow.node == self._node)
                .where(OutboxRow.tries == message.tries)
                .values(node=None, **values)
                .returning(OutboxRow.id)
            )
            return changed.first() is not None

        return await self._database.transact(work)

    async def counts(self) -> Mapping[str, int]:
        """How many messages are in each state; those being sent count as waiting."""
        async with self._database.read() as session:
            rows = await session.execute(select(OutboxRow.state, func.count()).group_by(OutboxRow.state))
            found = {state: count for state, count in rows}
        return {
            "waiting": found.get("waiting", 0) + found.get("sending", 0),
            "sent": found.get("sent", 0),
            "failed": found.get("failed", 0),
        }

    async def newest(self, most: int, *, state: str | None = None) -> tuple[Posted, ...]:
        """The newest messages, of one state or of all."""
        wanted: list[ColumnElement[bool]] = [] if state is None else [OutboxRow.state == state]
        async with self._database.read() as session:
            rows = await session.execute(
                select(
                    OutboxRow.made_at,
                    OutboxRow.to,
                    OutboxRow.template,
                    OutboxRow.state,
                    OutboxRow.tries,
                    OutboxRow.fault,
                )
                .where(*wanted)
                .order_by(OutboxRow.id.desc())
                .limit(most)
            )
            return tuple(Posted(*row) for row in rows)

    async def opt_out(self, number: str, *, now: float) -> int:
        """This number wants no messages from now on; what still waits for it is given up. Answers how many were."""

        async def work(session: AsyncSession) -> int:
            if await session.get(OptOutRow, number) is None:
                session.add(OptOutRow(number=number, at=now))
            given_up = await session.execute(
                update(OutboxRow)
                .where(OutboxRow.to == number, OutboxRow.state == "waiting")
                .values(state="failed", fault=OPTED_OUT)
                .returning(OutboxRow.id)
                .execution_options(synchronize_session=False)
            )
            return len(given_up.all())

        return await self._database.transact(work)

    async def opt_in(self, number: str) -> bool:
        """This number wants messages again; False when it never opted out."""

        async def work(session: AsyncSession) -> bool:
            gone = await session.execute(
                delete(OptOutRow).where(OptOutRow.number == number).returning(OptOutRow.number)
            )
            return gone.first() is not None

        return await self._database.transact(work)

    async def opted_out(self) -> tuple[str, ...]:
        """Every number that wants no messages."""
        async with self._database.read() as session:
            return tuple(await session.scalars(select(OptOutRow.number).order_by(OptOutRow.number)))
