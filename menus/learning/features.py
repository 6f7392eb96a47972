"""What a caller's history says about a day: the one place that counts it, for training and for serving alike.

Only events of earlier days count, as on the day itself nobody knows yet what comes next. The kernel and "not yet done
this month" are those that were measured to carry the calendar of bank customers: exp(-d / TAU_DAYS) by the distance d
of the days of the month, times 0.5 ^ (age / HALF_LIFE_DAYS).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp

from menus.facts import HistoryEvent

TAU_DAYS = 1.0
HALF_LIFE_DAYS = 180.0
MONTH_DAYS = 30.4  #: mean length of a month; the day after the 30th is about the 1st
OLDEST_DAYS = 1825  #: five years; older events weigh less than 0.001


def days_apart(one: int, other: int) -> float:
    """Distance of two days of the month, round the end of the month."""
    apart = abs(one - other)
    return min(apart, MONTH_DAYS - apart)


_BY_DISTANCE = tuple(exp(-days_apart(1, 1 + days) / TAU_DAYS) for days in range(31))
_BY_AGE = tuple(0.5 ** (days / HALF_LIFE_DAYS) for days in range(OLDEST_DAYS + 1))


@dataclass(slots=True)
class TaskHistory:
    """What a caller's history says of one task on one day."""

    count: int = 0  #: how often, ever
    kernel: float = 0.0  #: how often around this day of the month, lately: decayed number of events
    this_month: int = 0  #: how often since the first of this month


@dataclass(frozen=True, slots=True)
class History:
    """What a caller's history says on one day."""

    tasks: dict[str, TaskHistory]
    events: int
    kernel: float  #: sum over all tasks
    months: float  #: from the first event until the day, at least 1

    def monthly_rate(self, task: str) -> float:
        """How often a month the task was done on average."""
        return self.tasks[task].count / self.months


def summarise(history: Sequence[HistoryEvent], now: datetime) -> History:
    """The history as seen on the morning of this day; `now` is in the time zone of the events."""
    today, day = now.toordinal(), now.day
    month_began = today - day + 1
    by_distance, by_age = _BY_DISTANCE, _BY_AGE
    tasks: dict[str, TaskHistory] = {}
    first, events, total = today, 0, 0.0
    for event in history:
        at = event.at
        ordinal = at.toordinal()
        age = today - ordinal
        if not 0 < age <= OLDEST_DAYS:
            continue
        task = tasks.get(event.task)
        if task is None:
            task = tasks[event.task] = TaskHistory()
        weight = by_distance[abs(at.day - day)] * by_age[age]
        task.count += 1
        task.kernel += weight
        total += weight
        events += 1
        if ordinal >= month_began:
            task.this_month += 1
        if ordinal < first:
            first = ordinal
    return History(tasks, events, total, max(1.0, (today - first) / MONTH_DAYS))


def usual_day(history: Sequence[HistoryEvent], task: str, now: datetime, *, within: int, share: float) -> int | None:
    """The day of the month around which a task is done: the given share of all times within so many days of it.

    None when the task was done in fewer than three months, or on no such day.
    """
    today = now.toordinal()
    times = [event.at for event in history if event.task == task and event.at.toordinal() < today]
    if len({(at.year, at.month) for at in times}) < 3:
        return None
    near = [0.0] * 32
    for at in times:
        for day in range(1, 32):
            if days_apart(day, at.day) <= within:
                near[day] += 1 + 0.01 * (day == at.day)
    best = max(range(1, 32), key=lambda day: near[day])
    return best if near[best] >= share * len(times) else None
