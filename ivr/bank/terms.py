"""The terms of the demonstration bank: what it allows, what it asks for it, and what it says no to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from ivr.bank.workdays import day_in
from ivr.ports import BankAnswer


@dataclass(frozen=True, slots=True)
class Limits:
    """What a customer may send by telephone, in cents."""

    single_cents: int
    daily_cents: int


_USUAL = Limits(5_000_000, 10_000_000)  # 50,000 and 100,000 yuan
LIMITS: Mapping[str, Limits] = {
    "affluent": Limits(20_000_000, 50_000_000),
    "private": Limits(50_000_000, 200_000_000),
    "business": Limits(50_000_000, 200_000_000),
}
#: Months that what is used of a card may be paid back in.
PLAN_MONTHS = (3, 6, 12, 24)
#: Points that are worth one cent.
POINTS_PER_CENT = 5
#: Rows of a list, unless fewer are asked for.
USUAL_ROWS, MOST_ROWS = 5, 10
#: How a transfer by telephone stands among the movements, for the one who sends it and the one who gets it.
SENT, RECEIVED = "telephone transfer", "transfer received"


def limits_of(segment: str) -> Limits:
    """What customers of this segment may send."""
    return LIMITS.get(segment, _USUAL)


def transfer_refusal(cents: int, *, balance_cents: int, sent_today_cents: int, segment: str) -> str | None:
    """Why a transfer is not carried out; None when it is. An amount that is none counts as over the limit."""
    limits = limits_of(segment)
    if not 0 < cents <= limits.single_cents:
        return "over_limit"
    if cents > balance_cents:
        return "insufficient_funds"
    if sent_today_cents + cents > limits.daily_cents:
        return "daily_limit"
    return None


def limit_refusal(cents: int, *, used_cents: int, most_cents: int) -> str | None:
    """Why the limit of a card is not changed; None when it is."""
    if cents > most_cents:
        return "over_limit"
    return "below_used" if cents < max(0, used_cents) else None


def redeem_refusal(points: int, *, has: int) -> str | None:
    """Why points are not turned into money; None when they are. Fewer than are worth a cent are too few."""
    return "too_few_points" if points > has or points < POINTS_PER_CENT else None


def plan_refusal(months: int, *, used_cents: int) -> str | None:
    """Why there is no plan; None when there is one."""
    if used_cents <= 0:
        return "nothing_used"
    return None if months in PLAN_MONTHS else "months_not_offered"


def instalment_of(used_cents: int, months: int) -> int:
    """What is due each month, in cents: a debt in equal parts, rounded up."""
    return -(-used_cents // months)


def month_later(day: date, months: int = 1) -> date:
    """The same day so many months later, or the last of that month."""
    index = day.year * 12 + day.month - 1 + months
    return day_in(index // 12, index % 12 + 1, day.day)


@dataclass(frozen=True, slots=True)
class Due:
    """The next instalment."""

    on: date
    remaining: int


def due_on(next_on: date, remaining: int, today: date) -> Due | None:
    """The next instalment of a plan whose next one was on `next_on` with so many left; None when all were paid."""
    passed = 0
    while month_later(next_on, passed) < today and passed < remaining:
        passed += 1
    return Due(month_later(next_on, passed), remaining - passed) if passed < remaining else None


def reference_of(key: str) -> str:
    """The number under which an order can be asked for: eight digits, the same whenever the order is repeated."""
    return f"{int.from_bytes(sha256(key.encode()).digest()[:8]) % 10**8:08d}"


def rows_wanted(count: object) -> int:
    """How many rows of a list are given."""
    return max(1, min(MOST_ROWS, count)) if isinstance(count, int) else USUAL_ROWS


def refused(word: str) -> BankAnswer:
    """No, and why."""
    return BankAnswer(refusal=word)
