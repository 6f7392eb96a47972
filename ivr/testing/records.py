"""The book of calls, the directory and hints in memory; with the exchange and the roster, all twins of the database."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from ivr.ports import Arrival, CallerSeen, PathStep, Rating, Recording, Resumed
from ivr.testing.agents import MemoryRoster as MemoryRoster
from ivr.testing.exchange import MemoryExchange as MemoryExchange
from ivr.testing.store import MemoryStore as MemoryStore
from menus.facts import CallerFacts, MenuMemory, RecentCall, subject_of
from models.call_entries import PROVISIONAL, plain
from models.calls import MOST_DECISIONS
from models.hints import Hints
from models.paths import path_of
from models.recent import RECENT_S, call_of
from models.tables import CallEventRow, CallRow, HistoryEventRow
from routing.call import CallEvent, CallState, Ending, Reason, move_call
from routing.callback import of_call
from routing.errors import IllegalMove


class MemoryHints(Hints):
    """Twin of hints between nodes: hints in a process are in memory anyway."""


#: The zone of the small book.
ZONE = ZoneInfo("Asia/Shanghai")


class MemoryDirectory:
    """Twin of `models.customers.Customers` (port Directory); `late` makes it miss every deadline."""

    def __init__(self, store: MemoryStore, zone: ZoneInfo = ZONE) -> None:
        self.store, self.zone = store, zone
        self.late = False

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this number."""
        if ani is None or self.late or self.store.away:
            return CallerFacts(ani=ani)
        customers = self.store.facts.get(ani, ())
        found = customers[0] if len(customers) == 1 else CallerFacts(ani=ani, matches=len(customers))
        return self._with_past(found, now, nobodys=len(customers) < 2)

    async def customer(self, customer_id: int, *, ani: str | None, now: float, deadline_s: float) -> CallerFacts | None:
        """Facts of that customer."""
        if self.late or self.store.away:
            return None
        everybody = (one for customers in self.store.facts.values() for one in customers)
        found = next((one for one in everybody if one.customer_id == customer_id), None)
        if found is None:
            return None
        matches = len(self.store.facts.get(ani or "", ()))
        return self._with_past(replace(found, ani=ani, matches=matches), now, nobodys=False)

    def _with_past(self, facts: CallerFacts, now: float, *, nobodys: bool) -> CallerFacts:
        """What earlier calls left behind; `nobodys`: calls of nobody in particular tell what they were about too."""
        subject = subject_of(facts)
        memory = {menu: kept for (who, menu), kept in self.store.memories.items() if who == subject}
        kept = {name: value for (who, name), value in self.store.keepsakes.items() if who == subject}
        return replace(
            facts,
            language=kept.pop("language", facts.language),
            memory={**facts.memory, **memory},
            remembered={**facts.remembered, **kept},
            opted_out=facts.opted_out or facts.ani in self.store.opted_out,
            missed_callback=facts.missed_callback or self._missed(facts.ani, now),
            recent=facts.recent or self._recent(facts, now, nobodys),
        )

    def _missed(self, ani: str | None, now: float) -> bool:
        calls, missed = self.store.calls.values(), [row for row in self.store.callbacks.values() if row.number == ani]
        return any(
            row.outcome == "missed"
            and row.closed_at is not None
            and row.closed_at >= now - RECENT_S
            and not any(c.ani == ani and c.started_at >= row.closed_at and c.reason == Reason.AGENT for c in calls)
            for row in missed
        )

    def _recent(self, facts: CallerFacts, now: float, nobodys: bool) -> tuple[RecentCall, ...]:
        mine = [
            call
            for call in self.store.calls.values()
            if facts.ani is not None and call.ani == facts.ani and call.ended_at is not None
            and now - RECENT_S <= call.started_at <= now and of_call(call.id) is None
        ]  # fmt: skip
        found = []
        for call in sorted(mine, key=lambda one: -one.started_at):
            told = call.customer_id == facts.customer_id if call.customer_id is not None else nobodys
            events = [(e.kind, e.data) for e in self.store.events if told and e.call_id == call.id]
            found.append(call_of(call.started_at, call.result, events, self.zone))
        return tuple(found)


class MemoryCallLog:
    """Twin of `models.calls.CallJournal` (port CallLog); what is written while the store is away waits in order."""

    def __init__(self, store: MemoryStore | None = None, node: str = "node-a") -> None:
        self.store = store or MemoryStore()
        self._node = node
        self._waiting: list[Callable[[], None]] = []

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

        def write() -> None:
            self._open(arrival, now, facts, language, book_version)
            call = self.store.calls[arrival.call_id]
            call.entry, call.campaign = entry or None, campaign or None

        self._write(write)
        self.event(arrival.call_id, "arrived", now, dnis=arrival.dnis, rung=arrival.rung, node=self._node)

    def _open(self, arrival: Arrival, now: float, facts: CallerFacts, language: str, book_version: int) -> None:
        before = self.store.calls.get(arrival.call_id)
        self.store.calls[arrival.call_id] = CallRow(
            id=arrival.call_id,
            uniqueid=arrival.uniqueid,
            channel=arrival.channel,
            node=self._node,
            ani=facts.ani or arrival.ani,
            dnis=arrival.dnis,
            caller_name=arrival.caller_name,
            customer_id=facts.customer_id,
            language=language,
            book_version=book_version,
            state=CallState.MENU.value,
            started_at=before.started_at if before is not None else now,
            ended_at=None,
        )

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None:
        """One event of a call."""
        row = CallEventRow(call_id=call_id, at=now, kind=kind, data=plain(data))
        self._write(lambda: self.store.events.append(row))

    def stands(self, call_id: str, position: Mapping[str, Any], language: str) -> None:
        """Where in the book the call is."""
        kept = plain(position)

        def write() -> None:
            call = self._mine(call_id)
            if call is not None:
                call.position, call.language = kept, language

        self._write(write)

    def moved(self, call_id: str, event: CallEvent) -> None:
        """The call's state has changed; a pair that the table lacks changes nothing."""

        def write() -> None:
            call = self.store.calls.get(call_id)
            if call is not None and call.ended_at is None:
                try:
                    call.state = move_call(CallState(call.state), event).value
                except IllegalMove:
                    return

        self._write(write)

    def used(self, customer_id: int, task: str, now: float, call_id: str) -> None:
        """The customer chose a task."""
        row = HistoryEventRow(customer_id=customer_id, at=now, task=task, source="ivr", call_id=call_id)
        self._write(lambda: self.store.history.append(row))

    def ended(self, call_id: str, ending: Ending, now: float) -> None:
        """How the call ended."""

        def write() -> None:
            call = self._mine(call_id)
            if call is not None and (call.ended_at is None or call.reason in PROVISIONAL):
                call.state, call.ended_at = CallState.ENDED.value, now
                call.result, call.reason = ending.result.value, ending.reason.value
                data = {"result": call.result, "reason": call.reason}
                self.store.events.append(CallEventRow(call_id=call_id, at=now, kind="ended", data=data))

        self._write(write)

    def verified(self, call_id: str, customer_id: int, now: float) -> None:
        """The caller has proved to be this customer."""

        def write() -> None:
            call = self.store.calls.get(call_id)
            if call is not None:
                call.verified_as = call.customer_id = customer_id

        self._write(write)

    def kept(self, subject: str, name: str, value: str, now: float) -> None:
        """Remember something of a caller."""
        self._write(lambda: self.store.keepsakes.__setitem__((subject, name), value))

    def menu_heard(self, subject: str, menu: str, memory: MenuMemory, now: float) -> None:
        """What a caller heard of a menu."""
        self._write(lambda: self.store.memories.__setitem__((subject, menu), memory))

    def recorded(self, recording: Recording, now: float) -> None:
        """A recording."""
        self._write(lambda: self.store.recordings.append(recording))

    def rated(self, rating: Rating, now: float) -> None:
        """An answer to a survey."""
        self._write(lambda: self.store.ratings.append((rating, now)))

    async def rated_lately(self, subject: str, *, since: float) -> bool:
        """Whether this caller has answered a survey since then."""
        self.store.reach()
        return any(rating.subject == subject and at >= since for rating, at in self.store.ratings)

    def _mine(self, call_id: str) -> CallRow | None:
        call = self.store.calls.get(call_id)
        return call if call is not None and call.node == self._node else None

    def _write(self, write: Callable[[], None]) -> None:
        self._waiting.append(write)
        self._catch_up()

    def _catch_up(self) -> None:
        while self._waiting and not self.store.away:
            self._waiting.pop(0)()

    async def settle(self, call_id: str, *, deadline_s: float) -> bool:
        """Whether everything is stored; time stands still here."""
        self._catch_up()
        return not self._waiting

    async def resume(self, call_id: str, *, deadline_s: float) -> Resumed | None:
        """Where the call stood, which is this node's from now on."""
        self._catch_up()
        call = None if self.store.away else self.store.calls.get(call_id)
        if call is None or (call.ended_at is not None and call.reason not in PROVISIONAL):
            return None
        call.node = self._node
        if call.ended_at is not None:
            call.state, call.ended_at, call.result, call.reason = CallState.MENU.value, None, None, None
        return Resumed(call.state, call.position, call.language, call.book_version, call.started_at)

    async def path(self, call_id: str) -> tuple[PathStep, ...]:
        """What the caller has just done in the menus."""
        self.store.reach()
        return path_of((row.at, row.kind, row.data) for row in self.store.events if row.call_id == call_id)

    async def decisions(self, call_id: str) -> tuple[Mapping[str, Any], ...]:
        """The decision records of the menus that the call has heard of late."""
        self.store.reach()
        heard = [row for row in self.store.events if row.call_id == call_id and row.kind == "menu"]
        return tuple(row.data["record"] for row in heard[-MOST_DECISIONS:] if "record" in row.data)

    async def caller(self, call_id: str) -> CallerSeen | None:
        """Who is on this call."""
        self.store.reach()
        call = self.store.calls.get(call_id)
        if call is None:
            return None
        return CallerSeen(call.ani, call.caller_name, call.language, call.dnis, call.started_at)
