"""The book of calls: writing never waits for the database, reading has a deadline."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from menus.facts import CallerFacts, MenuMemory
from models.call_entries import (
    PROVISIONAL,
    Ended,
    Entry,
    Event,
    Kept,
    MenuHeard,
    Moved,
    Opened,
    Rated,
    Recorded,
    Stands,
    TakenOver,
    Used,
    Verified,
    plain,
    write_all,
)
from models.database import Database
from models.paths import KINDS, path_of
from models.tables import CallEventRow, CallRow, RatingRow
from models.texts import stored
from routing.call import Arrival, CallerSeen, CallEvent, CallState, Ending, PathStep, Rating, Recording, Resumed
from routing.errors import StoreAway

log = logging.getLogger(__name__)

#: Events that are kept while the database is away; beyond it the oldest are dropped and counted. What stands in the
#: call's own row (its start, state, position, ending) is never dropped: a few entries a call.
MOST_EVENTS = 20_000
#: Decision records of a call that an agent's pop is made of.
MOST_DECISIONS = 10
#: Entries that are written in one transaction.
BATCH = 500
#: Seconds between two tries while the database is away: the first, and the longest.
RETRY_S, RETRY_MOST_S = 0.05, 1.0
#: Seconds in which a stopping engine writes what is left.
LAST_WORDS_S = 5.0


class CallJournal:
    """Every call with every step, written behind in one order by one task, which lives as long as `async with`.

    Ask `resume` for a call that comes back on another rung; an answer makes the call this node's. Secrets that a
    caller types must never be handed in: everything else is kept as it is.
    """

    def __init__(self, database: Database, node: str, *, zone: tzinfo = UTC, most_events: int = MOST_EVENTS) -> None:
        """`zone`: in which a customer's day begins."""
        self._zone = zone
        self._database = database
        self._node = node
        self._most_events = most_events
        self._entries: dict[int, Entry] = {}  # number → entry, in order
        self._events: deque[int] = deque()  # numbers of waiting events, oldest first
        self._writing: list[tuple[int, Entry]] = []  # the batch in hand
        self._number = 0
        self._last_of: dict[str, int] = {}  # call → its last number that may not be stored yet
        self._at_once = BATCH  # 1 while the batch in hand holds an entry that the database refuses
        self._work = asyncio.Event()
        self._stored = asyncio.Event()  # replaced each time something was stored
        self._writer: asyncio.Task[None] | None = None
        self.events_dropped = 0  #: dropped because the database was away for too long
        self.entries_refused = 0  #: not accepted by the database; each is logged

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_forever(), name="journal")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, for a few seconds at most."""
        assert self._writer is not None
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                while self.waiting:
                    await self._stored.wait()
        except TimeoutError:
            log.error("the database is away: %d entries of the journal are lost", self.waiting)
        finally:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    @property
    def waiting(self) -> int:
        """Entries that are not stored yet."""
        return len(self._entries) + len(self._writing)

    # --- writing ------------------------------------------------------------------------------------------------------

    def opened(
        self,
        arrival: Arrival,
        *,
        now: float,
        facts: CallerFacts,
        language: str,
        book_version: int,
        entry: str = "",
        campaign: str = "",
    ) -> None:
        """A call came in."""
        self._add(Opened(arrival, now, facts.ani, facts.customer_id, language, book_version, entry, campaign))
        self.event(arrival.call_id, "arrived", now, dnis=arrival.dnis, rung=arrival.rung, node=self._node)

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None:
        """One event of a call; dropped before anything else when the database is away for too long."""
        if len(self._events) >= self._most_events:
            del self._entries[self._events.popleft()]
            self.events_dropped += 1
        self._add(Event(call_id, stored(kind, 24), now, plain(data)))
        self._events.append(self._number)

    def stands(self, call_id: str, position: Mapping[str, Any], language: str) -> None:
        """Where in the book the call is."""
        self._add(Stands(call_id, plain(position), language))

    def moved(self, call_id: str, event: CallEvent) -> None:
        """The call's state has changed."""
        self._add(Moved(call_id, event))

    def used(self, customer_id: int, task: str, now: float, call_id: str) -> None:
        """The customer chose a task: one more event of history for the next menu."""
        self._add(Used(call_id, customer_id, task, now, self._zone))

    def ended(self, call_id: str, ending: Ending, now: float) -> None:
        """How the call ended."""
        self._add(Ended(call_id, ending, now))

    def verified(self, call_id: str, customer_id: int, now: float) -> None:
        """The caller has proved to be this customer."""
        self._add(Verified(call_id, customer_id))

    def kept(self, subject: str, name: str, value: str, now: float) -> None:
        """Remember something of a caller for later calls."""
        self._add(Kept(subject, name, value, now))

    def menu_heard(self, subject: str, menu: str, memory: MenuMemory, now: float) -> None:
        """What a caller heard of a menu, for the order of the next call."""
        self._add(MenuHeard(subject, menu, memory, now))

    def recorded(self, recording: Recording, now: float) -> None:
        """A recording lies in its folder."""
        self._add(Recorded(recording, now))

    def rated(self, rating: Rating, now: float) -> None:
        """An answer to a question of a survey."""
        self._add(Rated(rating, now))

    def _add(self, entry: Entry) -> None:
        self._number += 1
        self._entries[self._number] = entry
        self._last_of[entry.call_id] = self._number
        self._work.set()

    async def settle(self, call_id: str, *, deadline_s: float) -> bool:
        """Wait until what was written for this call is in the database; False when the deadline passed first."""
        last = self._last_of.get(call_id, 0)
        try:
            async with asyncio.timeout(deadline_s):
                while self._first_waiting() <= last:
                    await self._stored.wait()
        except TimeoutError:
            return False
        return True

    def _first_waiting(self) -> int:
        """The number of the oldest entry that is not stored; beyond the last one when all are."""
        return self._writing[0][0] if self._writing else next(iter(self._entries), self._number + 1)

    async def _write_forever(self) -> None:
        pause_s = RETRY_S
        while True:
            if not self._writing:
                await self._work.wait()
                self._take_batch()
            chunk = self._writing[: self._at_once]
            entries = [entry for _, entry in chunk]
            try:
                await self._database.transact(partial(write_all, entries=entries, node=self._node))
            except StoreAway as fault:
                if pause_s == RETRY_S:
                    log.warning("the journal waits for the database: %s", fault)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MOST_S)
                continue
            except Exception:
                if len(chunk) > 1:
                    self._at_once = 1  # one bad entry must not take its neighbours with it
                    continue
                log.exception("the database refuses an entry of call %s: %s", entries[0].call_id, type(entries[0]))
                self.entries_refused += 1
            pause_s = RETRY_S
            self._are_done(chunk)

    def _take_batch(self) -> None:
        for number in list(islice(self._entries, BATCH)):
            self._writing.append((number, self._entries.pop(number)))
        while self._events and self._events[0] <= self._writing[-1][0]:
            self._events.popleft()
        self._at_once = BATCH
        if not self._entries:
            self._work.clear()

    def _are_done(self, chunk: list[tuple[int, Entry]]) -> None:
        del self._writing[: len(chunk)]
        for number, entry in chunk:
            if self._last_of.get(entry.call_id) == number:
                del self._last_of[entry.call_id]
        if not self.waiting:
            self._last_of.clear()
        told, self._stored = self._stored, asyncio.Event()
        told.set()

    # --- reading ------------------------------------------------------------------------------------------------------

    async def resume(self, call_id: str, *, deadline_s: float) -> Resumed | None:
        """Where the call stood, which is this node's from now on; None when it is new, over, or not found in time."""
        until = asyncio.get_running_loop().time() + deadline_s
        await self.settle(call_id, deadline_s=deadline_s / 2)
        try:
            async with asyncio.timeout_at(until), self._database.read() as session:
                call = await session.get(CallRow, call_id)
        except (TimeoutError, StoreAway, SQLAlchemyError) as fault:
            log.warning("where call %s stood was not found out in time: %s", call_id, str(fault) or "too late")
            return None
        if call is None or (call.ended_at is not None and call.reason not in PROVISIONAL):
            return None
        self._add(TakenOver(call_id))
        state = CallState.MENU.value if call.ended_at is not None else call.state
        return Resumed(state, call.position, call.language, call.book_version, call.started_at)

    async def rated_lately(self, subject: str, *, since: float) -> bool:
        """Whether this caller has answered a survey since then. Raises StoreAway."""
        asked = select(RatingRow.id).where(RatingRow.subject == stored(subject, 40), RatingRow.at >= since).limit(1)
        async with self._database.read() as session:
            return await session.scalar(asked) is not None

    async def path(self, call_id: str) -> tuple[PathStep, ...]:
        """What the caller has just done in the menus, oldest first. Raises StoreAway."""
        async with self._database.read() as session:
            events = await session.execute(
                select(CallEventRow.at, CallEventRow.kind, CallEventRow.data)
                .where(CallEventRow.call_id == call_id, CallEventRow.kind.in_(KINDS))
                .order_by(CallEventRow.at, CallEventRow.id)
            )
            return path_of((at, kind, data) for at, kind, data in events)

    async def decisions(self, call_id: str) -> tuple[Mapping[str, Any], ...]:
        """The decision records of the menus that the call has heard of late, oldest first. Raises StoreAway."""
        async with self._database.read() as session:
            events = await session.scalars(
                select(CallEventRow.data)
                .where(CallEventRow.call_id == call_id, CallEventRow.kind == "menu")
                .order_by(CallEventRow.at.desc(), CallEventRow.id.desc())
                .limit(MOST_DECISIONS)
            )
            return tuple(data["record"] for data in reversed(events.all()) if "record" in data)

    async def caller(self, call_id: str) -> CallerSeen | None:
        """Who is on this call, whichever node holds it. Raises StoreAway."""
        async with self._database.read() as session:
            call = await session.get(CallRow, call_id)
        if call is None:
            return None
        return CallerSeen(call.ani, call.caller_name, call.language, call.dnis, call.started_at)
