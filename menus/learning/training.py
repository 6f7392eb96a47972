"""Examples of what customers did → a model. The only place that needs scikit-learn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from menus.learning.days import Floats
from menus.learning.model import MOST_LEAVES, Model, Probabilities, Trees

#: Chosen on the part of the Berka subset from 60 to 80 % of the time; there they differ by less than the sampling err
LEARNING_RATE = 0.08
LEAVES = 12
EVENTS_PER_LEAF = 25
INPUTS_PER_SPLIT = 0.2
L2 = 5.0  #: without it rare tasks make the sum of rounds unsteady
BINS = 64
MOST_ROUNDS = 100
#: Rounds are counted in such steps when the best number of them is chosen.
ROUNDS_STEP = 10
SEED = 20261201
SHARPNESS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
MODESTY = (0.0, 0.005, 0.01, 0.02, 0.04)

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on held-out events."""

    rounds: int
    sharpness: float
    modesty: float
    log_loss: float


def choose(
    x: Floats, y: Labels, held: npt.NDArray[np.bool_], popularity: Probabilities, tell: Callable[[str], None]
) -> Choice:
    """How many rounds and how bold: fitted on the events that are not held out, judged on those that are."""
    tell("choosing how many rounds and how bold")
    fitted = _fit(x[~held], y[~held], MOST_ROUNDS)
    known = np.isin(y[held], fitted.classes_)
    truth = np.searchsorted(fitted.classes_, y[held][known])
    popular = popularity[fitted.classes_]
    best = Choice(MOST_ROUNDS, 1.0, 0.0, np.inf)
    for done, raw in enumerate(_staged(fitted, x[held][known]), 1):
        if done % ROUNDS_STEP:
            continue
        for sharpness in SHARPNESS:
            shares = np.exp(sharpness * (raw - raw.max(axis=1, keepdims=True)))
            shares /= shares.sum(axis=1, keepdims=True)
            for modesty in MODESTY:
                hit = ((1 - modesty) * shares + modesty * popular)[np.arange(len(truth)), truth]
                loss = float(-np.log(np.maximum(hit, 1e-9)).mean())
                if loss < best.log_loss:
                    best = Choice(done, sharpness, modesty, loss)
    return best


def fit(
    x: Floats,
    y: Labels,
    *,
    tasks: Sequence[str],
    segments: Sequence[str],
    popularity: Probabilities,
    oldest: int,
    choice: Choice,
    about: Mapping[str, Any],
) -> Model:
    """The model of these examples. Every task must be among them; `popularity` as `Model` has it."""
    fitted = _fit(x, y, choice.rounds)
    assert list(fitted.classes_) == list(range(len(tasks))), "every task has examples"
    return Model(
        tuple(tasks),
        tuple(segments),
        oldest,
        choice.sharpness,
        choice.modesty,
        popularity,
        trees_of(fitted),
        about,
    )


def _fit(x: Floats, y: Labels, rounds: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=EVENTS_PER_LEAF,
        max_features=INPUTS_PER_SPLIT,
        l2_regularization=L2,
        max_bins=BINS,
        early_stopping=False,
        random_state=SEED,
    ).fit(x, y)


def _staged(fitted: HistGradientBoostingClassifier, x: Floats) -> Any:
    """Raw scores after each round, a column for each class."""
    for raw in fitted._staged_raw_predict(x):
        yield np.concatenate([np.zeros_like(raw), raw], axis=1) if raw.shape[1] == 1 else raw


def trees_of(fitted: HistGradientBoostingClassifier) -> Trees:
    """The arrays of a fitted classifier. A test holds their scores equal to scikit-learn's."""
    feature: list[int] = []
    threshold: list[float] = []
    strikes: list[int] = []
    starts: list[int] = []
    values: list[list[float]] = []
    for of_round in fitted._predictors:
        for predictor in of_round:
            nodes = predictor.nodes
            starts.append(len(feature))
            leaves: list[float] = []
            _walk(nodes, 0, leaves, feature, threshold, strikes)
            if len(feature) == starts[-1]:  # a tree that is one leaf asks nothing
                feature.append(0)
                threshold.append(np.inf)
                strikes.append(0)
            values.append(leaves + [0.0] * (MOST_LEAVES - len(leaves)))
    return Trees(
        np.array(feature, np.int64),
        _rounded_down(np.array(threshold, np.float64)),
        np.array(strikes, np.uint16),
        np.array(starts, np.int64),
        np.array(values, np.float64),
        np.asarray(fitted._baseline_prediction, np.float64).ravel().copy(),
    )


def _walk(
    nodes: Any, here: int, leaves: list[float], feature: list[int], threshold: list[float], strikes: list[int]
) -> None:
    """Leaves from left to right; of each node, which leaves a no strikes out."""
    node = nodes[here]
    if node["is_leaf"]:
        leaves.append(float(node["value"]))
        return
    place = len(feature)
    feature.append(int(node["feature_idx"]))
    threshold.append(float(node["num_threshold"]))
    strikes.append(0)
    before = len(leaves)
    _walk(nodes, int(node["left"]), leaves, feature, threshold, strikes)
    on_the_left = ((1 << len(leaves)) - 1) ^ ((1 << before) - 1)
    strikes[place] = on_the_left
    _walk(nodes, int(node["right"]), leaves, feature, threshold, strikes)


def _rounded_down(thresholds: npt.NDArray[np.float64]) -> Floats:
    """The largest number of 32 bits that is not above: for inputs of 32 bits it asks the same question."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
