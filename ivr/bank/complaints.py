"""Complaints of the demonstration bank: a matter, the calls about it, and the case that is opened for it."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ivr.bank.habits import Event, second_of_day
from ivr.bank.people import CHEN_WEI, Person
from ivr.bank.workdays import Span

SUBJECTS = (
    "Charged twice for one transfer",
    "Card payment not recognised",
    "Annual fee charged although waived",
    "Transfer has not arrived",
    "Cash machine kept the card",
    "Insurance claim unanswered",
    "Instalment booked twice",
    "Wrong exchange rate",
    "Rude treatment at the branch",
    "Statement missing for two months",
)
STILL_OPEN = 0.5  # share of complainers whose last matter is recent
DAYS_TO_ANSWER = 7


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint; its number is given when all are known."""

    subject: str
    tier: int  #: 1 front line, 2 specialist, 3 senior
    opened_at: float
    due_at: float
    closed_at: float | None


def _matter(rng: Random, span: Span, start: date, hour: float) -> tuple[Case, list[Event]]:
    """One matter: a first call that opens the case, further calls when nothing comes of it."""
    calls, day = [start], start
    while len(calls) < 4 and rng.random() < 0.45:
        day += timedelta(days=rng.randint(2, 6))
        calls.append(day)
    calls = [day for day in calls if day < span.until]
    events = [Event(span.midnight(day) + second_of_day(rng, hour), "complaint", "agent") for day in calls]
    tier = 1 if len(calls) < 3 else rng.choice((2, 2, 3))
    closed_on = start + timedelta(days=rng.randint(6, 16) + 6 * (tier - 1))
    case = Case(
        subject=rng.choice(SUBJECTS),
        tier=tier,
        opened_at=events[0].at,
        due_at=span.midnight(start + timedelta(days=DAYS_TO_ANSWER)) + 18 * 3600,
        closed_at=span.midnight(closed_on) + 15 * 3600 if closed_on < span.until else None,
    )
    return case, events


def complaints_of(person: Person, seed: int, span: Span) -> tuple[list[Case], list[Event]]:
    """The cases of a customer and the calls about them; nothing for those who do not complain."""
    if not person.complains:
        return [], []
    if person.id == CHEN_WEI:
        opened_at = span.midnight(span.until - timedelta(days=5)) + 10.5 * 3600
        due_at = span.midnight(span.until + timedelta(days=2)) + 18 * 3600
        return [Case(SUBJECTS[0], 1, opened_at, due_at, None)], [Event(opened_at, "complaint", "agent")]
    rng = Random(f"{seed}/complaints/{person.id}")
    hour = rng.uniform(9, 18)
    starts = []
    joined = max(span.first, person.since_on)
    known = (span.until - joined).days
    if rng.random() < STILL_OPEN:
        starts.append(span.until - timedelta(days=rng.randint(1, min(12, known))))
    if not starts or rng.random() < 0.4:
        starts.append(joined + timedelta(days=rng.randrange(max(1, known - 40))))
    cases, events = [], []
    for start in sorted(starts):
        case, calls = _matter(rng, span, start, hour)
        cases.append(case)
        events += calls
    return cases, events
