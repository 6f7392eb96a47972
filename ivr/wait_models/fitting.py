"""Waits that were seen → a model of them. The only place of the engine that needs scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor

from ivr.wait_models.weights import Numbers, quantiles, weights_of
from routing.waits import Sight, Tree, WaitModel, inputs

#: Chosen on the January of the Anonymous Bank files.
ROUNDS, LEARNING_RATE, LEAVES, WAITS_PER_LEAF, INPUTS_PER_SPLIT = 220, 0.05, 12, 100, 0.5
#: Models of these seeds are added up.
SEEDS = (0, 1, 2)
#: Days are held out in so many parts to see how far estimates are off; of so many sizes of estimates each its range.
PARTS, BANDS, STEPS = 5, 8, 101


@dataclass(frozen=True, slots=True)
class Row:
    """A wait that was seen, on a day by the site's calendar."""

    day: str
    queue: str
    sight: Sight
    wait_s: float
    served: bool = True  #: by an agent; otherwise the caller left after that wait
    weight: float = 1.0  #: how often it counts


def weighed(rows: Sequence[tuple[str, str, Sight, float, bool]]) -> list[Row]:
    """The rows of callers who were served, with what those of the same queue who left add to their weight."""
    found: list[Row] = []
    for queue in sorted({row[1] for row in rows}):
        own = [row for row in rows if row[1] == queue]
        weights = weights_of([row[3] for row in own], [row[4] for row in own])
        found += [Row(*row, weight=float(w)) for row, w in zip(own, weights, strict=True) if row[4]]
    return found


def fit(rows: Sequence[Row]) -> WaitModel:
    """Trees of several seeds together; ranges from what the model says of days that it was not fitted on.

    All rows are of callers who were served; there are rows of PARTS days at least.
    """
    queues = tuple(sorted({row.queue for row in rows}))
    every = np.array([inputs(queues, row.queue, row.sight) for row in rows])
    told = np.flatnonzero(every.min(axis=0) < every.max(axis=0))  # what never varies tells nothing
    x, y = every[:, told], np.array([row.wait_s for row in rows])
    weights = np.array([row.weight for row in rows])
    days = sorted({row.day for row in rows})
    place = {day: number for number, day in enumerate(days)}
    fold = np.array([place[row.day] * PARTS // len(days) for row in rows])  # days side by side are alike
    unseen = np.zeros(len(y))
    for part in range(PARTS):
        rest = fold != part
        unseen[~rest] = _boosted(x[rest], y[rest], weights[rest], 0).predict(x[~rest])
    trees: list[Tree] = []
    base = 0.0
    for seed in SEEDS:
        model = _boosted(x, y, weights, seed)
        base += float(model._baseline_prediction.ravel()[0]) / len(SEEDS)
        trees += [_tree(each[0].nodes, told, 1 / len(SEEDS)) for each in model._predictors]
    return WaitModel(queues, base, tuple(trees), _bands(np.maximum(unseen, 1.0), y, weights))


def _bands(unseen: Numbers, y: Numbers, weights: Numbers) -> tuple[tuple[float, tuple[float, ...]], ...]:
    """Of estimates of each size, how far waits lay from them."""
    bands, below = list[tuple[float, tuple[float, ...]]](), 0.0
    for edge in (*np.quantile(unseen, np.linspace(0, 1, BANDS + 1)[1:-1]), np.inf):
        inside = (unseen > below) & (unseen <= edge)
        if inside.any():
            ratios = quantiles((y / unseen)[inside], weights[inside], np.linspace(0, 1, STEPS))
            bands.append((float(edge), tuple(map(float, ratios))))
            below = edge
    return (*bands[:-1], (float("inf"), bands[-1][1]))


def _boosted(x: Numbers, y: Numbers, weights: Numbers, seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        max_iter=ROUNDS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=WAITS_PER_LEAF,
        max_features=INPUTS_PER_SPLIT,
        early_stopping=False,
        random_state=seed,
    ).fit(x, y, None if (weights == 1.0).all() else weights)


def _tree(nodes: Any, told: npt.NDArray[np.int64], share: float) -> Tree:
    """The columns of a tree; a test holds what it says equal to scikit-learn's."""
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        tuple(int(told[f]) if not end else -1 for f, end in zip(nodes["feature_idx"], leaf, strict=True)),
        tuple(
            float(value) * share if end else float(threshold)
            for value, threshold, end in zip(nodes["value"], nodes["num_threshold"], leaf, strict=True)
        ),
        tuple(int(one) for one in nodes["left"]),
        tuple(int(one) for one in nodes["right"]),
    )
