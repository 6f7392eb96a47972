"""From examples to a model that was judged: choose, fit, compare with the plain rules, and say whether it may serve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from menus.errors import TooLittleHistory
from menus.learning.baselines import Baseline
from menus.learning.days import Calendar
from menus.learning.evaluation import (
    OPTION_S,
    Quality,
    Scores,
    best_ranks,
    by_history,
    calibration,
    decile_gains,
    interval,
    quality,
    ranks_of,
)
from menus.learning.examples import Example, labels, rows_of
from menus.learning.inputs import is_known
from menus.learning.model import Model, Probabilities
from menus.learning.training import choose, fit

#: Share of the examples to fit, the last in time, on which rounds and boldness are chosen.
HELD = 0.25
FEWEST = 500


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a model does on events that it has not seen."""

    events: int
    customers: int
    model: Quality
    interval: tuple[float, float]  #: 95 %, of hit@1
    gain_interval: tuple[float, float]  #: 95 %, of hit@1 beyond the kernel's
    popularity: Quality
    oracle: Quality  #: the best order that stays the same all day
    baselines: Mapping[Baseline, Quality]
    ece: float
    log_loss: float
    reliability: Sequence[tuple[float, float, int]]
    deciles: Sequence[float]  #: seconds gained, customers sorted by the seconds of the static order
    deciles_before: Sequence[float]  #: the same, sorted by the seconds of the static order for what they did before
    history: Sequence[tuple[str, int, dict[str, float]]]
    segments: Sequence[tuple[str, int, float]]  #: which, how many events, seconds gained
    month_days: Sequence[tuple[int, int, float]]  #: day of the month, how many events, seconds gained

    @property
    def worst_decile_s(self) -> float:
        """The least gain of any tenth of the customers, however they are sorted."""
        return min(min(self.deciles), self.worst_decile_before_s)

    @property
    def worst_decile_before_s(self) -> float:
        """The least gain of any tenth of the customers, sorted by what they did before: what may stop a model.

        Sorted by the judged events themselves, the first tenth are those who happened to wish what is spoken first:
        with few events each they lose under any order that learns. What they did before does not choose them so.
        """
        return min(self.deciles_before)

    def objections(self, former: Quality | None) -> list[str]:
        """Why the model may not serve: worse than a plain rule, than the model in use, or for some callers."""
        found = []
        rules = {"popularity": self.popularity, **{str(rule): one for rule, one in self.baselines.items()}}
        if former is not None:
            rules["the model in use"] = former
        for name, other in rules.items():
            if self.model.seconds > other.seconds:
                found.append(f"slower than {name}: {self.model.seconds:.2f} s against {other.seconds:.2f} s")
        worst = self.worst_decile_before_s
        if worst < 0:
            found.append(f"a tenth of the customers would wait {-worst:.2f} s longer than in the static order")
        return found


def teach(
    examples: Sequence[Example],
    *,
    tasks: Sequence[str],
    segments: Sequence[str],
    oldest: int,
    calendar: Calendar,
    about: Mapping[str, Any],
    tell: Callable[[str], None] = lambda _: None,
) -> Model:
    """A model of these examples. Raises TooLittleHistory."""
    if len(examples) < FEWEST or len(tasks) < 2:
        raise TooLittleHistory(
            f"{len(examples)} events of {len(tasks)} tasks are too little to learn from: {FEWEST} of 2 are the least"
        )
    tell("working out what each event looked like")
    x, y = rows_of(examples, calendar, oldest, len(segments)), labels(examples)
    days = np.array([example.day for example in examples])
    held = days >= np.sort(days)[int(len(days) * (1 - HELD))]
    popularity = popularity_of(examples, len(tasks), len(segments))
    choice = choose(x, y, held, popularity[0], tell)
    tell(f"fitting {choice.rounds} rounds")
    chosen = {"rounds": choice.rounds, "held_log_loss": round(choice.log_loss, 4)}
    return fit(
        x,
        y,
        tasks=tasks,
        segments=segments,
        popularity=popularity,
        oldest=oldest,
        choice=choice,
        about={**about, "chosen": chosen, "fitted_events": len(examples)},
    )


def popularity_of(examples: Sequence[Example], tasks: int, segments: int) -> Probabilities:
    """The share of each task: of all, then of each segment, drawn towards that of all."""
    counts = np.zeros((1 + segments, tasks))
    for example in examples:
        counts[0, example.task] += 1
        if example.moment.segment >= 0:
            counts[1 + example.moment.segment, example.task] += 1
    overall = (counts[0] + 0.5) / (counts[0] + 0.5).sum()
    drawn = counts[1:] + 20 * overall
    return np.vstack([overall, drawn / drawn.sum(axis=1, keepdims=True)])


def scores_of(model: Model, examples: Sequence[Example], calendar: Calendar) -> Scores:
    """What the model says of each example."""
    rows = rows_of(examples, calendar, model.oldest, len(model.segments))
    out = np.empty((len(examples), len(model.tasks)))
    for place, example in enumerate(examples):
        segment = example.moment.segment
        known = is_known(example.days, example.day, model.oldest)
        out[place] = model.probabilities(rows[place], segment) if known else model.popular(segment)
    return out


def judge(model: Model, examples: Sequence[Example], calendar: Calendar, scores: Scores | None = None) -> Judgement:
    """Compare a model with the plain rules on examples that it has not seen."""
    scores = scores_of(model, examples, calendar) if scores is None else scores
    truth = labels(examples)
    popularity = model.popular(-1)
    static = ranks_of(np.broadcast_to(popularity, scores.shape), truth, popularity)
    ranks = {"model": ranks_of(scores, truth, popularity), "popularity": static}
    for rule in Baseline:
        given = np.array([example.baselines[rule] for example in examples if example.baselines is not None], float)
        ranks[str(rule)] = ranks_of(given, truth, popularity)
    customers = np.array([example.customer for example in examples])
    events = np.array([example.events for example in examples])
    static_s, model_s = OPTION_S * static.astype(float), OPTION_S * ranks["model"].astype(float)
    hit = ranks["model"] == 1
    ece, reliability = calibration(scores.max(axis=1), hit)
    said = scores[np.arange(len(truth)), truth]
    first: dict[int, float] = {}
    for example in sorted(examples, key=lambda one: one.day):
        first.setdefault(example.customer, example.usual)
    before = np.array([first[customer] for customer in customers.tolist()])
    segment = np.array([example.moment.segment for example in examples])
    day = np.array([int(calendar.day[calendar.index(example.day)]) for example in examples])
    return Judgement(
        len(examples),
        len(np.unique(customers)),
        quality(ranks["model"]),
        interval(customers, hit.astype(float)),
        interval(customers, hit.astype(float) - (ranks[str(Baseline.KERNEL)] == 1)),
        quality(static),
        quality(best_ranks(examples)),
        {rule: quality(ranks[str(rule)]) for rule in Baseline},
        ece,
        float(-np.log(np.maximum(said, 1e-9)).mean()),
        reliability,
        decile_gains(customers, static_s, model_s, static_s),
        decile_gains(customers, static_s, model_s, before),
        by_history(events, ranks),
        [
            (name, *_gain(segment == place, static_s - model_s))
            for place, name in enumerate(model.segments)
            if (segment == place).any()
        ],
        [(n, *_gain(day == n, static_s - model_s)) for n in range(1, 32) if (day == n).any()],
    )


def _gain(here: npt.NDArray[np.bool_], gains: npt.NDArray[np.float64]) -> tuple[int, float]:
    return int(here.sum()), float(gains[here].mean())
