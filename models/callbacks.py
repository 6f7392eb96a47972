"""Wishes to be called back: one open one for a number and queue, claimed by one node at a time."""

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.database import Database
from models.errors import StoreBusy
from models.places import place
from models.tables import CallbackRow, CallRow, NeedRow, OfferRow
from models.texts import stored
from routing.callback import (
    CARRIED_OUT,
    OURS,
    OUTCOMES,
    CallbackEvent,
    CallbackSeen,
    CallbackState,
    CallbackWish,
    move_callback,
)
from routing.errors import IllegalMove
from routing.terms import terms_of

#: Wishes of a queue that may be dialled and are looked at in one go, by their places; further ones wait until these are
#: done.
MOST_OPEN = 500
#: How often a wish is tried again that met another one of the same number and queue.
TRIES = 3


class CallbackBook:
    """The callbacks of a site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(self, wish: CallbackWish, *, now: float) -> int:
        """Keep a wish; an open one of the same number and queue is replaced, its kept place taken over. Its id."""

        async def work(session: AsyncSession) -> int:
            before = await session.scalar(_open(wish.number, wish.queue).with_for_update())
            row = wished(wish, before, now)
            if before is not None:
                moved(before, CallbackEvent.REPLACE, now)
                await session.flush()
            session.add(row)
            await session.flush()
            return row.id

        for _ in range(TRIES):
            try:
                return await self._database.transact(work)
            except IntegrityError:  # another node kept one for this number and queue at the same moment
                continue
        raise StoreBusy("others keep wishes of this number at the same time")

    async def all_open(self, *, now: float) -> tuple[CallbackSeen, ...]:
        """The open wishes that may be dialled by now or are being carried out, in the order of their places."""
        claimed, due = CallbackRow.state != CallbackState.WAITING, CallbackRow.next_at <= now
        order = (place(CallbackRow), CallbackRow.id)
        by_queue = func.row_number().over(partition_by=CallbackRow.queue, order_by=order).label("number")
        waiting = select(CallbackRow.id, by_queue).where(CallbackRow.closed_at.is_(None), ~claimed, due).subquery()
        first = select(waiting.c.id).where(waiting.c.number <= MOST_OPEN)
        found = (
            select(CallbackRow, _on_the_line(), and_(claimed, _talked()))
            .where(CallbackRow.closed_at.is_(None), claimed | CallbackRow.id.in_(first))
            .order_by(*order)
        )
        async with self._database.read() as session:
            rows = (await session.execute(found)).all()
        return tuple(seen_of(row, on_the_line=bool(calling), talked=bool(answered)) for row, calling, answered in rows)

    async def recent(self, *, closed_since: float) -> tuple[CallbackSeen, ...]:
        """Every open wish, and those closed since then; the newest first."""
        closed: ColumnElement[bool] = CallbackRow.closed_at.is_(None) | (CallbackRow.closed_at >= closed_since)
        async with self._database.read() as session:
            rows = await session.scalars(select(CallbackRow).where(closed).order_by(CallbackRow.id.desc()))
            return tuple(map(seen_of, rows))

    async def find(self, callback_id: int, fence: int) -> CallbackSeen | None:
        """An open wish that still carries this fence."""
        async with self._database.read() as session:
            row = await session.get(CallbackRow, callback_id)
        return None if row is None or row.fence != fence or row.closed_at is not None else seen_of(row)

    async def claim(
        self, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
    ) -> CallbackSeen | None:
        """Claim a waiting wish for one call; None when it has moved on, or its customer is being called already.

        The fence of the answer is the new one.
        """
        other = aliased(CallbackRow)
        number = select(CallbackRow.number).where(CallbackRow.id == callback_id).scalar_subquery()
        async with self._database.write() as session:
            theirs = select(other.id).where(other.number == number, other.closed_at.is_(None)).order_by(other.id)
            await session.execute(theirs.with_for_update())  # one wish of a customer is claimed after the other
            row = await session.scalar(
                update(CallbackRow)
                .where(CallbackRow.id == callback_id, CallbackRow.fence == fence, CallbackRow.next_at <= now)
                .where(CallbackRow.state == CallbackState.WAITING, CallbackRow.closed_at.is_(None))
                .where(~exists().where(other.number == CallbackRow.number, other.state.in_(CARRIED_OUT)))
                .values(
                    state=CallbackState.DIALLING.value,
                    fence=fence + 1,
                    tries=CallbackRow.tries + 1,
                    node=node,
                    next_at=now + lease_s,
                )
                .returning(CallbackRow)
                .execution_options(synchronize_session=False)
            )
            return None if row is None else seen_of(row)

    async def move(
        self, callback_id: int, fence: int, event: CallbackEvent, *, now: float, until: float | None = None
    ) -> bool:
        """What has happened to a wish; False, and nothing changed, once it has moved on or cannot move so."""

        async def work(session: AsyncSession) -> bool:
            row = await session.get(CallbackRow, callback_id, with_for_update=True)
            if row is None or row.fence != fence or row.closed_at is not None:
                return False
            moved(row, event, now, until)
            return True

        try:
            return await self._database.transact(work)
        except IllegalMove:
            return False

    async def waiting(self, number: str, queue: str) -> CallbackSeen | None:
        """The wish of a number for a queue that nobody has called for yet."""
        async with self._database.read() as session:
            row = await session.scalar(_open(number, queue).where(CallbackRow.state == CallbackState.WAITING))
        return None if row is None else seen_of(row)

    async def came_back(self, number: str, queue: str, *, now: float) -> bool:
        """The customer called and reached an agent of that queue: an open wish is no longer needed."""

        async def work(session: AsyncSession) -> bool:
            row = await session.scalar(_open(number, queue).with_for_update())
            if row is not None:
                moved(row, CallbackEvent.COME_BACK, now)
            return row is not None

        return await self._database.transact(work)


def _call_id() -> ColumnElement[str]:
    """`routing.callback.CallbackSeen.call_id`."""
    number, fence = cast(CallbackRow.id, String), cast(CallbackRow.fence, String)
    return literal(OURS, String).concat(number).concat("-").concat(fence)


def _on_the_line() -> ColumnElement[bool]:
    """Whether this number is on a call with us, or is called for another wish of theirs."""
    other = aliased(CallbackRow)
    calling = exists().where(CallRow.ani == CallbackRow.number, CallRow.ended_at.is_(None))
    called = exists().where(
        other.number == CallbackRow.number, other.id != CallbackRow.id, other.state.in_(CARRIED_OUT)
    )
    return calling | called


def _talked() -> ColumnElement[bool]:
    """Whether an agent answered in the call of this fence."""
    return exists().where(OfferRow.call_id == _call_id(), OfferRow.answered_at.is_not(None))


def wishes_before(queue: str, before: float, now: float) -> Select[int]:
    """How many wishes stand in a queue up to that place, as `routing.callback.in_line` says."""
    connected = exists().where(NeedRow.call_id == _call_id(), NeedRow.closed_at.is_(None))
    due = (CallbackRow.state == CallbackState.WAITING) & (CallbackRow.next_at <= now) & ~_on_the_line()
    return select(func.count(CallbackRow.id)).where(
        CallbackRow.closed_at.is_(None),
        CallbackRow.queue == queue,
        place(CallbackRow) <= before,
        due | (CallbackRow.state == CallbackState.DIALLING),
        ~connected,
    )


def _open(number: str, queue: str) -> Select[CallbackRow]:
    return select(CallbackRow).where(
        CallbackRow.number == number, CallbackRow.queue == queue, CallbackRow.closed_at.is_(None)
    )


def wished(wish: CallbackWish, before: CallbackRow | None, now: float) -> CallbackRow:
    """A new wish; one that keeps a place does not lose that of the open wish before it.

    While a call of the wish before may still ring, as its lease says, the customer is not called for the new one.
    """
    kept = wish.kind == "keep_place" and before is not None and before.kind == "keep_place"
    rings = before is not None and before.state in CARRIED_OUT
    return CallbackRow(
        call_id=stored(wish.call_id, 150),
        number=stored(wish.number, 20),
        customer_id=wish.customer_id,
        queue=wish.queue,
        reason=stored(wish.reason, 48),
        language=wish.language,
        required=dict(wish.required),
        tier=wish.tier,
        credit_s=wish.credit_s,
        terms=wish.terms.as_json(),
        hours=wish.hours,
        kind=wish.kind,
        since=min(wish.since, before.since) if kept and before is not None else wish.since,
        due_at=wish.due_at,
        state=CallbackState.WAITING.value,
        tries=0,
        next_at=max(wish.due_at, before.next_at) if rings and before is not None else wish.due_at,
        fence=0,
        made_at=now,
    )


def moved(row: CallbackRow, event: CallbackEvent, now: float, until: float | None = None) -> None:
    """Move a wish; raises IllegalMove, then nothing was changed. Claims are made by `claim` alone."""
    if event is CallbackEvent.DIAL:
        raise IllegalMove("callback", row.state, event)
    row.state = move_callback(CallbackState(row.state), event).value
    if until is not None:
        row.next_at = until
    if event in OUTCOMES:
        row.closed_at, row.outcome = now, OUTCOMES[event]


def seen_of(row: CallbackRow, *, on_the_line: bool = False, talked: bool = False) -> CallbackSeen:
    """The wish as the dialler sees it."""
    return CallbackSeen(
        id=row.id,
        fence=row.fence,
        state=CallbackState(row.state),
        wish=CallbackWish(
            call_id=row.call_id,
            number=row.number,
            customer_id=row.customer_id,
            queue=row.queue,
            reason=row.reason,
            language=row.language,
            kind=row.kind,
            since=row.since,
            due_at=row.due_at,
            required=row.required,
            tier=row.tier,
            credit_s=row.credit_s,
            terms=terms_of(row.terms),
            hours=row.hours,
        ),
        tries=row.tries,
        next_at=row.next_at,
        node=row.node,
        made_at=row.made_at,
        closed_at=row.closed_at,
        outcome=row.outcome,
        on_the_line=on_the_line,
        talked=talked,
    )
