"""The demonstration bank, drawn from a seed: the same seed and date give the same bank, customer by customer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from ivr.bank.complaints import Case, complaints_of
from ivr.bank.habits import Event, Habit, Whim, events_of, habits_of
from ivr.bank.holdings import LifeEvent, Product, life_events_of, products_of
from ivr.bank.people import CUSTOMERS, Person, people
from ivr.bank.workdays import Span, months_before

HISTORY_MONTHS = 18


@dataclass(frozen=True, slots=True)
class Customer:
    """Everything the demonstration bank knows of one customer."""

    person: Person
    habits: tuple[Habit | Whim, ...]  #: why the history is as it is; not stored
    products: tuple[Product, ...]
    life_events: tuple[LifeEvent, ...]
    cases: tuple[Case, ...]
    history: tuple[Event, ...]  #: oldest first


def span_of(until: date, zone: ZoneInfo) -> Span:
    """The days of history before `until`."""
    return Span(months_before(until, HISTORY_MONTHS), until, zone)


def customer(person: Person, seed: int, span: Span) -> Customer:
    """One customer with all that belongs to them."""
    habits = habits_of(person, seed, span)
    cases, calls = complaints_of(person, seed, span)
    history = sorted((*events_of(person, habits, seed, span), *calls), key=lambda event: (event.at, event.task))
    return Customer(
        person=person,
        habits=habits,
        products=tuple(products_of(person, habits, seed, span)),
        life_events=tuple(life_events_of(person, seed, span)),
        cases=tuple(cases),
        history=tuple(history),
    )


def generate(seed: int, until: date, zone: ZoneInfo, count: int = CUSTOMERS) -> Iterator[Customer]:
    """Every customer of the bank, by rising id, with history up to and without the day `until`."""
    span = span_of(until, zone)
    for person in people(seed, span.first, until, count):
        yield customer(person, seed, span)
