"""The demonstration bank's customers: who they are, what kind of caller each is, and on which numbers they call."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from ivr.bank.names import firm_name, person_name

CUSTOMERS = 2200  #: size of the demonstration bank
SEED = 20261201  #: the demonstration bank is the same on every machine


class Persona(StrEnum):
    """What a customer mostly calls about, and when."""

    MONTH_START = "month_start"  # transfers on one of the first days of each month
    SALARY_DAY = "salary_day"  # asks for the balance once wages have come in, on the 10th, 15th or 25th
    CARD = "card"  # card questions, mostly after the statement
    INSTALMENT = "instalment"  # pays an instalment shortly before its due day
    INSURANCE = "insurance"  # pays a premium by quarter or by year
    OCCASIONAL = "occasional"  # hardly ever calls
    BUSINESS = "business"  # a small firm: transfers and balances on working days
    BROKER = "broker"  # asks about insurance for others, on working days


#: Share of each persona among the customers, in per cent.
SHARES = {
    Persona.MONTH_START: 22,
    Persona.SALARY_DAY: 22,
    Persona.CARD: 17,
    Persona.INSTALMENT: 12,
    Persona.INSURANCE: 10,
    Persona.OCCASIONAL: 11,
    Persona.BUSINESS: 4,
    Persona.BROKER: 2,
}

COMPLAINING = 0.05  # share of customers who have complained
WITHHELD = 0.03  # share of customers without any stored number
NEWCOMERS = 0.15  # share of customers who joined within the span of history
COUPLES = 60  # pairs who share one number
FIRMS = 20  # small firms whose people call from one number

LI_NA, WANG_FANG, CHEN_WEI, ZHANG_MIN, LIU_YANG, ZHOU_LEI = range(1, 7)  #: ids of those whom the demonstration calls as
NAMED = 6  #: ids up to this one belong to named persons


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number in E.164. All are drawn from blocks that the demonstration bank keeps to itself."""

    e164: str
    kind: str  #: mobile, home or work


@dataclass(frozen=True, slots=True)
class Person:
    """One customer."""

    id: int
    name: str
    language: str
    segment: str  #: mass, affluent, private, business, broker
    persona: Persona
    since_on: date
    yearly_value_cents: int
    churn_risk: float
    complains: bool
    numbers: tuple[Number, ...]


def mobile(index: int) -> Number:
    """Mobile numbers are +86138000 and five digits; those below 00100 belong to named persons."""
    return Number(f"+86138000{index:05d}", "mobile")


def _named(until: date) -> tuple[Person, ...]:
    since = date(until.year - 8, 3, 14)

    def one(id_: int, name: str, language: str, persona: Persona, phone: int) -> Person:
        return Person(id_, name, language, "mass", persona, since, 84_000, 0.08, False, (mobile(phone),))

    return (
        replace(one(LI_NA, "Li Na", "en", Persona.MONTH_START, 1), segment="affluent", yearly_value_cents=310_000),
        one(WANG_FANG, "王芳", "zh", Persona.CARD, 2),
        replace(one(CHEN_WEI, "Chen Wei", "en", Persona.SALARY_DAY, 3), complains=True, churn_risk=0.62),
        one(ZHANG_MIN, "张敏", "zh", Persona.SALARY_DAY, 4),
        one(LIU_YANG, "Liu Yang", "en", Persona.MONTH_START, 5),
        one(ZHOU_LEI, "Zhou Lei", "en", Persona.CARD, 5),
    )


_VALUE_CENTS = {
    "mass": (8_000, 90_000),
    "affluent": (90_000, 600_000),
    "private": (600_000, 5_000_000),
    "business": (150_000, 2_500_000),
    "broker": (300_000, 1_500_000),
}


def _drawn(id_: int, seed: int, first: date, until: date) -> Person:
    rng = Random(f"{seed}/person/{id_}")  # each customer has a source of their own: one change leaves all others alone
    persona = rng.choices(tuple(SHARES), tuple(SHARES.values()))[0]
    language = "zh" if rng.random() < 0.62 else "en"
    if persona in (Persona.BUSINESS, Persona.BROKER):
        segment = persona.value
    else:
        segment = rng.choices(("mass", "affluent", "private"), (72, 22, 6))[0]
    if rng.random() < NEWCOMERS:
        since = first + timedelta(days=rng.randrange(max(1, (until - first).days - 20)))
    else:
        since = first - timedelta(days=1 + rng.randrange(20 * 365))
    complains = rng.random() < COMPLAINING
    low, high = _VALUE_CENTS[segment]
    return Person(
        id=id_,
        name=firm_name(rng, language) if persona is Persona.BUSINESS else person_name(rng, language),
        language=language,
        segment=segment,
        persona=persona,
        since_on=since,
        yearly_value_cents=rng.randrange(low, high, 100),
        churn_risk=round(min(0.95, rng.betavariate(1.4, 12) + (0.35 if complains else 0.0)), 3),
        complains=complains,
        numbers=(),
    )


def _with_numbers(people: list[Person], seed: int) -> list[Person]:
    """Give everybody a number, some two, some none, and let some share one."""
    rng = Random(f"{seed}/numbers")
    indices = rng.sample(range(100, 100_000), len(people))
    homes = iter(rng.sample(range(10_000), min(10_000, len(people) + COUPLES + FIRMS)))

    def landline(kind: str) -> Number:
        return Number(f"+86105550{next(homes):04d}", kind)

    numbers: list[tuple[Number, ...]] = []
    for index in indices:
        own: tuple[Number, ...] = (mobile(index),)
        chance = rng.random()
        if chance < WITHHELD:
            own = ()
        elif chance < WITHHELD + 0.12:
            own = (*own, landline("home"))
        numbers.append(own)

    callers = [n for n, person in enumerate(people) if person.persona is not Persona.BUSINESS and numbers[n]]
    rng.shuffle(callers)
    couples = min(COUPLES, len(callers) // 2)
    for pair in range(couples):
        one, other = callers[2 * pair], callers[2 * pair + 1]
        shared = numbers[one][0] if rng.random() < 0.5 else landline("home")
        for n in (one, other):
            kept = tuple(number for number in numbers[n] if rng.random() < 0.5 and number != shared)
            numbers[n] = (shared, *kept)
    firms = [n for n, person in enumerate(people) if person.persona is Persona.BUSINESS]
    others = callers[2 * couples :]
    for firm in firms[:FIRMS]:
        desk = landline("work")
        for n in (firm, *(others.pop() for _ in range(min(len(others), rng.randint(2, 4))))):
            numbers[n] = (desk, *numbers[n])
    return [replace(person, numbers=numbers[n]) for n, person in enumerate(people)]


def people(seed: int, first: date, until: date, count: int = CUSTOMERS) -> tuple[Person, ...]:
    """Every customer, the named persons first; `first` and `until` are the span of history."""
    named = _named(until)
    drawn = [_drawn(id_, seed, first, until) for id_ in range(NAMED + 1, count + 1)]
    return (*named[:count], *_with_numbers(drawn, seed))
