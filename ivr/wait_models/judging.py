"""How far estimates of waits are off, and whether one estimator is better than another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ivr.wait_models.fitting import Row
from ivr.wait_models.weights import Numbers
from routing.waits import WaitModel, by_length_s

#: Samples of days that an interval is made from.
DRAWS = 2000
MODEL, FORMULA, IN_USE = "this model", "formula", "model in use"
#: LES, HOL and QL: what a plain queue could tell.
SIMPLE = ("last to be served", "head of the queue", "length of the queue")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of holding a model against waits that it was not fitted on."""

    rows: int
    days: int
    scores: Mapping[str, Mapping[str, float]]  #: estimator → rmse_s, mae_s, within_30s, bias_s
    lead: tuple[float, float]  #: 95 % interval of the RMSE of this model less that of the formula
    lead_in_use: tuple[float, float] | None  #: … less that of the model in use, where there is one
    queues: Mapping[str, tuple[int, float, float]]  #: waits, RMSE of this model, RMSE of the formula

    def objections(self) -> list[str]:
        """Why the model must not be published; nothing when it may."""
        found: list[str] = []
        low, high = self.lead
        if high >= 0:
            found.append(f"it is not surely better than the formula: its RMSE differs by {low:+.1f} to {high:+.1f} s")
        rmse = self.scores[MODEL]["rmse_s"]
        found += [
            f"{name} has an RMSE of {self.scores[name]['rmse_s']:.1f} s, the model {rmse:.1f} s"
            for name in SIMPLE
            if self.scores[name]["rmse_s"] <= rmse
        ]
        if self.lead_in_use is not None and self.lead_in_use[0] > 0:
            low, high = self.lead_in_use
            found.append(f"it is worse than the model in use: its RMSE differs by {low:+.1f} to {high:+.1f} s")
        return found

    @property
    def better_in(self) -> tuple[str, ...]:
        """Queues in which it is no worse than the formula."""
        return tuple(queue for queue, (_, ours, theirs) in self.queues.items() if ours <= theirs)


def judge(model: WaitModel, rows: Sequence[Row], in_use: WaitModel | None = None) -> Judgement:
    """Hold a model against rows of its queues; `in_use` must know their queues as well."""
    guesses = {
        MODEL: estimates(model, rows),
        **({IN_USE: estimates(in_use, rows)} if in_use is not None else {}),
        FORMULA: np.array([row.sight.formula_s for row in rows]),
        SIMPLE[0]: np.array([row.sight.last_wait_s for row in rows]),
        SIMPLE[1]: np.array([row.sight.head_wait_s for row in rows]),
        SIMPLE[2]: np.array([by_length_s(row.sight) for row in rows]),
    }
    queues = {}
    for queue in sorted({row.queue for row in rows}):
        own = [number for number, row in enumerate(rows) if row.queue == queue]
        some = [rows[number] for number in own]
        rmses = [scores(some, guesses[name][own])["rmse_s"] for name in (MODEL, FORMULA)]
        queues[queue] = (len(some), rmses[0], rmses[1])
    return Judgement(
        rows=len(rows),
        days=len({row.day for row in rows}),
        scores={name: scores(rows, guess) for name, guess in guesses.items()},
        lead=lead(rows, guesses[MODEL], guesses[FORMULA]),
        lead_in_use=None if in_use is None else lead(rows, guesses[MODEL], guesses[IN_USE]),
        queues=queues,
    )


def estimates(model: WaitModel, rows: Sequence[Row]) -> Numbers:
    """What a model says of each, in seconds."""
    return np.array([model.mean_s(row.queue, row.sight) for row in rows])


def scores(rows: Sequence[Row], guesses: Numbers) -> dict[str, float]:
    """How far guesses are off."""
    off = guesses - np.array([row.wait_s for row in rows])
    weights = np.array([row.weight for row in rows])
    return {
        "rmse_s": round(float(np.sqrt(np.average(off**2, weights=weights))), 2),
        "mae_s": round(float(np.average(np.abs(off), weights=weights)), 2),
        "within_30s": round(float(np.average(np.abs(off) <= 30, weights=weights)), 4),
        "bias_s": round(float(np.average(off, weights=weights)), 2),
    }


def lead(rows: Sequence[Row], ours: Numbers, theirs: Numbers) -> tuple[float, float]:
    """95 % interval of the difference in RMSE, ours minus theirs, days resampled."""
    y, weights = np.array([row.wait_s for row in rows]), np.array([row.weight for row in rows])
    days = sorted({row.day for row in rows})
    place = {day: number for number, day in enumerate(days)}
    of = np.array([place[row.day] for row in rows])
    sums = np.array([[(weights * (g - y) ** 2)[of == d].sum() for d in range(len(days))] for g in (ours, theirs)])
    counts = np.array([weights[of == d].sum() for d in range(len(days))])
    drawn = np.random.default_rng(0).integers(0, len(days), (DRAWS, len(days)))
    both = np.sqrt(sums[:, drawn].sum(axis=2) / counts[drawn].sum(axis=1))
    low, high = np.quantile(both[0] - both[1], [0.025, 0.975])
    return round(float(low), 2), round(float(high), 2)
