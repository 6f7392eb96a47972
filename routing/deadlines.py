"""When a case alarms before its deadline, in working time that has passed and that is left. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

#: The name of the alarm when the deadline has passed.
PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a case is on its way to its deadline, in seconds of working time."""

    passed_s: float
    left_s: float
    is_over: bool  #: by the clock on the wall


def reached(progress: Progress, shares: Sequence[float], before_s: Sequence[float]) -> tuple[str, ...]:
    """The alarms that a case has reached, the most urgent last: share:0.5, before:28800, passed."""
    whole_s = progress.passed_s + progress.left_s
    found = [f"share:{share:g}" for share in sorted(shares) if whole_s and progress.passed_s >= share * whole_s]
    found += [f"before:{s:g}" for s in sorted(before_s, reverse=True) if s and progress.left_s <= s]
    if progress.is_over:
        return (*found, PASSED) if 0 in before_s else tuple(found)
    return tuple(found)
