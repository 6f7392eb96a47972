"""How good an order is: hits, calibration, seconds until the wish was heard, and who is worse off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from menus.learning.examples import Example

Scores = npt.NDArray[np.float64]  #: examples x tasks

#: Seconds that one option is spoken.
OPTION_S = 3.0
CALIBRATION_GROUPS = 15
DECILES = 10
RESAMPLINGS = 400


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of one rule on held-out events."""

    hit1: float
    hit3: float
    mrr: float
    mean_rank: float
    seconds: float  #: until the wished option was heard


def ranks_of(scores: Scores, truth: npt.NDArray[np.int64], popularity: Scores) -> npt.NDArray[np.int64]:
    """The place of what was wished, 1 is first; ties go to the more popular task, and those to the earlier one."""
    order = np.lexsort((np.broadcast_to(-popularity, scores.shape), -scores), axis=1)
    found: npt.NDArray[np.int64] = (order == truth[:, None]).argmax(axis=1) + 1
    return found


def quality(ranks: npt.NDArray[np.int64]) -> Quality:
    """The figures of these places."""
    return Quality(
        float((ranks <= 1).mean()),
        float((ranks <= 3).mean()),
        float((1 / ranks).mean()),
        float(ranks.mean()),
        float(OPTION_S * ranks.mean()),
    )


def calibration(top: Scores, hit: npt.NDArray[np.bool_]) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error, and (mean probability, share of hits, events) of each of 15 equal groups."""
    groups = [g for g in np.array_split(np.argsort(top, kind="stable"), CALIBRATION_GROUPS) if len(g)]
    points = [(float(top[g].mean()), float(hit[g].mean()), len(g)) for g in groups]
    return sum(abs(said - came) * many for said, came, many in points) / max(1, len(top)), points


def best_ranks(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    """The places under the best order that is the same all day for a customer: no ranking can beat it."""
    days: dict[tuple[int, int], dict[int, int]] = {}
    for example in examples:
        done = days.setdefault((example.customer, example.day), {})
        done[example.task] = done.get(example.task, 0) + 1
    return np.array(
        [
            1 + [*sorted(done, key=lambda task: (-done[task], task))].index(example.task)
            for example in examples
            for done in [days[example.customer, example.day]]
        ],
        np.int64,
    )


def decile_gains(
    customers: npt.NDArray[np.int64], static: npt.NDArray[np.float64], model: npt.NDArray[np.float64], by: Scores
) -> list[float]:
    """Seconds gained on average in each tenth of the customers, sorted by `by` (per event; its mean per customer)."""
    _, place = np.unique(customers, return_inverse=True)
    events = np.bincount(place)
    means = [np.bincount(place, values) / events for values in (static, model, by)]
    order = np.argsort(means[2], kind="stable")
    return [float((means[0][tenth] - means[1][tenth]).mean()) for tenth in np.array_split(order, DECILES) if len(tenth)]


def interval(customers: npt.NDArray[np.int64], values: npt.NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a mean over events, from drawing customers anew (not events, which hang together)."""
    _, place = np.unique(customers, return_inverse=True)
    sums, events = np.bincount(place, values), np.bincount(place)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(events), (RESAMPLINGS, len(events)))
    means = sums[drawn].sum(axis=1) / events[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def by_history(
    events: npt.NDArray[np.int64], ranks: Mapping[str, npt.NDArray[np.int64]]
) -> list[tuple[str, int, dict[str, float]]]:
    """hit@1 of each rule by how long the history was: (which, how many events, rule → share)."""
    bounds = ((0, 10, "below 10"), (10, 20, "10-19"), (20, 50, "20-49"), (50, 10**9, "50 and more"))
    found = []
    for low, high, name in bounds:
        here = (events >= low) & (events < high)
        if here.any():
            shares = {rule: float((places[here] == 1).mean()) for rule, places in ranks.items()}
            found.append((name, int(here.sum()), shares))
    return found
