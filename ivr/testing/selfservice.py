"""Twins of the service ports: lock-outs, messages, cases, callbacks and other systems, in memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.errors import DipFailed
from ivr.ports import CallbackWish, CaseFile, CaseOpened, NewCase, TalkedTo, TextMessage, WebRequest
from ivr.settings import Verification
from ivr.testing.store import Failures, MemoryStore
from models.callbacks import moved, seen_of, wished
from models.outbox import LAPSED, OPTED_OUT, NotSent, Outgoing, Posted, pause_s
from models.tables import CallbackRow, OutboxRow
from routing.callback import CallbackEvent, CallbackSeen, CallbackState
from routing.errors import IllegalMove

ZONE = ZoneInfo("Asia/Shanghai")


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
    """Twin of `models.outbox.Outbox`: keeps what is sent, and hands it out like the table does."""

    def __init__(self, store: MemoryStore, node: str = "node-a", *, most_tries: int = 8, retry_s: float = 30.0) -> None:
        self.store, self._node = store, node
        self._most_tries, self._retry_s = most_tries, retry_s

    async def send(self, message: TextMessage, *, now: float) -> bool:
        """Keep a message, once per key."""
        self.store.reach()
        if message.to in self.store.opted_out:
            return False
        if all(kept.key != message.key for kept in self.store.messages):
            self.store.messages.append(message)
            self.store.outbox.append(
                OutboxRow(
                    id=len(self.store.outbox) + 1,
                    key=message.key,
                    to=message.to,
                    text=message.text,
                    template=message.template,
                    state="waiting",
                    tries=0,
                    made_at=now,
                    next_at=now,
                )
            )
        return True

    async def claim(self, *, now: float, lease_s: float, most: int) -> tuple[Outgoing, ...]:
        """Take messages that are due into hand."""
        self.store.reach()
        for row in self.store.outbox:
            if row.state == "sending" and row.next_at <= now and row.tries >= self._most_tries:
                row.state, row.fault, row.node = "failed", LAPSED, None
        due = [row for row in self.store.outbox if row.state in ("waiting", "sending") and row.next_at <= now]
        due = sorted(due, key=lambda row: (row.next_at, row.id))[:most]
        for row in due:
            row.state, row.node, row.next_at, row.tries = "sending", self._node, now + lease_s, row.tries + 1
        return tuple(
            Outgoing(row.id, row.key, row.to, row.text, row.tries) for row in sorted(due, key=lambda one: one.id)
        )

    async def sent(self, message: Outgoing, *, now: float) -> bool:
        """The gateway took it."""
        row = self._held(message)
        if row is not None:
            row.state, row.sent_at, row.node, row.fault = "sent", now, None, None
        return row is not None

    async def not_sent(self, message: Outgoing, fault: str, *, for_good: bool, now: float) -> NotSent | None:
        """It waits for its next try, or is given up."""
        row = self._held(message)
        if row is None:
            return None
        row.fault, row.node = fault, None
        if for_good or row.tries >= self._most_tries:
            row.state = "failed"
            return NotSent.GIVEN_UP
        row.state, row.next_at = "waiting", now + pause_s(row.tries, self._retry_s)
        return NotSent.WAITS

    async def counts(self) -> Mapping[str, int]:
        """How many messages are in each state."""
        self.store.reach()
        states = [row.state for row in self.store.outbox]
        waiting = states.count("waiting") + states.count("sending")
        return {"waiting": waiting, "sent": states.count("sent"), "failed": states.count("failed")}

    async def newest(self, most: int, *, state: str | None = None) -> tuple[Posted, ...]:
        """The newest messages, of one state or of all."""
        self.store.reach()
        rows = [row for row in reversed(self.store.outbox) if state in (None, row.state)][:most]
        return tuple(Posted(row.made_at, row.to, row.template, row.state, row.tries, row.fault) for row in rows)

    async def opt_out(self, number: str, *, now: float) -> int:
        """This number wants no messages."""
        self.store.reach()
        self.store.opted_out.add(number)
        waiting = [row for row in self.store.outbox if row.to == number and row.state == "waiting"]
        for row in waiting:
            row.state, row.fault = "failed", OPTED_OUT
        return len(waiting)

    async def opt_in(self, number: str) -> bool:
        """This number wants messages again."""
        self.store.reach()
        there = number in self.store.opted_out
        self.store.opted_out.discard(number)
        return there

    async def opted_out(self) -> tuple[str, ...]:
        """Every number that wants no messages."""
        self.store.reach()
        return tuple(sorted(self.store.opted_out))

    def _held(self, message: Outgoing) -> OutboxRow | None:
        self.store.reach()
        row = self.store.outbox[message.id - 1]
        mine = row.state == "sending" and row.node == self._node and row.tries == message.tries
        return row if mine else None


class MemoryCases:
    """Twin of `models.cases.CaseBook`."""

    def __init__(self, store: MemoryStore, zone: ZoneInfo = ZONE) -> None:
        self.store, self._zone = store, zone

    async def open(self, case: NewCase, *, now: float) -> CaseOpened:
        """Number cases from 100001."""
        self.store.reach()
        for kept, opened in self.store.cases:
            if (kept.call_id, kept.subject) == (case.call_id, case.subject):
                return opened
        tier = case.tier
        due = datetime.fromtimestamp(now, self._zone).date() + timedelta(days=case.due_days)
        if tier in case.due_at:
            due = datetime.fromtimestamp(case.due_at[tier], self._zone).date()
        made = CaseOpened(str(100001 + len(self.store.cases)), tier, due)
        self.store.cases.append((case, made))
        return made

    async def of_call(self, call_id: str) -> tuple[CaseFile, ...]:
        """The cases of the caller of this call."""
        self.store.reach()
        call = self.store.calls[call_id]
        known = {call.customer_id, call.verified_as} - {None}
        return tuple(
            CaseFile(
                number, made.number, case.subject, made.tier, "open", 0.0, None, None, case.severity, case.about,
                case.ani, case.customer_id, None, None, case.against_id,
            )
            for number, (case, made) in enumerate(self.store.cases, start=1)
            if case.call_id == call_id or case.customer_id in known or (case.ani is not None and case.ani == call.ani)
        )  # fmt: skip

    async def talked_to(self, call_id: str, *, but: int, since: float) -> tuple[TalkedTo, ...]:
        """The agents whom the caller of this call has talked to."""
        self.store.reach()
        mine = self.store.calls[call_id]
        found: dict[int, float] = {}
        for offer in self.store.offers.values():
            call, at = self.store.calls[offer.call_id], offer.answered_at
            theirs = call.id == call_id or call.ani == mine.ani or (call.customer_id or -1) == mine.customer_id
            if theirs and at is not None and at >= since and offer.agent_id != but:
                found[offer.agent_id] = max(at, found.get(offer.agent_id, at))
        agents = [self.store.agents[id_] for id_ in sorted(found, key=lambda id_: -found[id_])]
        return tuple(TalkedTo(agent.id, agent.name, agent.full_name) for agent in agents)


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
        row.id = self.store.next_id("callbacks", self.store.callbacks)
        self.store.callbacks[row.id] = row
        return row.id

    async def all_open(self, *, now: float) -> tuple[CallbackSeen, ...]:
        """The open wishes that may be dialled by now or are being carried out."""
        self.store.reach()
        return self.store.wishes(now)

    async def find(self, callback_id: int, fence: int) -> CallbackSeen | None:
        """An open wish that still carries this fence."""
        row = self._hold(callback_id, fence)
        return None if row is None else seen_of(row)

    async def claim(
        self, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
    ) -> CallbackSeen | None:
        """Claim a waiting wish for one call."""
        row = self._hold(callback_id, fence)
        if row is None or row.state != CallbackState.WAITING or row.next_at > now or self.store.is_called(row):
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

    async def waiting(self, number: str, queue: str) -> CallbackSeen | None:
        """The wish of a number for a queue that nobody has called for yet."""
        self.store.reach()
        row = self._open(number, queue)
        return None if row is None or row.state != CallbackState.WAITING else seen_of(row)

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
