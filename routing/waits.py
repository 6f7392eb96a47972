"""How long will this caller wait? An estimate with honest ranges, from what a queue shows at this moment.

Without a model fitted to a site there is the delay of a Markov queue with impatient callers: the sum over those
ahead of 1/(N mu + k theta) (Whitt, 1999; Ibrahim and Whitt, 2009). With one, boosted regression trees correct it; they
are fitted elsewhere and served here as plain numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: A service time that nobody knows yet, and its limits, in seconds.
USUAL_SERVICE_S, LEAST_SERVICE_S, MOST_SERVICE_S = 180.0, 60.0, 600.0
#: Services that must have ended lately for their mean to count.
LEAST_SERVICES = 6


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a queue when a caller comes; times in seconds."""

    ahead: int  #: callers before this one
    ahead_by_place: int  #: those of them who are served first when credit counts
    agents: int  #: agents who serve now
    service_s: float  #: mean of the services that ended in the last half hour
    services: int  #: how many those are
    last_wait_s: float  #: of the caller who came to an agent last
    head_wait_s: float  #: so far, of the caller who has waited longest; 0 when nobody waits
    mean_wait_s: float  #: so far, of those who wait; 0 when nobody does
    recent_wait_s: float  #: mean of those who came to an agent in the last 5 minutes; that of the last without
    starts_5: int  #: services begun in the last 5 minutes
    starts_15: int  #: in the last 15 minutes
    credit_s: float = 0.0  #: of this caller
    hour: float = 0.0  #: of the day, by the clock on the wall


def mean_service_s(sight: Sight) -> float:
    """The mean service as far as it can be trusted."""
    if sight.services < LEAST_SERVICES:
        return USUAL_SERVICE_S
    return min(max(sight.service_s, LEAST_SERVICE_S), MOST_SERVICE_S)


def by_length_s(sight: Sight) -> float:
    """QL: those ahead and this one, over the rate at which the agents finish."""
    return (sight.ahead + 1) * mean_service_s(sight) / max(sight.agents, 1)


def by_length_and_patience_s(sight: Sight, patience_s: float, ahead: int | None = None) -> float:
    """QLm: the same while those ahead may hang up, each after `patience_s` on average."""
    finishing = max(sight.agents, 1) / mean_service_s(sight)
    count = sight.ahead if ahead is None else ahead
    return sum(1 / (finishing + k / patience_s) for k in range(count + 1))


def features(sight: Sight, patience_s: float) -> tuple[float, ...]:
    """What the trees split on; fitting and serving use this one."""
    return (
        by_length_and_patience_s(sight, patience_s),
        by_length_and_patience_s(sight, patience_s, sight.ahead_by_place),
        by_length_s(sight),
        sight.last_wait_s,
        sight.head_wait_s,
        sight.mean_wait_s,
        sight.recent_wait_s,
        float(sight.ahead),
        float(sight.ahead_by_place),
        float(sight.agents),
        float(sight.starts_5),
        float(sight.starts_15),
        sight.credit_s,
        sight.hour,
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """An estimate, and how far it may be off."""

    mean_s: float
    low_s: float  #: the wait lies between these with the probability that was asked for
    high_s: float


@dataclass(frozen=True, slots=True)
class Tree:
    """A regression tree as columns; node 0 is the root, a leaf has feature -1 and its value as threshold."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def value(self, row: Sequence[float]) -> float:
        """What the tree says of a row."""
        node = 0
        while (feature := self.feature[node]) >= 0:
            node = self.left[node] if row[feature] <= self.threshold[node] else self.right[node]
        return self.threshold[node]


@dataclass(frozen=True, slots=True)
class WaitModel:
    """An estimator fitted to a site."""

    patience_s: float
    base_s: float
    trees: tuple[Tree, ...]
    bands: tuple[tuple[float, tuple[float, ...]], ...]  #: estimates up to → quantiles of wait/estimate, ascending

    def mean_s(self, sight: Sight) -> float:
        """The expected wait."""
        row = features(sight, self.patience_s)
        return max(0.0, self.base_s + sum(tree.value(row) for tree in self.trees))

    def expect(self, sight: Sight, coverage: float = 0.8) -> Expected:
        """The expected wait with its range: as far as waits lay from estimates of this size where it was fitted."""
        return self.around(self.mean_s(sight), coverage)

    def around(self, mean: float, coverage: float = 0.8) -> Expected:
        """The range of an estimate."""
        ratios = next((ratios for upto, ratios in self.bands if mean <= upto), self.bands[-1][1])
        tail = (1 - coverage) / 2
        return Expected(mean, mean * _quantile(ratios, tail), mean * _quantile(ratios, 1 - tail))

    def as_json(self) -> dict[str, Any]:
        """Plain values to keep."""
        trees = [[list(t.feature), list(t.threshold), list(t.left), list(t.right)] for t in self.trees]
        bands = [[upto, list(ratios)] for upto, ratios in self.bands]
        return {"patience_s": self.patience_s, "base_s": self.base_s, "trees": trees, "bands": bands}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "WaitModel":
        """What `as_json` gave."""
        trees = tuple(Tree(*(tuple(column) for column in columns)) for columns in plain["trees"])
        bands = tuple((upto, tuple(ratios)) for upto, ratios in plain["bands"])
        return cls(plain["patience_s"], plain["base_s"], trees, bands)


#: How far one wait that lay outside moves the coverage aimed at: some hundred waits forget a bad day.
ADAPTATION = 0.005


def adapted(aimed: float, coverage: float, *, outside: bool) -> float:
    """The coverage to aim at after one more wait: wider when it lay outside, a little narrower when inside."""
    return aimed + ADAPTATION * (outside - (1 - coverage))


@dataclass(slots=True)
class Ranges:
    """Ranges that stay honest when waits are not as they were where the model was fitted.

    Each wait that lay outside widens those to come, each inside narrows them a little: in the long run the share inside
    is the one asked for, whatever the waits do (Gibbs and Candès, Adaptive conformal inference, 2021).
    """

    model: WaitModel
    coverage: float  #: the share of waits that should lie inside
    aimed_at: float = -1.0  #: what the model is asked for

    def around(self, mean: float) -> Expected:
        """The range of an estimate."""
        return self.model.around(mean, self.coverage if self.aimed_at < 0 else self.aimed_at)

    def learn(self, told: Expected, wait_s: float) -> None:
        """A caller who was told this has waited so long."""
        outside = not told.low_s <= wait_s <= told.high_s
        before = self.coverage if self.aimed_at < 0 else self.aimed_at
        self.aimed_at = min(max(adapted(before, self.coverage, outside=outside), 0.0), 1.0)


def _quantile(ascending: Sequence[float], share: float) -> float:
    at = share * (len(ascending) - 1)
    below = int(at)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (at - below) * (ascending[above] - ascending[below])
