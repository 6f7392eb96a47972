"""How a past day bears on today: one table per day, from the age of an event to its weights.

Every habit that is learned is a sum over past events of a weight that depends on two dates only. So the weights are
worked out once a day, for every age, and a caller's features are one look-up and one sum, however long the history.
"""

from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt

from menus.learning.features import MONTH_DAYS

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SAME_DAY = 0.5  #: days of the month less apart than this are the same
EVERY_DAYS = 30  #: the fixed interval that standing habits were measured to have, beside the calendar month
#: What the columns of a table are, in their order; each is summed over the events of one task.
WEIGHTS = (
    "ever",  # how often
    "lately",  # half as much for each 30 days
    "half_year",  # half as much for each 180 days, as in all kernels below
    "on_day",  # on just this day of the month
    "near_day",  # a day off: 1/e
    "about_day",  # three days off: 1/e
    "to_month_end",  # as far from the end of the month
    "after_free",  # the same day, put off by weekends and holidays
    "before_free",  # the same day, brought forward by them
    "last_month",  # on just this day of the month before this one
    "six_months",  # on just this day of the six months before
    "every_30",  # a multiple of 30 days ago
    "ago_30",  # just 30 days ago
    "weekly",  # a multiple of 7 days ago
    "quarterly",  # about this day, a multiple of three months ago
    "yearly",  # about a year ago, or two
    "this_month",  # since the first of this month
    "month_before",  # in the month before
    "seven_days",
    "odd",  # as half_year, of odd events only: those that followed no rhythm
)


class Calendar:
    """Days of some years: month lengths and days that are free. Free are weekends and the given holidays."""

    def __init__(self, first_year: int, last_year: int, holidays: Iterable[date] = ()) -> None:
        self._low = date(first_year, 1, 1).toordinal()
        self._high = date(last_year, 12, 31).toordinal()
        days = np.arange(np.datetime64(date(first_year, 1, 1)), np.datetime64(date(last_year, 12, 31)) + 1)
        months = days.astype("datetime64[M]")
        self.month = months.astype(np.int64)
        self.day = (days - months).astype(np.int64) + 1
        length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
        self.to_end = length - self.day
        ordinals = np.arange(self._low, self._high + 1)
        free = (ordinals - 1) % 7 >= 5  # ordinal 1 was a Monday
        for holiday in holidays:
            if self._low <= holiday.toordinal() <= self._high:
                free[holiday.toordinal() - self._low] = True
        self.free = free
        #: Working days: how many free days stand directly before and after.
        self.put_off = _run_before(free)
        self.brought_forward = _run_before(free[::-1])[::-1].copy()
        #: The last day of a month stands for those that the month lacks.
        self.lacking = np.where(self.to_end == 0, 31 - self.day, 0)

    def index(self, ordinal: int) -> int:
        """Where a day is in the arrays. Raises ValueError for days outside the calendar."""
        if not self._low <= ordinal <= self._high:
            raise ValueError(f"the calendar does not reach {date.fromordinal(ordinal)}")
        return ordinal - self._low

    def table(self, today: int, oldest: int) -> Floats:
        """Weights of regular events by age in days, 0 to `oldest`, and behind them those of odd events.

        What happens today (age 0) weighs nothing: on the day itself nobody knows yet what comes next.
        """
        here = self.index(today)
        ages = np.arange(oldest + 1)
        past = np.maximum(here - ages, 0)
        known = (ages > 0) & (here - ages >= 0)
        kernel = np.where(known, 0.5 ** (ages / 180.0), 0.0)
        apart = self.day[here] - self.day[past]  # > 0: today's day of the month is the later one
        apart = apart - MONTH_DAYS * np.round(apart / MONTH_DAYS)
        lack_now, lack_then = self.lacking[here], self.lacking[past]
        day = np.maximum(0.0, np.maximum(apart - lack_then, -apart - lack_now))
        after = np.maximum(0.0, np.maximum(apart - self.put_off[here], -apart - self.put_off[past]))
        ahead_now, ahead_then = (
            np.maximum(lack, forward)
            for lack, forward in (
                (lack_now, self.brought_forward[here]),
                (lack_then, self.brought_forward[past]),
            )
        )
        before = np.maximum(0.0, np.maximum(apart - ahead_then, -apart - ahead_now))
        end = np.abs(self.to_end[here] - self.to_end[past])
        months = self.month[here] - self.month[past]
        same = known & (day < SAME_DAY)
        years = np.round(ages / 365.25)
        columns = {
            "ever": known,
            "lately": np.where(known, 0.5 ** (ages / 30.0), 0.0),
            "half_year": kernel,
            "on_day": kernel * np.exp(-day / 0.3),
            "near_day": kernel * np.exp(-day),
            "about_day": kernel * np.exp(-day / 3.0),
            "to_month_end": kernel * np.exp(-end),
            "after_free": kernel * np.exp(-after),
            "before_free": kernel * np.exp(-before),
            "last_month": same & (months == 1),
            "six_months": same & (months >= 1) & (months <= 6),
            "every_30": kernel * (ages % EVERY_DAYS == 0),
            "ago_30": known & (ages == EVERY_DAYS),
            "weekly": np.where(known & (ages % 7 == 0), 0.5 ** (ages / 60.0), 0.0),
            "quarterly": np.where(known & (months % 3 == 0) & (months > 0), np.exp(-day / 2.0), 0.0),
            "yearly": np.where(known & (years >= 1), np.exp(-np.abs(ages - 365.25 * years) / 5.0), 0.0),
            "this_month": known & (months == 0),
            "month_before": known & (months == 1),
            "seven_days": known & (ages <= 7),
        }
        columns["odd"] = np.zeros(oldest + 1)
        regular = np.stack([columns[name] for name in WEIGHTS], axis=1)
        odd = regular.copy()
        odd[:, WEIGHTS.index("odd")] = kernel
        return np.concatenate([regular, odd]).astype(np.float32)


def _run_before(free: npt.NDArray[np.bool_]) -> Ints:
    """For each day that is not free, how many free days stand directly before it; 0 for free ones."""
    positions = np.arange(len(free))
    last_working = np.maximum.accumulate(np.where(free, -1, positions))
    before = np.concatenate([[-1], last_working[:-1]])
    return np.where(free | (before < 0), 0, positions - before - 1)
