"""Accounts of the Bank port's twin: what a customer has, and every operation of `menus.operations` on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ivr.bank import terms
from ivr.bank.credentials import card_hash, card_key
from ivr.bank.terms import refused
from ivr.ports import BankAnswer, BankOrder, BankRow, Claimant, CustomerView
from menus.operations import OPERATIONS
from menus.spoken.money import Money
from menus.values import Value

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class MemoryCard:
    """A card. `credit` cards have a limit; the others belong to the current account."""

    number: str = field(repr=False)
    credit: bool = True
    limit_cents: int = 2_000_000
    limit_most_cents: int = 3_000_000
    used_cents: int = 0
    blocked: bool = False
    number_hash: str = field(default="", repr=False)  #: of a card of which only the end of the number is known

    def has_number(self, number: str) -> bool:
        """Whether this is its whole number."""
        return card_hash(number, card_key()) == self.number_hash if self.number_hash else number == self.number

    @property
    def last_four(self) -> str:
        """What may be said of it."""
        return self.number[-4:]


@dataclass
class MemoryInstalment:
    """A running plan."""

    amount_cents: int
    remaining: int
    next_on: date


@dataclass
class MemoryAccount:
    """A customer with everything that calls without an agent may ask for. What is left out, the customer lacks."""

    customer_id: int
    numbers: tuple[str, ...] = ()
    name: str = ""
    language: str = "en"
    segment: str = "mass"
    pin: str = field(default="", repr=False)
    birthday: str = field(default="", repr=False)  #: YYYYMMDD
    proves: Callable[[Claimant], bool] | None = field(default=None, repr=False)  #: compares in place of the two above
    account: str | None = None  #: number of the current account; empty when it cannot be paid to
    balance_cents: int = 0
    currency: str = "CNY"  #: of the current account
    further: dict[str, str] = field(default_factory=dict)  #: number of another account → its currency
    cards: list[MemoryCard] = field(default_factory=list)
    points: int = 0
    instalments: list[MemoryInstalment] = field(default_factory=list)
    key_dates: list[tuple[str, date, int | None]] = field(default_factory=list)  #: kind, day, amount in cents
    movements: list[tuple[float, int, str]] = field(default_factory=list)  #: moment, cents (negative: out), about

    def view(self) -> CustomerView:
        """What an agent sees of somebody of whom only this is known."""
        name = self.name or f"Customer {self.customer_id}"
        since = date(2020, 1, 1)
        return CustomerView(
            self.customer_id, name, self.language, self.segment, since, 0, 0.0, self.numbers, (), (), (), ()
        )

    @property
    def paid_under(self) -> dict[str, str]:
        """Every number under which money can be sent to this customer, with the currency of the account."""
        return self.further | ({self.account: self.currency} if self.account else {})

    @property
    def credit_card(self) -> MemoryCard | None:
        """The first credit card that is not blocked."""
        return next((card for card in self.cards if card.credit and not card.blocked), None)


@dataclass(frozen=True)
class Work:
    """An order being carried out."""

    accounts: Mapping[int, MemoryAccount]  #: of the whole bank
    account: MemoryAccount
    order: BankOrder
    now: float
    zone: ZoneInfo = ZONE

    @property
    def today(self) -> date:
        """The bank's day."""
        return self.day_of(self.now)

    def day_of(self, at: float) -> date:
        """The bank's day of a moment."""
        return datetime.fromtimestamp(at, self.zone).date()

    def param(self, name: str) -> Any:
        """A parameter of the order."""
        return self.order.params[name]

    def payee(self, currency: str | None = None) -> MemoryAccount | str:
        """Whose account the money is to go to, of this currency if one is named, or the refusal."""
        to = self.param("to")
        having = (one for one in self.accounts.values() if to in one.paid_under)
        found = next((one for one in having if currency in (None, one.paid_under[to])), None)
        if found is None:
            return "unknown_payee"
        return "own_account" if found is self.account else found


def _balance(work: Work) -> BankAnswer:
    if work.account.account is None:
        return refused("no_account")
    return BankAnswer({"balance": Money(work.account.balance_cents, work.account.currency)})


def _transactions(work: Work) -> BankAnswer:
    if work.account.account is None:
        return refused("no_account")
    seen = sorted((one for one in work.account.movements if one[0] <= work.now), key=lambda one: one[0], reverse=True)
    rows = [
        BankRow(
            "in" if cents > 0 else "out",
            {"date": work.day_of(at), "amount": Money(abs(cents), work.account.currency)},
        )
        for at, cents, _ in seen[: terms.rows_wanted(work.order.params.get("count"))]
    ]
    return BankAnswer(rows=tuple(rows))


def _payee(work: Work) -> BankAnswer:
    found = work.payee()
    if isinstance(found, str):
        return refused(found)
    return BankAnswer({"payee_known": True, "payee_ending": work.param("to")[-4:]})


def _transfer(work: Work) -> BankAnswer:
    mine, amount = work.account, work.param("amount")
    if mine.account is None or amount.currency != mine.currency:
        return refused("no_account")
    other = work.payee(amount.currency)
    if isinstance(other, str):
        return refused(other)
    sent = -sum(cents for at, cents, about in mine.movements if about == terms.SENT and work.day_of(at) == work.today)
    refusal = terms.transfer_refusal(
        amount.cents, balance_cents=mine.balance_cents, sent_today_cents=sent, segment=mine.segment
    )
    if refusal is not None:
        return refused(refusal)
    mine.balance_cents -= amount.cents
    mine.movements.append((work.now, -amount.cents, terms.SENT))
    if work.param("to") == other.account:  # of further accounts nobody is told the balance
        other.balance_cents += amount.cents
        other.movements.append((work.now, amount.cents, terms.RECEIVED))
    balance = Money(mine.balance_cents, mine.currency)
    return BankAnswer({"reference": terms.reference_of(work.order.key), "balance": balance})


def _block_card(work: Work) -> BankAnswer:
    wanted = work.order.params.get("card")
    cards = [card for card in work.account.cards if wanted is None or card.last_four == wanted]
    active = [card for card in cards if not card.blocked]
    if len(active) > 1:
        return refused("which_card")
    if not active and (wanted is None or not cards):
        return refused("no_card")
    card = (active or cards)[0]
    card.blocked = True
    return BankAnswer({"card": card.last_four, "reference": terms.reference_of(work.order.key)})


def _card_limit(work: Work) -> BankAnswer:
    card = work.account.credit_card
    if card is None:
        return refused("no_card")
    limit, used, most = Money(card.limit_cents), Money(max(0, card.used_cents)), Money(card.limit_most_cents)
    return BankAnswer({"card": card.last_four, "limit": limit, "used": used, "limit_most": most})


def _set_card_limit(work: Work) -> BankAnswer:
    card, limit = work.account.credit_card, work.param("limit")
    if card is None:
        return refused("no_card")
    refusal = terms.limit_refusal(limit.cents, used_cents=card.used_cents, most_cents=card.limit_most_cents)
    if refusal is not None:
        return refused(refusal)
    card.limit_cents = limit.cents
    return BankAnswer({"card": card.last_four, "limit": limit})


def _points(work: Work) -> BankAnswer:
    return BankAnswer({"points": work.account.points})


def _redeem(work: Work) -> BankAnswer:
    card, points = work.account.credit_card, work.param("points")
    if card is None:
        return refused("no_card")
    if (refusal := terms.redeem_refusal(points, has=work.account.points)) is not None:
        return refused(refusal)
    cents = points // terms.POINTS_PER_CENT
    work.account.points -= cents * terms.POINTS_PER_CENT
    card.used_cents -= cents
    return BankAnswer({"points": work.account.points, "credited": Money(cents)})


def _instalment_plan(work: Work) -> BankAnswer:
    card, months = work.account.credit_card, work.param("months")
    if card is None:
        return refused("no_card")
    if (refusal := terms.plan_refusal(months, used_cents=card.used_cents)) is not None:
        return refused(refusal)
    each, due = terms.instalment_of(card.used_cents, months), terms.month_later(work.today)
    work.account.instalments.append(MemoryInstalment(each, months, due))
    card.used_cents = 0
    return BankAnswer({"instalment": Money(each), "due": due, "months": months})


def _instalments(work: Work) -> BankAnswer:
    plans = [
        (due, plan.amount_cents)
        for plan in work.account.instalments
        if (due := terms.due_on(plan.next_on, plan.remaining, work.today)) is not None
    ]
    if not plans:
        return refused("no_instalment")
    due, cents = min(plans, key=lambda plan: plan[0].on)
    left = Money(cents * due.remaining)
    return BankAnswer({"due": due.on, "instalment": Money(cents), "remaining": due.remaining, "outstanding": left})


def _key_dates(work: Work) -> BankAnswer:
    kinds, rows = OPERATIONS["key_dates"].rows, []
    for kind, day, cents in sorted(work.account.key_dates, key=lambda one: one[1]):
        values: dict[str, Value] = {"date": day}
        if cents is not None and "amount" in kinds[kind]:
            values["amount"] = Money(cents)
        if day >= work.today and values.keys() == kinds[kind].keys():
            rows.append(BankRow(kind, values))
    return BankAnswer(rows=tuple(rows[: terms.MOST_ROWS])) if rows else refused("no_dates")


#: Operation → what carries it out.
HANDLERS: dict[str, Callable[[Work], BankAnswer]] = {
    "balance": _balance,
    "transactions": _transactions,
    "payee": _payee,
    "transfer": _transfer,
    "block_card": _block_card,
    "card_limit": _card_limit,
    "set_card_limit": _set_card_limit,
    "points": _points,
    "redeem": _redeem,
    "instalment_plan": _instalment_plan,
    "instalments": _instalments,
    "key_dates": _key_dates,
}
