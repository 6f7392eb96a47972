"""What the demonstration bank's customers hold, with the next key dates, and what has happened in their lives."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ivr.bank.habits import Habit, Whim
from ivr.bank.people import LI_NA, Person
from ivr.bank.workdays import Span, day_in

LIFE_EVENTS = ("moving_house", "new_car", "marriage", "child", "retirement", "bereavement", "disaster")
WITH_LIFE_EVENT = 0.18  # share of customers in whose life something happened within a year


@dataclass(frozen=True, slots=True)
class Product:
    """A product that a customer holds."""

    kind: str
    name: str
    opened_on: date
    balance_cents: int
    key_kind: str | None = None  #: card_expiry, premium_due, instalment_due, contract_end
    key_on: date | None = None


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Something in a customer's life that changes what they need."""

    kind: str
    happened_on: date


def _next_due(habit: Habit, span: Span) -> date:
    """The first due day, the last day of the habit's window, on or after the end of history."""
    index = span.until.year * 12 + span.until.month - 1
    while True:
        due = day_in(index // 12, index % 12 + 1, habit.latest)
        if due >= span.until and index % habit.every == habit.phase:
            return due
        index += 1


_CARDS = {"mass": "Classic card", "affluent": "Gold card", "private": "Platinum card", "business": "Business card"}
_WORTH = {"mass": 1, "affluent": 6, "private": 60, "business": 25, "broker": 12}


def products_of(person: Person, habits: tuple[Habit | Whim, ...], seed: int, span: Span) -> list[Product]:
    """Accounts and contracts that fit what the customer does: who pays an instalment has one."""
    rng = Random(f"{seed}/products/{person.id}")
    tasks = {habit.task for habit in habits}
    worth = _WORTH[person.segment]

    def opened() -> date:
        return person.since_on + timedelta(days=rng.randrange(max(1, (span.until - person.since_on).days)))

    def amount(low: int, high: int) -> int:
        return rng.randrange(low, high) * worth * 100 + rng.randrange(100)

    firm = person.segment == "business"
    account = "Business account" if firm else "Everyday account"
    products = [Product("current_account", account, person.since_on, amount(200, 30_000))]
    if rng.random() < 0.45:
        products.append(Product("savings", "Flexible savings", opened(), amount(1_000, 90_000)))
    if person.id == LI_NA or ("card" in tasks and rng.random() < 0.7):
        expiry = day_in(span.until.year + rng.randint(0, 3), rng.randint(1, 12), 31)
        if expiry < span.until:
            expiry = day_in(expiry.year + 4, expiry.month, 31)
        name = f"{_CARDS.get(person.segment, 'Classic card')} ·{rng.randrange(10_000):04d}"
        products.append(Product("credit_card", name, opened(), -amount(0, 4_000), "card_expiry", expiry))
    for habit in habits:
        if not isinstance(habit, Habit) or habit.ends < span.until:
            continue
        if habit.task == "instalment":
            owed, due = -amount(500, 9_000), _next_due(habit, span)
            products.append(Product("instalment", "Car instalment", opened(), owed, "instalment_due", due))
        elif habit.task == "insurance":
            name = "Car insurance" if habit.every == 12 else "Household insurance"
            due = _next_due(habit, span)
            products.append(Product("insurance", name, opened(), 0, "premium_due", due))
    if rng.random() < 0.12:
        end = span.until + timedelta(days=rng.randint(20, 3_000))
        products.append(Product("loan", "Housing loan", opened(), -amount(20_000, 400_000), "contract_end", end))
    return products


def life_events_of(person: Person, seed: int, span: Span) -> list[LifeEvent]:
    """At most two, within the last year."""
    rng = Random(f"{seed}/life/{person.id}")
    if person.segment == "business" or rng.random() >= WITH_LIFE_EVENT:
        return []
    kinds = rng.sample(LIFE_EVENTS, 2 if rng.random() < 0.1 else 1)
    return [LifeEvent(kind, span.until - timedelta(days=rng.randint(1, 365))) for kind in kinds]
