"""What a model must be better than: the plain rules that everybody would think of first."""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from menus.learning.days import Floats
from menus.learning.features import HALF_LIFE_DAYS, MONTH_DAYS


class Baseline(StrEnum):
    """A rule that orders tasks by the caller's own history; ties go to what is popular among all."""

    MFU = "mfu"  # most often, of these the latest
    RECENCY = "recency"  # latest
    KERNEL = "kernel"  # around this day of the month, within a day or so, lately


def baseline_scores(
    days: npt.NDArray[np.int64], tasks: npt.NDArray[np.int64], today: int, count: int
) -> dict[Baseline, Floats]:
    """A score for each task by each rule, from events of earlier days, oldest first."""
    learned = tasks >= 0
    days, tasks = days[learned], tasks[learned]
    often = np.bincount(tasks, minlength=count).astype(np.float64)
    latest = np.full(count, -1.0)
    latest[tasks] = np.arange(len(tasks))  # later events overwrite earlier ones
    kernel: npt.NDArray[np.float64] = np.zeros(count)
    if len(days):
        apart = np.abs(_day_of_month(days) - _day_of_month(np.array([today])))
        weights = np.exp(-np.minimum(apart, MONTH_DAYS - apart)) * 0.5 ** ((today - days) / HALF_LIFE_DAYS)
        kernel = np.bincount(tasks, weights, minlength=count).astype(np.float64)
    scores = {
        Baseline.MFU: often + (latest + 1) / (len(days) + 2),
        Baseline.RECENCY: latest + 1,
        Baseline.KERNEL: kernel,
    }
    return {rule: score.astype(np.float32) for rule, score in scores.items()}


def _day_of_month(ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    days = (ordinals - 719163).astype("datetime64[D]")
    found: npt.NDArray[np.int64] = (days - days.astype("datetime64[M]")).astype(np.int64)
    return found
