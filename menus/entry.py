"""What a caller types: key after key, until it is a value of the book or it is told why it is none. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from menus.schema import Collect, MenuBook
from menus.spoken.money import LARGEST, Money
from menus.values import Value

#: Decimals of an amount.
DECIMALS = 2
#: Digits after which a date or a time is complete, whatever the book allows.
MOST_OF_DATE, MOST_OF_TIME = 8, 4
#: Years that a caller can mean.
FIRST_YEAR, LAST_YEAR = 1900, 2199
#: Digits of a long number that may be shown.
SHOWN_DIGITS = 4
#: Years until the 29th of February comes again, at most.
_LEAP_GAP = 8


@dataclass(frozen=True, slots=True)
class Form:
    """How something is typed."""

    most: int  #: digits; the last one ends the entry
    finish_key: str = "#"
    back_key: str = "*"
    repeat_key: str = "#"
    point: bool = False  #: star is the decimal point, once a digit has been typed


class Keyed(StrEnum):
    """What a key does to an entry."""

    GOES_ON = "goes_on"
    ENDED = "ended"
    BACK = "back"  # to the menu before: nothing was typed yet
    AGAIN = "again"  # what was typed is dropped, the prompt is said again


class Wrong(StrEnum):
    """Why what was typed is no value."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_AMOUNT = "no_amount"
    NO_DATE = "no_date"
    NO_TIME = "no_time"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    MISTYPED = "mistyped"  # a check digit does not fit
    NOT_FUTURE = "not_future"
    NOT_PAST = "not_past"
    CLOSED = "closed"  # nobody is there at that time


def form_of(book: MenuBook, step: Collect) -> Form:
    """How the value of a step is typed."""
    most = step.most
    if step.type == "date":
        most = min(most, MOST_OF_DATE)
    elif step.type == "time":
        most = min(most, MOST_OF_TIME)
    return Form(most, step.finish_key, book.back_key, book.repeat_key, step.type == "money")


def pressed(form: Form, typed: str, key: str) -> tuple[str, Keyed]:
    """What was typed after one more key, and what that key did."""
    if key == form.finish_key:
        return typed, Keyed.ENDED
    if key in "0123456789":
        typed += key
        whole, point, decimals = typed.partition("*")
        ended = len(whole) + len(decimals) >= form.most or (bool(point) and len(decimals) >= DECIMALS)
        return typed, Keyed.ENDED if ended else Keyed.GOES_ON
    if form.point and key == "*" and typed:
        return (typed + "*", Keyed.GOES_ON) if "*" not in typed else ("", Keyed.AGAIN)
    if key == form.back_key and not typed:
        return "", Keyed.BACK
    return "", Keyed.AGAIN


def read(step: Collect, typed: str, now: datetime, *, opens_at: Callable[[time], bool] | None = None) -> Value | Wrong:
    """The value that was typed, or why it is none. `now` is aware, in the book's time zone."""
    digits = len(typed.replace("*", ""))
    if digits == 0:
        return Wrong.EMPTY
    if digits < step.least:
        return Wrong.TOO_SHORT
    if digits > step.most:
        return Wrong.TOO_LONG
    match step.type:
        case "digits":
            return _checked(step, typed)
        case "number":
            return _within(step, int(typed), 1)
        case "money":
            return _money(step, typed)
        case "date":
            return _date(step, typed, now.date())
        case "time":
            return _time(step, typed, opens_at)


def _checked(step: Collect, typed: str) -> Value | Wrong:
    fits = {"luhn": fits_luhn, "iban": fits_iban}.get(step.check or "")
    return typed if fits is None or fits(typed) else Wrong.MISTYPED


def _within(step: Collect, number: int, unit: int) -> int | Wrong:
    """The number itself, or that it lies outside; limits are in units of so many. What cannot be spoken is too much."""
    if step.smallest is not None and number < step.smallest * unit:
        return Wrong.TOO_SMALL
    if number > (LARGEST if step.largest is None else min(LARGEST, step.largest)) * unit:
        return Wrong.TOO_LARGE
    return number


def _money(step: Collect, typed: str) -> Money | Wrong:
    whole, _, decimals = typed.partition("*")
    if not whole or "*" in decimals or len(decimals) > DECIMALS:
        return Wrong.NO_AMOUNT
    cents = _within(step, int(whole) * 100 + int(decimals.ljust(DECIMALS, "0")), 100)
    if isinstance(cents, Wrong):
        return cents
    return Wrong.TOO_SMALL if cents == 0 and step.smallest is None else Money(cents)


def _date(step: Collect, typed: str, today: date) -> date | Wrong:
    if len(typed) == MOST_OF_DATE:
        day = _day(int(typed[:4]), typed[4:])
    elif len(typed) == MOST_OF_DATE // 2:
        day = _nearest(typed, today, past=step.check == "past")
    else:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        return Wrong.NO_DATE
    if step.check == "future" and day <= today:
        return Wrong.NOT_FUTURE
    if step.check == "past" and day >= today:
        return Wrong.NOT_PAST
    return day


def _nearest(month_and_day: str, today: date, *, past: bool) -> date | None:
    """The next such day, today included; for a day of the past the last one."""
    for years in range(_LEAP_GAP + 1):
        day = _day(today.year + (-years if past else years), month_and_day)
        if day is not None and (day <= today if past else day >= today):
            return day
    return None


def _day(year: int, month_and_day: str) -> date | None:
    try:
        return date(year, int(month_and_day[:2]), int(month_and_day[2:]))
    except ValueError:
        return None


def _time(step: Collect, typed: str, opens_at: Callable[[time], bool] | None) -> time | Wrong:
    """Hours and minutes; 930 is half past nine."""
    if len(typed) not in (MOST_OF_TIME - 1, MOST_OF_TIME):
        return Wrong.NO_TIME
    hour, minute = int(typed[:-2]), int(typed[-2:])
    if hour > 23 or minute > 59:
        return Wrong.NO_TIME
    wished = time(hour, minute)
    if step.check == "in_hours" and opens_at is not None and not opens_at(wished):
        return Wrong.CLOSED
    return wished


def fits_luhn(digits: str) -> bool:
    """Whether the last digit of a card number fits the others (ISO/IEC 7812-1)."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def fits_iban(digits: str) -> bool:
    """Whether the check digits fit (ISO 7064 MOD 97-10): at the end, or in an IBAN whose letters are typed as numbers.

    Telephones have no letters: DE89… is typed 1314 89…, with A=10 to Z=35.
    """
    return int(digits) % 97 == 1 or (len(digits) > 6 and int(digits[6:] + digits[:6]) % 97 == 1)


def shown(value: Value) -> str:
    """A value as records and screens may show it: of long numbers the last four digits."""
    if isinstance(value, Money):
        return f"{value.cents / 100:.2f} {value.currency}"
    if isinstance(value, bool | int | float | date):
        return str(value).lower()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if len(value) > SHOWN_DIGITS + 2 and value.isdecimal():
        return "…" + value[-SHOWN_DIGITS:]
    return value[:80]
