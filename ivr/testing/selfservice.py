"""Twins of the service ports: lock-outs, messages, cases, callbacks and other systems, in memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.errors import DipFailed
from ivr.ports import CallbackWish, CaseOpened, NewCase, TextMessage, WebRequest
from ivr.testing.clock import FakeClock
from ivr.testing.store import MemoryStore


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
    """Twin of `models.callbacks.CallbackBook`."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def request(self, wish: CallbackWish, *, now: float) -> int:
        """Keep a wish in place of an open one of the same number and queue."""
        self.store.reach()
        for id_, kept in self.store.callbacks.items():
            if (kept.number, kept.queue) == (wish.number, wish.queue):
                self.store.callbacks[id_] = wish
                return id_
        self.store.callbacks[len(self.store.callbacks) + 1] = wish
        return len(self.store.callbacks)


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
