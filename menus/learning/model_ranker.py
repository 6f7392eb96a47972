"""The trained ranker: habits of a caller → how likely each task is today, with what it went by."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from menus.errors import BadModel
from menus.facts import CallerFacts
from menus.learning.days import Calendar, Floats
from menus.learning.habits import Habits, RememberedHistory, habits_of, rows_for
from menus.learning.inputs import PER_TASK, Moment, inputs, is_known
from menus.learning.model import Model
from menus.learning.ranker import Share

#: How rankers of models are called in decision records, before the model's digest.
MODEL_NAME = "model-"


def _with_shares(*names: str) -> tuple[str, ...]:
    return (*names, *(f"share of {name}" for name in names if f"share of {name}" in PER_TASK))


#: Kinds of knowledge of a caller's history, in the order in which they are told; every input of a task is in one.
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("how often and how lately", _with_shares("ever", "lately", "half_year", "odd", "days since")),
    (
        "around this day of the month",
        _with_shares(
            "on_day", "near_day", "about_day", "to_month_end", "after_free", "before_free", "last_month", "six_months"
        ),
    ),
    ("every so many days, months or years", _with_shares("every_30", "ago_30", "weekly", "quarterly", "yearly")),
    (
        "done or not yet done of late",
        ("this_month", "month_before", "seven_days", "days since the one before", "just done"),
    ),
)


class Scores(dict[str, float]):
    """Probabilities of tasks, with what they were worked out from: plain JSON that gives them again bit for bit."""

    def __init__(self, scores: Mapping[str, float], basis: Mapping[str, Any]) -> None:
        super().__init__(scores)
        self.basis = basis


class ModelRanker:
    """Asks a model. Who has no history gets what is popular in their segment."""

    def __init__(self, model: Model, calendar: Calendar, *, oldest: int | None = None) -> None:
        """`oldest`: days after which history is not looked at, if that is less than the model was trained with."""
        self.model = model
        self._oldest = model.oldest if oldest is None else min(oldest, model.oldest)
        self._calendar = calendar
        self._places = {task: place for place, task in enumerate(model.tasks)}
        self._segments = {segment: place for place, segment in enumerate(model.segments)}
        self._today: tuple[int, Floats] | None = None

    @property
    def name(self) -> str:
        """What decision records call it."""
        return f"{MODEL_NAME}{self.model.digest}"

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Scores:
        """A probability for each of the tasks that the model knows; nothing for others."""
        today = now.toordinal()
        row, segment, known = self._row(facts, today)
        basis = {
            "model": self.model.digest,
            "today": today,
            "segment": segment,
            "known": known,
            "inputs": base64.b64encode(row.tobytes()).decode() if known else "",
        }
        return Scores(self._probabilities(row, segment, known, tasks), basis)

    def again(self, basis: Mapping[str, Any], tasks: Sequence[str]) -> Scores:
        """The same scores from a record. Raises BadModel when another model made it."""
        if basis.get("model") != self.model.digest:
            raise BadModel(f"the record was made by model {basis.get('model')}, this is {self.model.digest}")
        row = np.frombuffer(base64.b64decode(basis["inputs"]), np.float32)
        return Scores(self._probabilities(row, basis["segment"], basis["known"], tasks), basis)

    def why(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> dict[str, tuple[Share, ...]]:
        """What each kind of knowledge adds to the probability of each task, together that probability.

        The kinds are told to the model one after the other, in the order of the list; what a kind adds is the
        difference that it makes to what was told before.
        """
        row, segment, known = self._row(facts, now.toordinal())
        popular = self._probabilities(row, segment, False, tasks)
        told: dict[str, list[Share]] = {task: [("all callers", share)] for task, share in popular.items()}
        if not known:
            return {task: tuple(shares) for task, shares in told.items()}
        places = {name: place for place, name in enumerate(PER_TASK)}
        each = row[: len(self.model.tasks) * len(PER_TASK)].reshape(-1, len(PER_TASK))
        partly = row.copy()
        said = partly[: each.size].reshape(each.shape)
        said[:] = 0
        said[:, [places["days since"], places["days since the one before"]]] = self._oldest
        before = popular
        for words, names in _KINDS:
            columns = [places[name] for name in names]
            said[:, columns] = each[:, columns]
            after = self._probabilities(partly, segment, True, tasks)
            for task, share in after.items():
                told[task].append((words, share - before[task]))
            before = after
        return {task: tuple(shares) for task, shares in told.items()}

    def _row(self, facts: CallerFacts, today: int) -> tuple[Floats, int, bool]:
        segment = self._segments.get(facts.segment or "", -1)
        habits = _habits(facts)
        days = rows_for(habits, self._places, len(self.model.tasks))
        if not is_known(days, today, self._oldest):
            return np.zeros(0, np.float32), segment, False
        moment = Moment(
            habits.first if habits.first < today else 0,
            segment,
            self._places.get(facts.just_done or "", -1),
            facts.open_cases,
        )
        row = inputs(self._calendar, self._table(today), today, days[None], (moment,), len(self.model.segments))[0]
        return row, segment, True

    def _table(self, today: int) -> Floats:
        """The weights of the day; worked out for the first caller of the day, within some milliseconds."""
        if self._today is None or self._today[0] != today:
            self._today = today, self._calendar.table(today, self._oldest)
        return self._today[1]

    def _probabilities(self, row: Floats, segment: int, known: bool, tasks: Sequence[str]) -> dict[str, float]:
        shares = self.model.probabilities(row, segment) if known else self.model.popular(segment)
        found = shares.tolist()
        return {task: found[place] for task in tasks if (place := self._places.get(task)) is not None}


def _habits(facts: CallerFacts) -> Habits:
    history = facts.history
    return history.habits if isinstance(history, RememberedHistory) else habits_of(history)
