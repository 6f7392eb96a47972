"""What the model looks at: a row of numbers for a caller and a day. Training and serving both come through here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from menus.learning.days import EVERY_DAYS, WEIGHTS, Calendar, Floats
from menus.learning.habits import Days

#: Of these the share among all tasks is an input too: what counts is which habit is the strongest today.
SHARED = ("on_day", "near_day", "about_day", "every_30", "lately", "ever", "odd")
#: Inputs of each task, in this order, the tasks one after the other.
PER_TASK = (*WEIGHTS, *(f"share of {name}" for name in SHARED), "days since", "days since the one before", "just done")
#: Inputs of the caller and the day, behind them.
COMMON = (
    "days since the first",
    "days since the last",
    "events",
    "day of month",
    "days to month end",
    "weekday",
    "month of year",
    "off the 30-day cycle",
    "free day",
    "open cases",
)

_SHARED_PLACES = np.array([WEIGHTS.index(name) for name in SHARED])
_EVER = WEIGHTS.index("ever")
#: Keeps shares near nothing when all habits together are weak.
_SHARE_PRIOR = 0.05


@dataclass(frozen=True, slots=True)
class Moment:
    """What a caller brings along besides the habits."""

    first: int = 0  #: ordinal of the first event; 0 without one
    segment: int = -1  #: place among the segments of the model
    just_done: int = -1  #: place of the task done before in this call
    open_cases: int = 0


def names_of(tasks: Sequence[str], segments: Sequence[str]) -> tuple[str, ...]:
    """What each input is called."""
    return (
        *(f"{task}: {name}" for task in tasks for name in PER_TASK),
        *COMMON,
        *(f"segment {segment}" for segment in segments),
    )


def inputs(
    calendar: Calendar, table: Floats, today: int, days: Days, moments: Sequence[Moment], segments: int
) -> Floats:
    """A row of inputs for each caller of one day.

    `days` is callers x tasks x MOST_DAYS, as `Habits` keeps them; `table` is the calendar's table of today.
    """
    callers, tasks = days.shape[:2]
    oldest = len(table) // 2 - 1
    ages = today - (days >> 1)
    counts = (ages > 0) & (ages <= oldest)
    ages = np.where(counts, ages, 0)
    sums = table[ages + (days & 1) * (oldest + 1)].sum(axis=2)
    shared = sums[:, :, _SHARED_PLACES]
    behind = np.where(counts, ages, oldest)
    # The newest are first, but for what happened today.
    latest = (
        np.partition(behind, 1, axis=2)[:, :, :2] if bool((today <= days[:, :, 0] >> 1).any()) else behind[:, :, :2]
    )
    out = np.zeros((callers, tasks * len(PER_TASK) + len(COMMON) + segments), np.float32)
    each = out[:, : tasks * len(PER_TASK)].reshape(callers, tasks, len(PER_TASK))
    width = len(WEIGHTS)
    each[:, :, :width] = sums
    each[:, :, width : width + len(SHARED)] = shared / (shared.sum(axis=1, keepdims=True) + _SHARE_PRIOR)
    each[:, :, -3:-1] = latest
    here = calendar.index(today)
    common = out[:, tasks * len(PER_TASK) :]
    since = np.array([today - moment.first if moment.first else 0 for moment in moments])
    common[:, 0] = since
    common[:, 1] = latest[:, :, 0].min(axis=1, initial=oldest)
    common[:, 2] = sums[:, :, _EVER].sum(axis=1)
    common[:, 3] = calendar.day[here]
    common[:, 4] = calendar.to_end[here]
    common[:, 5] = (today - 1) % 7
    common[:, 6] = calendar.month[here] % 12
    common[:, 7] = np.minimum(since % EVERY_DAYS, -since % EVERY_DAYS)
    common[:, 8] = calendar.free[here]
    for row, moment in enumerate(moments):
        common[row, 9] = moment.open_cases
        if moment.segment >= 0:
            common[row, len(COMMON) + moment.segment] = 1
        if moment.just_done >= 0:
            each[row, moment.just_done, -1] = 1
    return out


def is_known(days: Days, today: int, oldest: int) -> npt.NDArray[np.bool_]:
    """Which callers have any history that counts."""
    ages = today - (days >> 1)
    return np.asarray(((ages > 0) & (ages <= oldest)).any(axis=(-1, -2)))
