"""What lies before a caller who waits: how many are served first, by how many agents, and how long that takes.

The formula of `routing/waits.py`: with n ahead, N agents and a patience of 1/theta the wait is a sum of exponential
times with the rates N mu + k theta, k = 0 … n. Its mean and variance are exact, its quantiles those of the gamma
distribution with the same two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from routing.agent import AT_WORK, Agent
from routing.need import Need, NeedState
from routing.skills import alternatives
from routing.snapshot import Snapshot
from routing.waits import LEAST_SERVICES, Expected, stages

#: Mean patience of callers of whom nothing is known yet, seconds; it counts as much as one caller who left.
USUAL_PATIENCE_S = 1200.0


@dataclass(frozen=True, slots=True)
class Lately:
    """What a queue has seen of late."""

    services: int = 0  #: conversations that were brought to an end
    service_s: float = 0.0  #: their mean, from the offer until the agent was free again
    left: int = 0  #: callers who left while they waited
    waited_s: float = 0.0  #: the waits of all, also of those who were served

    def patience_s(self) -> float:
        """Time in the queue per caller who left."""
        return (self.waited_s + USUAL_PATIENCE_S) / (self.left + 1)

    def service(self, usual_s: float | None) -> tuple[float, float] | None:
        """Mean service and what it is worth in services; `usual_s` counts as a few. None when too little is known."""
        known = 0 if usual_s is None else LEAST_SERVICES
        if self.services + known < LEAST_SERVICES:
            return None
        total = self.services * self.service_s + known * (usual_s or 0.0)
        return max(total / (self.services + known), 1.0), float(self.services + known)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The queue before one caller."""

    ahead: float  #: who waits and is served first; those whom other agents may serve as well count in part
    agents: int  #: agents at work who may serve the caller
    behind: float = 0.0  #: who waits and is served later, counted in the same way

    def expect(self, service_s: float, services: float, patience_s: float, coverage: float) -> Expected:
        """The wait from now on, in a range that should hold it with this probability; `agents` is not 0.

        The mean of few services may be off: that widens the range.
        """
        finishing = self.agents / service_s
        means = stages(self.ahead, finishing, patience_s)
        mean = sum(means)
        deviation = sqrt(sum(one * one for one in means) + mean * mean / services) / mean
        return Expected(mean, *(mean * _gamma(deviation, share) for share in ((1 - coverage) / 2, (1 + coverage) / 2)))


def _gamma(deviation: float, share: float) -> float:
    """A quantile of the gamma distribution with mean 1 and this standard deviation (Wilson and Hilferty, 1931)."""
    ninth = deviation * deviation / 9
    return max(0.0, 1 - ninth + NormalDist().inv_cdf(min(max(share, 1e-6), 1 - 1e-6)) * sqrt(ninth)) ** 3


class Hall:
    """A picture of everybody, made ready to be asked for the outlook of one need after the other."""

    def __init__(self, snapshot: Snapshot, more: Iterable[Need] = ()) -> None:
        self.needs = {need.call_id: need for need in (*snapshot.needs, *more) if need.state is NeedState.WAITING}
        self._order = sorted(self.needs.values(), key=Need.place)
        self._having: dict[str, list[int]] = {}  # skill → by level, the agents who have it as bits
        self._fitting: dict[tuple[tuple[str, int], ...], int] = {}
        self._count = 0
        for agent in snapshot.agents:
            if agent.state in AT_WORK:
                self._hire(agent)

    def _hire(self, agent: Agent) -> None:
        bit, self._count = 1 << self._count, self._count + 1
        for skill, level in agent.skills.items():
            having = self._having.setdefault(skill, [])
            having += [0] * (level + 1 - len(having))
            for enough in range(level + 1):
                having[enough] |= bit

    def _may_serve(self, need: Need, now: float) -> int:
        some = 0
        for asked in alternatives(need, now):
            key = tuple(sorted(asked.items()))
            if key not in self._fitting:
                fit = (1 << self._count) - 1
                for skill, level in key:
                    having = self._having.get(skill, ())
                    fit &= having[level] if level < len(having) else 0
                self._fitting[key] = fit
            some |= self._fitting[key]
        return some

    def outlook(self, call_id: str, now: float) -> Outlook | None:
        """What lies before a caller; None when they do not wait."""
        mine = self.needs.get(call_id)
        if mine is None:
            return None
        agents, ahead, behind = self._may_serve(mine, now), 0.0, 0.0
        before = True
        for other in self._order:
            if other is mine:
                before = False
                continue
            theirs = self._may_serve(other, now)
            if common := theirs & agents:
                share = common.bit_count() / theirs.bit_count()
                ahead, behind = (ahead + share, behind) if before else (ahead, behind + share)
        return Outlook(ahead, agents.bit_count(), behind)
