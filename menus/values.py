"""Values that a call collects and steps give: what kinds there are, and how they are kept with the call."""

from collections.abc import Mapping
from datetime import date, time
from enum import StrEnum
from typing import Any

from menus.spoken.money import Money

Value = bool | int | float | str | Money | date | time


class ValueKind(StrEnum):
    """What a value is; decides how it may be spoken and what conditions may do with it."""

    NUMBER = "number"  # int
    DIGITS = "digits"  # str of 0-9, such as an account number
    MONEY = "money"  # menus.spoken.Money; in conditions its cents
    DATE = "date"  # datetime.date; in conditions `NAME` is text 2026-12-01 and `NAME_in_days` a number
    TIME = "time"  # datetime.time; in conditions text 14:30
    TEXT = "text"  # str; never spoken, because it was not rendered beforehand
    YES_NO = "yes_no"  # bool


#: Python types of each kind.
TYPES: Mapping[ValueKind, type] = {
    ValueKind.NUMBER: int,
    ValueKind.DIGITS: str,
    ValueKind.MONEY: Money,
    ValueKind.DATE: date,
    ValueKind.TIME: time,
    ValueKind.TEXT: str,
    ValueKind.YES_NO: bool,
}


def to_json(value: Value) -> Any:
    """Plain JSON from which `from_json` makes the same value."""
    if isinstance(value, Money):
        return {"cents": value.cents, "currency": value.currency}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat("minutes")}
    return value


def from_json(data: Any) -> Value:
    """What `to_json` was given. Raises ValueError for anything else."""
    match data:
        case {"cents": int(cents), "currency": str(currency)}:
            return Money(cents, currency)
        case {"date": str(written)}:
            return date.fromisoformat(written)
        case {"time": str(written)}:
            return time.fromisoformat(written)
        case bool() | int() | float() | str():
            return data
    raise ValueError("this is not a value of a call")


def is_of(value: Value, kind: ValueKind) -> bool:
    """Whether a value is of this kind."""
    return isinstance(value, TYPES[kind]) and (kind is ValueKind.YES_NO or not isinstance(value, bool))
