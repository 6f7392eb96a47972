"""Twins of the service ports: lock-outs, messages, cases, callbacks and other systems, in memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.errors import DipFailed
from ivr.ports import CallbackWish, CaseOpened, NewCase, TextMessage, WebRequest
from ivr.settings import Verification
from ivr.testing.store import Failures, MemoryStore


class MemoryLockouts:
    """Twin of `models.lockouts.Lockouts`; `store.lockouts` may be looked at."""

    def __init__(self, store: MemoryStore, rules: Verification | None = None) -> None:
        self.store, self.rules = store, rules or Verification()

    async def locked(self, subjects: Sequence[str], *, now: float) -> bool:
        """Whether one of them is locked."""
        self.store.reach()
        return any(self._locked(subject, now) for subject in subjects)

    async def tried(self, subjects: Sequence[str], *, now: float) -> bool:
        """Count an attempt for each, unless one is locked."""
        if await self.locked(subjects, now=now):
            return False
        for subject in subjects:
            old = self.store.lockouts.get(subject, Failures(0, now))
            stale = old.locked_until is not None or old.since <= now - self.rules.window_s
            count, since = (1, now) if stale else (old.failures + 1, old.since)
            locked_until = now + self.rules.lock_s if count >= self.rules.most_failures else None
            self.store.lockouts[subject] = Failures(count, since, locked_until)
        return True

    async def untried(self, subjects: Sequence[str], *, now: float) -> None:
        """Take one attempt of each back."""
        self.store.reach()
        for subject in subjects:
            old = self.store.lockouts.get(subject)
            if old is not None and old.failures > 0:
                locked_until = old.locked_until if old.failures > self.rules.most_failures else None
                self.store.lockouts[subject] = Failures(old.failures - 1, old.since, locked_until)

    async def passed(self, subjects: Sequence[str], *, now: float) -> None:
        """Forget the failures of these."""
        self.store.reach()
        for subject in subjects:
            self.store.lockouts.pop(subject, None)

    def _locked(self, subject: str, now: float) -> bool:
        kept = self.store.lockouts.get(subject)
        return kept is not None and kept.locked_until is not None and kept.locked_until > now


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
