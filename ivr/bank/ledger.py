"""What the demonstration bank's customers pay with, from the seed: PINs, accounts, cards, movements, points, plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ivr.bank.generate import Customer
from ivr.bank.habits import Habit
from ivr.bank.holdings import Product
from ivr.bank.people import CHEN_WEI, LI_NA, LIU_YANG, WANG_FANG, ZHANG_MIN, ZHOU_LEI
from ivr.bank.workdays import Span, day_in, workday_before
from menus.entry import fits_luhn

#: PIN and birthday of those whom the demonstration calls as; docs/bank.md tells them to whoever tries it.
NAMED_SECRETS: Mapping[int, tuple[str, str]] = {
    LI_NA: ("135790", "19880314"),
    WANG_FANG: ("246801", "19920820"),
    CHEN_WEI: ("314159", "19790210"),
    ZHANG_MIN: ("271828", "19850725"),
    LIU_YANG: ("161803", "19960102"),
    ZHOU_LEI: ("141421", "19940612"),
}
#: Days of movements before the end of history.
MOVEMENT_DAYS = 45
_PURCHASES = ("supermarket", "restaurant", "fuel", "chemist", "online shop", "railway")
_LIMITS = {"mass": 20_000, "affluent": 60_000, "private": 200_000, "business": 100_000, "broker": 60_000}  # yuan
_WAGES = {"mass": 7_000, "affluent": 22_000, "private": 80_000, "business": 0, "broker": 15_000}  # yuan a month


@dataclass(frozen=True, slots=True)
class Card:
    """A bank card, of the product at that place among the customer's."""

    product: int
    number: str
    limit_cents: int = 0
    limit_most_cents: int = 0
    used_cents: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """Money in or out of the current account."""

    at: float
    amount_cents: int
    about: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due again and again for a product."""

    product: int
    amount_cents: int
    remaining: int
    next_on: date


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything about one customer that calls without an agent may ask for."""

    pin: str
    birthday: str
    accounts: tuple[tuple[int, str], ...]  #: place of the product, number
    cards: tuple[Card, ...]
    points: int
    movements: tuple[Movement, ...]  #: oldest first
    plans: tuple[Plan, ...]


def ledger_of(one: Customer, seed: int, span: Span) -> Ledger:
    """The ledger of a customer: who pays an instalment has a plan, and their transfers are among the movements."""
    person = one.person
    rng = Random(f"{seed}/ledger/{person.id}")
    pin, birthday = f"{rng.randrange(10**6):06d}", f"{_born(rng, person.since_on):%Y%m%d}"
    pin, birthday = NAMED_SECRETS.get(person.id, (pin, birthday))
    plans = tuple(_plans(rng, one.products))
    cards = tuple(_cards(one))
    return Ledger(
        pin=pin,
        birthday=birthday,
        accounts=tuple(
            (place, account_number(person.id, place))
            for place, product in enumerate(one.products)
            if product.kind in ("current_account", "savings")
        ),
        cards=cards,
        points=rng.randrange(25_000 if len(cards) > 1 else 2_000),
        movements=tuple(sorted(_movements(rng, one, plans, span), key=lambda movement: movement.at)),
        plans=plans,
    )


def account_number(customer_id: int, place: int) -> str:
    """Twelve digits, the last of them a check digit."""
    return _checked(f"8001{customer_id:06d}{place}", "")


def card_number(customer_id: int, last_four: str, *, credit: bool) -> str:
    """Sixteen digits that end as they are told, with a check digit in their midst."""
    return _checked("6225" if credit else "6221", f"{customer_id:06d}0{last_four}")


def _checked(before: str, after: str) -> str:
    return next(number for digit in range(10) if fits_luhn(number := f"{before}{digit}{after}"))


def _born(rng: Random, since: date) -> date:
    """Of age on the day they became a customer."""
    return since - timedelta(days=19 * 366 + rng.randrange(45 * 365))


def _cards(one: Customer) -> Iterator[Card]:
    person = one.person
    for place, product in enumerate(one.products):
        if product.kind == "current_account":
            yield Card(place, card_number(person.id, f"{person.id * 7919 % 10_000:04d}", credit=False))
        elif product.kind == "credit_card":
            used, limit = max(0, -product.balance_cents), _LIMITS[person.segment] * 100
            limit = max(limit, -(-used // 500_000) * 500_000)
            number = card_number(person.id, product.name[-4:], credit=True)
            yield Card(place, number, limit, limit * 3 // 2, used)


def _plans(rng: Random, products: tuple[Product, ...]) -> Iterator[Plan]:
    for place, product in enumerate(products):
        if product.key_on is None:
            continue
        if product.key_kind == "instalment_due":
            remaining = rng.randint(6, 36)
            yield Plan(place, -(product.balance_cents // remaining), remaining, product.key_on)
        elif product.key_kind == "premium_due":
            yield Plan(place, rng.randrange(300, 3_000) * 100, 1, product.key_on)


def _movements(rng: Random, one: Customer, plans: tuple[Plan, ...], span: Span) -> Iterator[Movement]:
    """Wages, what the customer paid on the phone and elsewhere, and some purchases."""
    first, until = max(span.until - timedelta(days=MOVEMENT_DAYS), one.person.since_on), span.until
    began, ended = span.midnight(first), span.midnight(until)
    if began >= ended:
        return
    due = {one.products[plan.product].key_kind: plan.amount_cents for plan in plans}
    paid = {"instalment": due.get("instalment_due"), "insurance": due.get("premium_due")}
    for event in one.history[-40:]:
        if event.at >= began and event.task in ("transfer", *paid):
            cents = paid.get(event.task) or rng.randrange(5_000, 400_000)
            yield Movement(min(event.at + 90, ended - 1), -cents, event.task)
    if wages := _WAGES[one.person.segment] * 100:
        day = next((habit.day for habit in one.habits if isinstance(habit, Habit) and habit.wages), 10)
        for year, month in {(first.year, first.month), (until.year, until.month)}:
            on = workday_before(day_in(year, month, day))
            if first <= on < until:
                yield Movement(span.midnight(on) + 6 * 3600, wages + rng.randrange(-50_000, 50_000), "wages")
    for _ in range(4):
        at = rng.uniform(began, ended - 1)
        yield Movement(at, -rng.randrange(800, 40_000), rng.choice(_PURCHASES))
