"""What is remembered of one customer's history: per task the latest days on which it was done, and no more.

The size is fixed, so that neither the memory nor the time of a call grows with the history. A day is kept as
`2 * ordinal + odd`; an event is odd when its task was neither done 30 days nor a month before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from typing import overload

import numpy as np
import numpy.typing as npt

from menus.facts import HistoryEvent
from menus.learning.days import EVERY_DAYS

Days = npt.NDArray[np.int32]

#: Latest events of a task that are kept: four years of a monthly habit, eight months of one done six times a month.
MOST_DAYS = 48


@dataclass(frozen=True, slots=True)
class Habits:
    """The latest days of each task, newest first and filled up with zeros."""

    tasks: tuple[str, ...] = ()
    days: Days = field(default_factory=lambda: np.zeros((0, MOST_DAYS), np.int32))
    first: int = 0  #: ordinal of the first event ever; 0 without one
    events: int = 0  #: how many there were ever

    def __bool__(self) -> bool:
        """Whether anything is remembered."""
        return self.events > 0

    def adding(self, done: Iterable[tuple[int, str]]) -> "Habits":
        """With further events (ordinal of the day, task), in whatever order they come."""
        further: dict[str, list[int]] = {}
        for ordinal, task in done:
            further.setdefault(task, []).append(ordinal)
        if not further:
            return self
        rows = dict(zip(self.tasks, self.days, strict=True))
        for task, ordinals in further.items():
            rows[task] = row_with(rows.get(task, _EMPTY), ordinals)
        tasks = tuple(sorted(rows))
        days = np.stack([rows[task] for task in tasks])
        earliest = min(min(ordinals) for ordinals in further.values())
        first = min(self.first or earliest, earliest)
        return Habits(tasks, days, first, self.events + sum(map(len, further.values())))

    def to_bytes(self) -> bytes:
        """The days as they are stored."""
        return self.days.astype("<i4").tobytes()

    @classmethod
    def from_bytes(cls, tasks: Sequence[str], days: bytes, first: int, events: int) -> "Habits":
        """What `to_bytes` stands for. Raises ValueError when it does not fit the tasks."""
        return cls(tuple(tasks), np.frombuffer(days, "<i4").reshape(len(tasks), MOST_DAYS), first, events)


NOTHING = Habits()
_EMPTY = np.zeros(MOST_DAYS, np.int32)


def row_with(row: Days, ordinals: Iterable[int]) -> Days:
    """The days of one task with further ones; the same for every order in which they come."""
    kept = np.sort(np.concatenate([ordinals_of(row), np.fromiter(ordinals, np.int64)]))[-MOST_DAYS:]
    new = np.zeros(MOST_DAYS, np.int32)
    new[: len(kept)] = marked(kept)[::-1]
    return new


def ordinals_of(row: Days) -> npt.NDArray[np.int64]:
    """The days of one task as ordinals, oldest first."""
    return (row[row > 0].astype(np.int64) >> 1)[::-1]


def marked(ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ordinals of one task, oldest first, as `2 * ordinal + odd`."""
    days = (ordinals - 719163).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    in_months = months.astype(np.int64) * 32 + (days - months).astype(np.int64)
    rhythmic = np.isin(ordinals - EVERY_DAYS, ordinals) | np.isin(in_months - 32, in_months)
    return 2 * ordinals + ~rhythmic


def habits_of(history: Iterable[HistoryEvent]) -> Habits:
    """The habits of a history."""
    return NOTHING.adding((event.at.toordinal(), event.task) for event in history)


class RememberedHistory(Sequence[HistoryEvent]):
    """Habits where events are expected: made into events, at noon of their days, only for those who look at them."""

    def __init__(self, habits: Habits, zone: tzinfo) -> None:
        self.habits = habits
        self._zone = zone
        self._events: tuple[HistoryEvent, ...] | None = None

    def __len__(self) -> int:
        return int(np.count_nonzero(self.habits.days))

    @overload
    def __getitem__(self, index: int) -> HistoryEvent: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[HistoryEvent]: ...
    def __getitem__(self, index: int | slice) -> HistoryEvent | Sequence[HistoryEvent]:
        return self._all()[index]

    def __iter__(self) -> Iterator[HistoryEvent]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return tuple(self) == other if isinstance(other, tuple) else self is other

    __hash__ = None  # type: ignore[assignment]

    def _all(self) -> tuple[HistoryEvent, ...]:
        if self._events is None:
            days = [
                (int(ordinal), task)
                for task, row in zip(self.habits.tasks, self.habits.days, strict=True)
                for ordinal in ordinals_of(row)
            ]
            noon = time(12, tzinfo=self._zone)
            self._events = tuple(
                HistoryEvent(datetime.combine(datetime.fromordinal(ordinal), noon), task)
                for ordinal, task in sorted(days)
            )
        return self._events


def rows_for(habits: Habits, tasks: Mapping[str, int], known: int) -> Days:
    """The days in the rows of a model that knows so many tasks; tasks that it does not know are left out."""
    rows = np.zeros((known, MOST_DAYS), np.int32)
    for task, row in zip(habits.tasks, habits.days, strict=True):
        place = tasks.get(task)
        if place is not None:
            rows[place] = row
    return rows
