"""Who keeps the book's order for comparison, and why: callers drawn once for all, and days that are off for all.

A hold-out compares callers with callers; on/off days compare each caller with themselves, as in a crossover trial.
"""

from datetime import date
from enum import StrEnum

from menus.lot import lot, within


class Held(StrEnum):
    """Why somebody keeps the book's order."""

    NOBODY = "nobody"  # a caller without a number: nothing can be known of them, so they are compared with nobody
    DRAWN = "drawn"  # drawn by lot for the hold-out, in every call
    OFF_DAYS = "off_days"  # the whole site is static on these days


def held(caller: str | None, began_on: date, *, salt: str, share: float, cycle_days: int) -> Held | None:
    """Why this caller keeps the book's order in a call that began on this day of the site; None when they do not.

    `caller`: the customer's id or the number; None without either. `cycle_days`: so many days personal, then so many
    static, and so on; 0 is always personal.
    """
    if caller is None:
        return Held.NOBODY
    if is_off(began_on, cycle_days):
        return Held.OFF_DAYS
    return Held.DRAWN if held_out(caller, salt, share) else None


def is_off(day: date, cycle_days: int) -> bool:
    """Whether the whole site is static on this day. Counted from day 1 of the calendar: alike on all nodes."""
    return cycle_days > 0 and day.toordinal() // cycle_days % 2 == 1


def held_out(caller: str, salt: str, share: float) -> bool:
    """Whether this caller keeps the book's order for comparison: always the same answer for the same salt."""
    return within(lot(f"{salt}\0{caller}"), share)
