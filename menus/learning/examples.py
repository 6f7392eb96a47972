"""Histories → examples: what each of some events looked like on its morning, collected one customer at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from menus.learning.baselines import Baseline, baseline_scores
from menus.learning.days import Calendar, Floats
from menus.learning.habits import MOST_DAYS, Days, row_with
from menus.learning.inputs import Moment, inputs

#: Events that one model is fitted on, and judged on; more are thinned out evenly, so that memory stays bounded.
MOST_FITTED, MOST_JUDGED = 40_000, 20_000
#: Of a task with fewer events than this after thinning, all are kept: a model cannot know a task without examples.
FEWEST_KEPT = 50


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that a customer did."""

    day: int  #: ordinal
    task: int  #: place among the tasks; -1 for one that is not learned
    call: str | None = None  #: events of one call follow one another
    open_cases: int = 0  #: at that time


@dataclass(frozen=True, slots=True)
class Example:
    """One event with what was known on its morning."""

    customer: int
    day: int
    task: int
    days: Days
    moment: Moment
    events: int  #: how many events came before
    usual: float  #: mean place of those among the tasks, the most popular first: 0 when there were none
    baselines: dict[Baseline, Floats] | None


class Examples:
    """Collects examples of customers, in any order of customers; bounded by the shares that are taken.

    `fitted_share` is of events, `judged_share` of customers.

    Tasks are numbered by their popularity, the most popular first.
    """

    def __init__(
        self,
        tasks: int,
        *,
        judged_from: int,
        fitted_share: float = 1.0,
        judged_share: float = 1.0,
        counts: Sequence[int] = (),
    ) -> None:
        """`counts`: how many events each task has before `judged_from`; rare ones are not thinned out."""
        self.fitted: list[Example] = []
        self.judged: list[Example] = []
        self._tasks = tasks
        self._judged_from = judged_from
        self._fitted_share, self._judged_share = fitted_share, judged_share
        self._rare = {task for task, many in enumerate(counts) if many * fitted_share < FEWEST_KEPT}

    def add(self, customer: int, segment: int, history: Sequence[Done]) -> None:
        """All events of one customer, oldest first; events of one day say nothing of one another."""
        rows = np.zeros((self._tasks, MOST_DAYS), np.int32)
        days = np.array([done.day for done in history], np.int64)
        tasks = np.array([done.task for done in history], np.int64)
        start = 0
        while start < len(history):
            end = int(np.searchsorted(days, days[start], side="right"))
            today: dict[int, list[int]] = {}
            usual = float(tasks[:start].mean()) if start else 0.0
            for place in range(start, end):
                done = history[place]
                if done.task < 0:
                    continue
                judged = done.day >= self._judged_from
                if judged:  # whole customers, as they are compared with one another
                    taken = _drawn(customer, 0) < self._judged_share
                else:
                    taken = done.task in self._rare or _drawn(customer, place + 1) < self._fitted_share
                if taken:
                    before = history[place - 1] if place > start else None
                    follows = before is not None and done.call is not None and before.call == done.call
                    moment = Moment(
                        int(days[0]) if start else 0,
                        segment,
                        before.task if follows and before is not None else -1,
                        done.open_cases,
                    )
                    scores = baseline_scores(days[:start], tasks[:start], done.day, self._tasks) if judged else None
                    example = Example(customer, done.day, done.task, rows.copy(), moment, start, usual, scores)
                    (self.judged if judged else self.fitted).append(example)
                today.setdefault(done.task, []).append(done.day)
            for task, ordinals in today.items():
                rows[task] = row_with(rows[task], ordinals)
            start = end


def rows_of(examples: Sequence[Example], calendar: Calendar, oldest: int, segments: int) -> Floats:
    """The inputs of each example."""
    by_day: dict[int, list[int]] = {}
    for place, example in enumerate(examples):
        by_day.setdefault(example.day, []).append(place)
    rows: Floats | None = None
    for day, places in by_day.items():
        table = calendar.table(day, oldest)
        for chunk in (places[n : n + 256] for n in range(0, len(places), 256)):
            here = [examples[place] for place in chunk]
            found = inputs(
                calendar, table, day, np.stack([one.days for one in here]), [one.moment for one in here], segments
            )
            if rows is None:
                rows = np.empty((len(examples), found.shape[1]), np.float32)
            rows[chunk] = found
    return rows if rows is not None else np.zeros((0, 0), np.float32)


def labels(examples: Iterable[Example]) -> npt.NDArray[np.int64]:
    """Which task each example came to."""
    return np.array([example.task for example in examples], np.int64)


def _drawn(customer: int, place: int) -> float:
    """A number from 0 to 1 that is always the same for this event, and even over all of them."""
    mixed = (customer * 0x9E3779B97F4A7C15 + place * 0xC2B2AE3D27D4EB4F) & (2**64 - 1)
    mixed ^= mixed >> 31
    return ((mixed * 0xD6E8FEB86659FD93) & (2**64 - 1)) / 2**64
