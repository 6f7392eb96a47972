"""The twin of the Bank port: customers in a list, some of them with accounts."""

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, Claimant, CustomerView
from ivr.testing.accounts import HANDLERS, ZONE, Work
from ivr.testing.accounts import MemoryAccount as MemoryAccount
from ivr.testing.accounts import MemoryCard as MemoryCard
from ivr.testing.accounts import MemoryInstalment as MemoryInstalment
from ivr.testing.clock import FakeClock
from menus.operations import OPERATIONS


class MemoryBank:
    """A bank that knows whoever is put into `customers`; those of `accounts` can be verified and served.

    `away` makes every verb but the first raise BankAway, `answers_left` does so after so many more; `delay_s` lets
    orders take so long on `clock`, for ever when it is infinite; `scripted` answers are given whatever is true. Days
    are those of `zone`.
    """

    def __init__(
        self,
        *customers: CustomerView,
        accounts: tuple[MemoryAccount, ...] = (),
        clock: FakeClock | None = None,
        zone: ZoneInfo = ZONE,
    ) -> None:
        self.customers = list(customers)
        self.accounts: dict[int, MemoryAccount] = {}
        self.answers: dict[str, tuple[BankOrder, BankAnswer]] = {}  #: by key, of orders that change something
        self.asked: list[BankOrder] = []  #: every order, repeated ones too
        self.clock, self.zone = clock, zone
        self.away = False
        self.answers_left: int | None = None
        self.delay_s = 0.0
        self.scripted: dict[str, BankAnswer] = {}  #: by operation
        for account in accounts:
            self.open(account)

    def open(self, account: MemoryAccount) -> MemoryAccount:
        """A new customer with an account."""
        self.accounts[account.customer_id] = account
        if all(known.id != account.customer_id for known in self.customers):
            self.customers.append(account.view())
        return account

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten, by id; cases and contacts after `now` are left out."""
        found = sorted((one for one in self.customers if ani in one.numbers), key=lambda one: one.id)
        return tuple(_as_of(one, now) for one in found[:10])

    async def customer(self, customer_id: int, *, now: float, deadline_s: float) -> CustomerView | None:
        """The customer of that id."""
        self._reach()
        return next((_as_of(one, now) for one in self.customers if one.id == customer_id), None)

    async def whose(self, claimant: Claimant, *, deadline_s: float) -> int | None:
        """By the card if one was typed, else by the number if exactly one customer has it."""
        self._reach()
        if claimant.card:
            held = [one for one in self.accounts.values() if any(card.has_number(claimant.card) for card in one.cards)]
            ids = [one.customer_id for one in held]
        else:
            ids = [one.id for one in self.customers if claimant.ani is not None and claimant.ani in one.numbers]
        return ids[0] if len(ids) == 1 else None

    async def verify(self, claimant: Claimant, customer_id: int | None, *, deadline_s: float) -> bool:
        """Whether the secret is that customer's."""
        self._reach()
        account = self.accounts.get(customer_id or 0)
        if account is None:
            return False
        if account.proves is not None:
            return account.proves(claimant)
        return claimant.secret == (account.pin if claimant.by == "pin" else account.birthday) != ""

    async def perform(self, order: BankOrder, *, now: float, deadline_s: float) -> BankAnswer:
        """Carry an order out, at most once per key."""
        self._reach()
        self.asked.append(order)
        if self.delay_s == float("inf"):
            await asyncio.Event().wait()
        if self.delay_s > deadline_s:
            await self._pass(deadline_s)
            raise BankAway("told to be late")
        await self._pass(self.delay_s)
        if order.operation in self.scripted:
            return self.scripted[order.operation]
        if order.key in self.answers:
            before, answer = self.answers[order.key]
            if (before.customer_id, before.operation) != (order.customer_id, order.operation):
                raise BankAway("this key belongs to another order; nothing was done")
            return answer
        account = self.accounts.get(order.customer_id)
        if account is None or order.operation not in HANDLERS:
            raise BankAway("there is no such customer; nothing was done")
        answer = HANDLERS[order.operation](Work(self.accounts, account, order, now, self.zone))
        if OPERATIONS[order.operation].writes:
            self.answers[order.key] = (order, answer)
        return answer

    async def _pass(self, seconds: float) -> None:
        """Let others do something until so much time has passed."""
        if seconds and self.clock is not None:
            over = asyncio.Event()
            self.clock.later(seconds, over.set)
            await over.wait()

    def _reach(self) -> None:
        if self.answers_left is not None:
            self.answers_left -= 1
            self.away |= self.answers_left < 0
        if self.away:
            raise BankAway("told to be away")


def _as_of(one: CustomerView, now: float) -> CustomerView:
    cases = sorted((case for case in one.cases if case.opened_at <= now), key=lambda case: -case.opened_at)
    contacts = sorted((contact for contact in one.contacts if contact.at < now), key=lambda contact: -contact.at)
    return replace(one, cases=tuple(cases), contacts=tuple(contacts[:10]))
