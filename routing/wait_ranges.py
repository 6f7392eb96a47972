"""The range of minutes that a caller is told, and whether it held.

Its ends are few round numbers. An end that was said stays until the estimate has crossed it by a tenth, so a range does
not jump up and down about an edge; it is said anew when it is another one, or when half of it is over.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from routing.waits import Expected, adapted

#: Ends of ranges, in minutes.
ENDS_MIN = (0, 2, 3, 5, 10, 15, 20, 30, 45, 60)
#: By which share an estimate must have crossed an end before another one is said.
BAND = 0.1
#: A range is at most so wide, in minutes; wider than the first only up to three times its lower end. Else nothing is
#: said.
WIDE_MIN, WIDEST_MIN = 12, 30
#: The least of "more than"; below it such a range would say nothing.
LONG_MIN = 30
#: The share of waits that ranges should hold, and the limits of what the formula is asked for to get there.
COVERAGE, LEAST_AIMED, MOST_AIMED = 0.8, 0.3, 0.99


@dataclass(frozen=True, slots=True)
class WaitRange:
    """From so many minutes to so many."""

    least_min: int  #: 0: less than
    most_min: int | None  #: None: more than

    def __str__(self) -> str:
        if self.most_min is None:
            return f"more than {self.least_min} minutes"
        least = f"{self.least_min} to" if self.least_min else "less than"
        return f"{least} {self.most_min} minutes"

    def fate(self, wait_s: float, *, over: bool) -> str | None:
        """held, sooner or later; None while the caller still waits, or has left before it could be seen."""
        if self.most_min is not None and wait_s > self.most_min * 60:
            return "later"
        if not over:
            return None
        return "sooner" if wait_s < self.least_min * 60 else "held"


def range_of(expected: Expected, last: WaitRange | None = None) -> WaitRange | None:
    """The range to tell, after another one or first; None when the estimate is too wide to be worth a word."""
    low, high = expected.low_s / 60, expected.high_s / 60
    least = max(end for end in ENDS_MIN if end <= low)
    if last is not None and last.least_min * (1 - BAND) <= low < _above(last.least_min) * (1 + BAND):
        least = last.least_min
    most = next((end for end in ENDS_MIN[1:] if high <= end), None)
    if last is not None and last.most_min and _below(last.most_min) * (1 - BAND) < high <= last.most_min * (1 + BAND):
        most = last.most_min
    if most is None:
        return WaitRange(least, None) if least >= LONG_MIN else None
    least = min(least, _below(most))
    return WaitRange(least, most) if most - least <= max(WIDE_MIN, min(3 * least, WIDEST_MIN)) else None


def _above(end: int) -> float:
    return next((other for other in ENDS_MIN if other > end), float("inf"))


def _below(end: int) -> int:
    return max(other for other in ENDS_MIN if other < end)


def is_news(found: WaitRange, last: WaitRange | None, since_s: float) -> bool:
    """Whether a range is worth saying `since_s` seconds after the last one."""
    return found != last or since_s >= (found.most_min or 2 * LONG_MIN) * 30


@dataclass(frozen=True, slots=True)
class Told:
    """A range that was said, and what came of it."""

    queue: str
    range: WaitRange
    mean_s: float  #: the estimate behind it
    wait_s: float  #: from then until an agent answered, or the caller left, or until now
    over: bool  #: an agent answered
    basis: str | None = None  #: digest of the fitted model that the estimate is of; none: the formula

    @property
    def fate(self) -> str | None:
        """held, sooner, later or None."""
        return self.range.fate(self.wait_s, over=self.over)


def aimed_at(told: Iterable[Told]) -> dict[str, float]:
    """By queue: the coverage to ask the formula for, so that in the long run the ranges hold as often as they should.

    Each that did not hold widens those to come, each that did narrows them a little (`routing.waits.adapted`).
    `told` is in the order in which it was said.
    """
    aimed: dict[str, float] = {}
    for one in told:
        if one.fate is not None:
            after = adapted(aimed.get(one.queue, COVERAGE), COVERAGE, outside=one.fate != "held")
            aimed[one.queue] = min(max(after, LEAST_AIMED), MOST_AIMED)
    return aimed
