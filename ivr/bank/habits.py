"""What customers do and when: habits that follow the calendar, whims that do not, and the events that come of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp
from random import Random

from ivr.bank.people import CHEN_WEI, LI_NA, LIU_YANG, WANG_FANG, ZHANG_MIN, ZHOU_LEI, Person, Persona
from ivr.bank.workdays import Span, day_in, is_free, workday_before

PAY_DAYS = (10, 15, 25)
DRIFTING = 0.12  # share of customers whose main habit changes half-way
SECOND_HABIT = 0.3  # share of customers with a second, looser habit
ON_A_FREE_DAY = 0.35  # how likely a free day is, against a working day next to it
HOME_OR_AWAY = ("ivr",) * 15 + ("app",) * 3 + ("branch",) * 2


@dataclass(frozen=True, slots=True)
class Habit:
    """A task done on certain days of the month, every so many months."""

    task: str
    day: int  #: the likeliest day of the month
    earliest: int  #: never before this day of the month …
    latest: int  #: … nor after this one
    every: int = 1  #: months from one occurrence to the next
    phase: int = 0  #: in months whose number, counted from year 0, leaves this remainder
    kept: float = 0.93  #: probability that it is done when it is due
    wages: bool = False  #: follows wages, which come on `day`, or before it when that is a free day
    begins: date = date.min
    ends: date = date.max  #: not on or after this day


@dataclass(frozen=True, slots=True)
class Whim:
    """A task done on any day."""

    task: str
    per_month: float
    workdays_only: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a customer did, in the words of the menu."""

    at: float  #: UTC seconds of the epoch
    task: str
    source: str  #: ivr, agent, app, branch


_NAMED: dict[int, tuple[Habit | Whim, ...]] = {
    LI_NA: (
        Habit("transfer", 1, 1, 3, kept=1.0),
        Habit("balance", 15, 14, 16, kept=0.95),
        Whim("card", 0.4),
    ),
    WANG_FANG: (Habit("card", 20, 19, 23), Whim("card", 0.8), Whim("balance", 0.3), Whim("points", 0.2)),
    CHEN_WEI: (Habit("balance", 10, 10, 12, wages=True), Whim("transfer", 0.3), Whim("agent", 0.1)),
    ZHANG_MIN: (Habit("balance", 25, 25, 27, wages=True, kept=0.97), Whim("transfer", 0.2)),
    LIU_YANG: (Habit("transfer", 2, 1, 4), Whim("balance", 0.3)),
    ZHOU_LEI: (Habit("card", 12, 11, 15), Whim("card", 0.5), Whim("points", 0.2)),
}

_NOISE = (Whim("balance", 0.18), Whim("transfer", 0.1), Whim("card", 0.08), Whim("points", 0.04), Whim("agent", 0.05))


def _main_habit(rng: Random, persona: Persona) -> Habit | None:
    """The habit that makes the persona; none for those who have no calendar."""
    match persona:
        case Persona.MONTH_START:
            return Habit("transfer", rng.choice((1, 1, 1, 2, 2, 3)), 1, 4)
        case Persona.SALARY_DAY:
            day = rng.choice(PAY_DAYS)
            return Habit("balance", day, day, day + 2, wages=True)
        case Persona.CARD:
            day = rng.randint(3, 24)
            return Habit("card", day + 1, day, day + 4, kept=0.8)
        case Persona.INSTALMENT:
            due = rng.randint(5, 28)
            return Habit("instalment", due - 1, due - 3, due, kept=0.96)
        case Persona.INSURANCE:
            due, every = rng.randint(4, 27), rng.choice((3, 3, 3, 12))
            return Habit("insurance", due, due - 3, due + 1, every=every, phase=rng.randrange(every), kept=0.97)
        case Persona.BUSINESS:
            return Habit("transfer", 27, 25, 28)
        case Persona.OCCASIONAL | Persona.BROKER:
            return None


_WHIMS: dict[Persona, tuple[Whim, ...]] = {
    Persona.CARD: (Whim("card", 1.3), Whim("points", 0.3)),
    Persona.INSURANCE: (Whim("insurance", 0.1),),
    Persona.BUSINESS: (Whim("transfer", 6, True), Whim("balance", 4, True), Whim("agent", 0.3, True)),
    Persona.BROKER: (Whim("insurance", 7, True), Whim("agent", 1.2, True)),
}


def habits_of(person: Person, seed: int, span: Span) -> tuple[Habit | Whim, ...]:
    """Everything this customer does of their own accord; the main habit, if any, comes first."""
    if person.id in _NAMED:
        return _NAMED[person.id]
    rng = Random(f"{seed}/habits/{person.id}")
    if person.persona is Persona.OCCASIONAL:
        return tuple(replace(whim, per_month=whim.per_month * 0.3) for whim in _NOISE)
    habits: list[Habit | Whim] = []
    main = _main_habit(rng, person.persona)
    if main is not None:
        if main.every == 1 and rng.random() < DRIFTING:
            turn = span.first + timedelta(days=int(span.days * rng.uniform(0.4, 0.6)))
            successor = _main_habit(rng, rng.choice((Persona.MONTH_START, Persona.SALARY_DAY, person.persona))) or main
            habits += (replace(main, ends=turn), replace(successor, begins=turn))
        else:
            habits.append(main)
    if rng.random() < SECOND_HABIT:
        second = _main_habit(rng, rng.choice((Persona.SALARY_DAY, Persona.CARD, Persona.INSURANCE)))
        if second is not None and (main is None or second.task != main.task):
            habits.append(replace(second, kept=0.6))
    return (*habits, *_WHIMS.get(person.persona, ()), *_NOISE)


def _window(habit: Habit, year: int, month: int) -> tuple[date, date, date]:
    """Likeliest, earliest and latest day of this month's occurrence."""
    day, earliest, latest = (day_in(year, month, n) for n in (habit.day, habit.earliest, habit.latest))
    if habit.wages:
        paid = workday_before(day)
        return paid, paid, max(latest, paid + timedelta(days=2))
    return day, earliest, latest


def _habit_days(rng: Random, habit: Habit, span: Span) -> Iterator[date]:
    for year, month in span.months():
        if (year * 12 + month - 1) % habit.every != habit.phase or rng.random() >= habit.kept:
            continue
        likeliest, earliest, latest = _window(habit, year, month)
        days = [earliest + timedelta(days=n) for n in range((latest - earliest).days + 1)]
        weights = [exp(-abs((day - likeliest).days)) * (ON_A_FREE_DAY if is_free(day) else 1.0) for day in days]
        day = rng.choices(days, weights)[0]
        if habit.begins <= day < habit.ends:
            yield day


def _whim_days(rng: Random, whim: Whim, span: Span) -> Iterator[date]:
    gap = 30.4 / whim.per_month
    at = rng.expovariate(1 / gap)
    while at < span.days:
        day = span.first + timedelta(days=int(at))
        at += rng.expovariate(1 / gap)
        free = is_free(day)
        if free and (whim.workdays_only or rng.random() >= ON_A_FREE_DAY):
            continue
        yield day


def second_of_day(rng: Random, hour: float) -> float:
    """A time of day near the customer's usual hour, between 7 and 22 o'clock, in seconds after midnight."""
    at = rng.gauss(hour, 1.6)
    while not 7 <= at < 22:
        at = rng.gauss(hour, 1.6)
    return at * 3600


def events_of(person: Person, habits: tuple[Habit | Whim, ...], seed: int, span: Span) -> list[Event]:
    """What comes of the habits within the span, from the day the customer joined; in no order."""
    rng = Random(f"{seed}/events/{person.id}")
    hour = rng.choice((9.5, 10.5, 12.5, 15.0, 17.5, 19.5, 20.5))
    events: list[Event] = []
    for habit in habits:
        days = _habit_days(rng, habit, span) if isinstance(habit, Habit) else _whim_days(rng, habit, span)
        for day in days:
            if span.first <= day < span.until and day >= person.since_on:
                source = "agent" if habit.task == "agent" else rng.choice(HOME_OR_AWAY)
                events.append(Event(span.midnight(day) + second_of_day(rng, hour), habit.task, source))
    return events
