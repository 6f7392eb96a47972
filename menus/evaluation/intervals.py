"""95 % intervals: a bootstrap over callers that needs one pass and bounded memory, and Wilson's where that is blind.

A caller's calls are alike, so what is drawn again are callers, not calls (the cluster bootstrap: Davison and Hinkley,
Bootstrap Methods and their Application, 1997, section 3.8). Each caller counts Poisson(1) times in each repetition,
which comes to the same for many callers and does not need them all at once (Chamandy, Muralidharan, Najmi and Naidu,
Estimating Uncertainty for Massive Data Streams, Google, 2012). The numbers come from the caller's name, so that the
same calls always give the same intervals, in whatever order they are read, and so that a caller who is in both arms
counts equally often in both.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from menus.lot import lot

Floats = npt.NDArray[np.float64]

REPETITIONS = 500
SEED = "ringwise-menus-1"
LEVEL = 0.95
_Z = 1.959963984540054  #: quantile of the normal distribution for 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    """From where to where the true value lies in 95 of 100 such reports."""

    low: float
    high: float


def weights_of(caller: str, repetitions: int = REPETITIONS) -> Floats:
    """How often this caller counts in each repetition."""
    return np.random.Generator(np.random.PCG64(lot(f"{SEED}\0{caller}"))).poisson(1.0, repetitions).astype(np.float64)


def percentiles(repeated: Floats) -> Interval | None:
    """The middle 95 % of what the repetitions gave; None when most of them gave nothing."""
    given = repeated[np.isfinite(repeated)]
    if len(given) < len(repeated) * LEVEL:
        return None
    low, high = np.quantile(given, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(low), float(high))


def wilson(share: float, of: int) -> Interval:
    """The score interval of a share (Wilson, JASA 22, 1927): sound also for none and for all."""
    centre, width = share + _Z**2 / (2 * of), _Z * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Interval(max(0.0, (centre - width) / (1 + _Z**2 / of)), min(1.0, (centre + width) / (1 + _Z**2 / of)))


def newcombe(one: float, of_one: int, other: float, of_other: int) -> Interval:
    """The interval of one share less another, from Wilson's of each (Newcombe, Statistics in Medicine 17, 1998)."""
    a, b, apart = wilson(one, of_one), wilson(other, of_other), one - other
    return Interval(
        apart - sqrt((one - a.low) ** 2 + (b.high - other) ** 2),
        apart + sqrt((a.high - one) ** 2 + (other - b.low) ** 2),
    )
