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
from menus.learning.inputs import Moment, inputs, is_known, names_of
from menus.learning.model import Model


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
        return f"model-{self.model.digest}"

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

    def inputs_of(self, basis: Mapping[str, Any]) -> dict[str, float]:
        """What the model looked at, by name; empty when nothing was known of the caller."""
        row = np.frombuffer(base64.b64decode(basis["inputs"]), np.float32)
        return dict(zip(names_of(self.model.tasks, self.model.segments), map(float, row), strict=False))

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
