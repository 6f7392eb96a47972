"""What callers who left tell of waits: those who stayed as long as others who left stand for them as well.

Only the waits of callers who were served are known, and long ones are served less often: a mean of them promises too
little. Each is counted as often as callers stay that long, turned upside down (inverse probability of censoring
weights: Robins and Rotnitzky, 1992), with the share of those who stay from Kaplan and Meier.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

#: No wait counts more than so often: a few very long ones must not decide.
MOST_WEIGHT = 10.0


def weights_of(waits_s: Sequence[float], served: Sequence[bool]) -> Numbers:
    """How often each wait counts; 0 for callers who left."""
    wait, stayed = np.asarray(waits_s, np.float64), np.asarray(served, np.bool_)
    order = np.lexsort((~stayed, wait))  # who was served at the same moment has not outlasted those who left then
    still = len(wait) - np.arange(len(wait))
    staying = np.cumprod(np.where(stayed[order], 1.0, 1 - 1 / still))
    found = np.zeros(len(wait))
    found[order] = np.minimum(1 / np.maximum(staying, 1 / MOST_WEIGHT), MOST_WEIGHT)
    return np.where(stayed, found, 0.0)


def quantiles(values: Numbers, weights: Numbers, shares: Numbers) -> Numbers:
    """Of weighted values; with equal weights those of numpy."""
    order = np.argsort(values)
    upto = np.cumsum(weights[order]) - weights[order]
    found: Numbers = np.interp(shares, upto / max(upto[-1], 1e-12), values[order])
    return found
