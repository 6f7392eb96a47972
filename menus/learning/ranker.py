"""Rankers: what is known of a caller → how likely each task is today."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from menus.facts import CallerFacts
from menus.learning.features import summarise


class Ranker(Protocol):
    """Says how likely a caller comes for each of several tasks."""

    @property
    def name(self) -> str:
        """What decision records call it."""
        ...

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
        """A probability for each of `tasks`, together at most 1; `now` is local time of the book. No I/O."""
        ...


#: What went into a probability: in words, and how much it adds to it or takes from it.
Share = tuple[str, float]


@runtime_checkable
class Telling(Ranker, Protocol):
    """A ranker that can also tell what its probabilities are made of. Not asked for while a call goes on."""

    def why(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, Sequence[Share]]:
        """For each of the tasks what went into its probability, together that probability; asked as `scores` is."""
        ...


@runtime_checkable
class Recalling(Ranker, Protocol):
    """A ranker that leaves in the decision record what it went by, its `basis`, and gives the same from it again."""

    def again(self, basis: Mapping[str, Any], tasks: Sequence[str]) -> Mapping[str, float]:
        """The probabilities that `scores` gave when it went by this."""
        ...


class KernelRanker:
    """Day-of-month kernel over the caller's own history, damped by what was done this month, shrunk to popularity.

    For task c on a day, with k(c) the decayed number of earlier events of c around this day of the month and K their
    sum, n(c) and N the plain numbers (menus/learning/features.py):

        own(c) = (k(c) / K + 0.1 n(c) / N) / 1.1 * damp(c)
        damp(c) = clip(1 - 0.8 done(c) / rate(c), 0.2, 1) for tasks done at most 1.5 times a month, otherwise 1
        p(c) = s own(c) + (1 - s) popularity(c),   s = K / (K + 2)

    K is the number of relevant observations, so a caller of whom nothing is known around this day, however long the
    history, is left to popularity, which never passes the gate; three habitual months do. Without a popularity all
    tasks of the menu are alike, so that the book's order stands. What damping takes away is given to nobody: a caller
    who has done all that they usually do is a caller of whom we know little.

    The kernel with tau = 1 is the baseline measured on the Berka subset (Berka and Sochorova, PKDD'99: event data of
    354 accounts), hit@1 .710 against .529 for popularity; with damping and shrinkage as above .752 there, its
    probabilities being too modest rather than too bold: of what passes the gate .83 is right.
    """

    name = "kernel-1"

    SHRINK_EVENTS = 2.0  #: observations that popularity counts for
    SHARE_WEIGHT = 0.1  #: of the plain share, against the kernel's
    DAMP = 0.8
    DAMP_LEAST = 0.2
    DAMPED_MONTHLY_RATE = 1.5  #: tasks done more often than this are not done with for the month

    def __init__(self, popularity: Mapping[str, float] | None = None) -> None:
        """`popularity`: share of each task among all callers; at most 1 together."""
        self._popularity = dict(popularity) if popularity is not None else None

    def scores(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, float]:
        """A probability for each of the tasks."""
        if not tasks:
            return {}
        popular = self._popular(tasks)
        history = summarise(facts.history, now)
        if not history.events:
            return popular
        trust = history.kernel / (history.kernel + self.SHRINK_EVENTS)
        scores = {}
        for task in tasks:
            own = 0.0
            done = history.tasks.get(task)
            if done is not None and history.kernel > 0:
                near = done.kernel / history.kernel
                own = (near + self.SHARE_WEIGHT * done.count / history.events) / (1 + self.SHARE_WEIGHT)
                rate = history.monthly_rate(task)
                if rate <= self.DAMPED_MONTHLY_RATE:
                    own *= max(self.DAMP_LEAST, 1 - self.DAMP * done.this_month / rate)
            scores[task] = trust * own + (1 - trust) * popular[task]
        return scores

    def why(self, facts: CallerFacts, tasks: Sequence[str], now: datetime) -> Mapping[str, Sequence[Share]]:
        """What the caller's own history adds to each probability, and what others do."""
        if not tasks:
            return {}
        popular = self._popular(tasks)
        history = summarise(facts.history, now)
        trust = history.kernel / (history.kernel + self.SHRINK_EVENTS)
        told: dict[str, Sequence[Share]] = {}
        for task in tasks:
            parts: list[Share] = []
            done = history.tasks.get(task)
            if done is not None and history.kernel > 0:
                near = trust * done.kernel / history.kernel / (1 + self.SHARE_WEIGHT)
                ever = trust * self.SHARE_WEIGHT * done.count / history.events / (1 + self.SHARE_WEIGHT)
                parts += [("done around this day of the month, lately", near), ("how often at all", ever)]
                rate = history.monthly_rate(task)
                if rate <= self.DAMPED_MONTHLY_RATE and done.this_month:
                    damped = 1 - max(self.DAMP_LEAST, 1 - self.DAMP * done.this_month / rate)
                    parts.append(("done already this month", -(near + ever) * damped))
            told[task] = (*parts, ("all callers", (1 - trust) * popular[task]))
        return told

    def _popular(self, tasks: Sequence[str]) -> dict[str, float]:
        alike = 1.0 / len(tasks)
        popularity = self._popularity
        return {task: alike if popularity is None else popularity.get(task, 0.0) for task in tasks}
