"""How long will this caller wait? An estimate with honest ranges, from what a queue shows at this moment.

Without a model fitted to a site there is the delay of a Markov queue with impatient callers: the sum over those
ahead of 1/(N mu + k theta) (Whitt, 1999; Ibrahim and Whitt, 2009). With one, boosted regression trees correct it; they
are fitted elsewhere and served here as plain numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

#: Services that must have ended lately for their mean to count.
LEAST_SERVICES = 6


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a queue when a caller's wait is estimated; times in seconds."""

    waiting: float  #: others who wait; in part those whom other agents may serve as well
    ahead: float  #: those of them who are served before this one: by age, credit and goal
    agents: int  #: agents who may serve this caller
    service_s: float  #: mean of the services of late, as far as it is known
    services: float  #: what that mean is worth in services
    patience_s: float  #: of callers, mean
    formula_s: float  #: the estimate without a fitted model
    last_wait_s: float  #: of the caller who came to an agent last
    head_wait_s: float  #: so far, of the caller who has waited longest; 0 when nobody waits
    mean_wait_s: float  #: so far, of those who wait; 0 when nobody does
    recent_wait_s: float  #: mean of those who came to an agent in the last 5 minutes; that of the last without
    starts_5: int  #: services begun in the last 5 minutes
    starts_15: int  #: in the last 15 minutes
    credit_s: float = 0.0  #: of this caller
    waited_s: float = 0.0  #: of this caller, so far
    hour: float = 0.0  #: of the day, by the clock on the wall

    def as_row(self) -> list[float]:
        """Plain numbers to keep, in the order of the fields."""
        return [round(float(value), 3) for value in astuple(self)]

    @classmethod
    def from_row(cls, row: Sequence[float]) -> "Sight | None":
        """What `as_row` gave; None for one of a version that saw other things."""
        names = [one.name for one in fields(cls)]
        if len(row) != len(names) or not all(isinstance(value, int | float) for value in row):
            return None
        plain: dict[str, Any] = dict(zip(names, map(float, row), strict=True))
        counts = {name: int(plain[name]) for name in ("agents", "starts_5", "starts_15")}
        return cls(**(plain | counts))


@dataclass(frozen=True, slots=True)
class SeenWait:
    """What was to be seen when a caller's wait was estimated, and how long they waited from then on."""

    queue: str
    at: float  #: seconds of the epoch
    sight: Sight
    wait_s: float  #: until an agent answered, or until they left
    served: bool  #: an agent answered


def stages(ahead: float, finishing: float, patience_s: float) -> list[float]:
    """Mean times until one more of those ahead is gone, this caller last; half a caller takes half of one."""
    whole = [1 / (finishing + k / patience_s) for k in range(int(ahead) + 1)]
    return [*whole, (ahead % 1) / (finishing + len(whole) / patience_s)]


def by_length_s(sight: Sight) -> float:
    """QL: those who wait and this one, over the rate at which the agents finish."""
    return (sight.waiting + 1) * sight.service_s / max(sight.agents, 1)


def by_length_and_patience_s(sight: Sight, ahead: float) -> float:
    """QLm: so many ahead, who may hang up, each after their patience on average."""
    return sum(stages(ahead, max(sight.agents, 1) / sight.service_s, sight.patience_s))


#: What the trees split on, besides the queue.
INPUTS = (
    *("by_length_and_patience_s", "formula_s", "by_length_s", "last_wait_s", "head_wait_s", "mean_wait_s"),
    *("recent_wait_s", "waiting", "ahead", "agents", "starts_5", "starts_15", "credit_s", "hour", "waited_s"),
)


def features(sight: Sight) -> tuple[float, ...]:
    """The values of INPUTS; fitting and serving use this one."""
    return (
        by_length_and_patience_s(sight, sight.waiting),
        sight.formula_s,
        by_length_s(sight),
        sight.last_wait_s,
        sight.head_wait_s,
        sight.mean_wait_s,
        sight.recent_wait_s,
        sight.waiting,
        sight.ahead,
        float(sight.agents),
        float(sight.starts_5),
        float(sight.starts_15),
        sight.credit_s,
        sight.hour,
        sight.waited_s,
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

    queues: tuple[str, ...]  #: it was fitted on; each is an input of its own, 1 for its callers and 0 for others
    base_s: float
    trees: tuple[Tree, ...]
    bands: tuple[tuple[float, tuple[float, ...]], ...]  #: estimates up to → quantiles of wait/estimate, ascending

    def mean_s(self, queue: str, sight: Sight) -> float:
        """The expected wait of a caller of one of its queues."""
        row = inputs(self.queues, queue, sight)
        return max(0.0, self.base_s + sum(tree.value(row) for tree in self.trees))

    def around(self, mean: float, coverage: float = 0.8) -> Expected:
        """An estimate with its range: as far as waits lay from estimates of this size where it was fitted."""
        ratios = next((ratios for upto, ratios in self.bands if mean <= upto), self.bands[-1][1])
        tail = (1 - coverage) / 2
        return Expected(mean, mean * _quantile(ratios, tail), mean * _quantile(ratios, 1 - tail))

    def as_json(self) -> dict[str, Any]:
        """Plain values to keep."""
        trees = [[list(t.feature), list(t.threshold), list(t.left), list(t.right)] for t in self.trees]
        bands = [[upto, list(ratios)] for upto, ratios in self.bands]
        return {"queues": list(self.queues), "base_s": self.base_s, "trees": trees, "bands": bands}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "WaitModel":
        """What `as_json` gave."""
        trees = tuple(Tree(*(tuple(column) for column in columns)) for columns in plain["trees"])
        bands = tuple((upto, tuple(ratios)) for upto, ratios in plain["bands"])
        return cls(tuple(plain["queues"]), plain["base_s"], trees, bands)


def inputs(queues: Sequence[str], queue: str, sight: Sight) -> tuple[float, ...]:
    """A row of inputs: INPUTS, then one for each queue."""
    return (*features(sight), *(float(one == queue) for one in queues))


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
