"""Twins of the service ports: lock-outs, messages, cases, callbacks and other systems, in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.errors import DipFailed
from ivr.ports import CallbackWish, CaseOpened, NewCase, TextMessage, WebRequest
from ivr.testing.clock import FakeClock
from ivr.testing.store import MemoryStore
from models.callbacks import moved, seen_of, wished
from models.tables import CallbackRow
from routing.callback import CallbackEvent, CallbackSeen, CallbackState, of_call
from routing.errors import IllegalMove


class MemoryLockouts:
    """Twin of `models.lockouts.Lockouts`: so many failures lock for good."""

    def __init__(self, store: MemoryStore, clock: FakeClock, *, most_failures: int = 5) -> None:
        self.store, self.clock, self.most_failures = store, clock, most_failures

    async def locked(self, subjects: Sequence[str], *, now: float) -> bool:
        """Whether one of them has failed too often."""
        self.store.reach()
        return any(self.store.failures.get(subject, 0) >= self.most_failures for subject in subjects)

    async def failed(self, subjects: Sequence[str], *, now: float) -> bool:
        """Count a failure for each."""
        self.store.reach()
        for subject in subjects:
            self.store.failures[subject] = self.store.failures.get(subject, 0) + 1
        return await self.locked(subjects, now=now)

    async def passed(self, subjects: Sequence[str], *, now: float) -> None:
        """Forget the failures of these."""
        self.store.reach()
        for subject in subjects:
            self.store.failures.pop(subject, None)


class MemoryMessenger:
    """Twin of `models.outbox.Outbox`: keeps what is sent."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def send(self, message: TextMessage, *, now: float) -> bool:
        """Keep a message, once per key."""
        self.store.reach()
        if message.to in self.store.opted_out:
            return False
        if all(kept.key != message.key for kept in self.store.messages):
            self.store.messages.append(message)
        return True


class MemoryCases:
    """Twin of `models.cases.Cases`."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def open(self, case: NewCase, *, now: float) -> CaseOpened:
        """Number cases from 100001; one tier up for a customer who has one open."""
        self.store.reach()
        for kept, opened in self.store.cases:
            if (kept.call_id, kept.subject) == (case.call_id, case.subject):
                return opened
        again = case.customer_id is not None and any(k.customer_id == case.customer_id for k, _ in self.store.cases)
        due = (datetime.fromtimestamp(now, UTC) + timedelta(days=case.due_days)).date()
        made = CaseOpened(str(100001 + len(self.store.cases)), min(3, case.tier + again), due)
        self.store.cases.append((case, made))
        return made


class MemoryCallbacks:
    """Twin of `models.callbacks.CallbackBook`: its rules on rows in a dictionary."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def request(self, wish: CallbackWish, *, now: float) -> int:
        """Keep a wish in place of an open one of the same number and queue."""
        self.store.reach()
        before = self._open(wish.number, wish.queue)
        row = wished(wish, before, now)
        if before is not None:
            moved(before, CallbackEvent.REPLACE, now)
        row.id = len(self.store.callbacks) + 1
        self.store.callbacks[row.id] = row
        return row.id

    async def all_open(self, *, now: float) -> tuple[CallbackSeen, ...]:
        """The open wishes that may be dialled by now or are being carried out."""
        store = self.store
        store.reach()
        calling = {call.ani for call in store.calls.values() if call.ended_at is None and of_call(call.id) is None}
        answered = {offer.call_id for offer in store.offers.values() if offer.answered_at is not None}
        rows = [row for row in store.callbacks.values() if row.closed_at is None]
        found = [row for row in rows if row.state != CallbackState.WAITING or row.next_at <= now]
        seen = [seen_of(row, on_the_line=row.number in calling) for row in found]
        seen = [replace(one, talked=one.state != CallbackState.WAITING and one.call_id in answered) for one in seen]
        return tuple(sorted(seen, key=lambda one: (one.wish.since - one.wish.credit_s, one.id)))

    async def find(self, callback_id: int, fence: int) -> CallbackSeen | None:
        """An open wish that still carries this fence."""
        row = self._hold(callback_id, fence)
        return None if row is None else seen_of(row)

    async def claim(
        self, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
    ) -> CallbackSeen | None:
        """Claim a waiting wish for one call."""
        row = self._hold(callback_id, fence)
        if row is None or row.state != CallbackState.WAITING or row.next_at > now:
            return None
        row.state, row.fence, row.tries = CallbackState.DIALLING.value, fence + 1, row.tries + 1
        row.node, row.next_at = node, now + lease_s
        return seen_of(row)

    async def move(
        self, callback_id: int, fence: int, event: CallbackEvent, *, now: float, until: float | None = None
    ) -> bool:
        """What has happened to a wish."""
        row = self._hold(callback_id, fence)
        if row is None:
            return False
        try:
            moved(row, event, now, until)
        except IllegalMove:
            return False
        return True

    async def came_back(self, number: str, queue: str, *, now: float) -> bool:
        """The customer called and reached an agent of that queue."""
        self.store.reach()
        row = self._open(number, queue)
        if row is not None:
            moved(row, CallbackEvent.COME_BACK, now)
        return row is not None

    def _open(self, number: str, queue: str) -> CallbackRow | None:
        rows = self.store.callbacks.values()
        return next((r for r in rows if (r.number, r.queue) == (number, queue) and r.closed_at is None), None)

    def _hold(self, callback_id: int, fence: int) -> CallbackRow | None:
        self.store.reach()
        row = self.store.callbacks.get(callback_id)
        return None if row is None or row.fence != fence or row.closed_at is not None else row


class MemoryWebhooks:
    """Twin of `ivr.webhooks.HttpWebhooks`: answers by address."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, Any] | Callable[[WebRequest], Mapping[str, Any]]] = {}
        self.asked: list[WebRequest] = []

    async def ask(self, request: WebRequest, *, deadline_s: float) -> Mapping[str, Any]:
        """The answer that was put under this address."""
        self.asked.append(request)
        answer = self.answers.get(request.url)
        if answer is None:
            raise DipFailed(f"nothing answers at {request.url}")
        return answer(request) if callable(answer) else answer
