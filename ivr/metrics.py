"""Figures of one engine node, for Prometheus and for the health check."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ivr.dispatch import Dispatcher
from ivr.parts import Parts
from ivr.watch import DRIFT, Watcher

#: Seconds that a sweep may take before the health check calls the store away; a statement is given up after 5.
SWEEP_MOST_S = 6.0


class Backlog(Protocol):
    """What the journal of calls tells of itself."""

    events_dropped: int
    entries_refused: int

    @property
    def waiting(self) -> int:
        """Entries that are not stored yet."""
        ...


class Metrics:
    """Reads the parts' own counters when asked; counts nothing itself."""

    def __init__(
        self, parts: Parts, dispatcher: Dispatcher, watcher: Watcher, journal: Backlog, registry: CollectorRegistry
    ) -> None:
        self._parts, self._dispatcher, self._watcher, self._journal = parts, dispatcher, watcher, journal
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Every figure, as prometheus_client asks for them."""
        parts = self._parts
        endings = CounterMetricFamily("ringwise_calls_ended", "Calls ended, by result and reason", labels=["ending"])
        for ending, count in parts.endings.items():
            endings.add_metric([ending], count)
        yield endings
        arrivals = CounterMetricFamily(
            "ringwise_calls", "Calls that came in, by entry and campaign", labels=["entry", "campaign"]
        )
        for (entry, campaign), count in parts.arrivals.items():
            arrivals.add_metric([entry, campaign], count)
        yield arrivals
        callbacks = CounterMetricFamily(
            "ringwise_callbacks", "Callbacks dialled and retried, and what became of them", labels=["what"]
        )
        for what, count in parts.called_back.items():
            callbacks.add_metric([what], count)
        yield callbacks
        waits = CounterMetricFamily(
            "ringwise_waits_told", "Expected waits that callers were told", labels=["queue", "basis"]
        )
        for (queue, basis), count in parts.expected.told.items():
            waits.add_metric([queue, basis], count)
        yield waits
        fates = GaugeMetricFamily(
            "ringwise_waits_newest", "The newest waits told, by whether the range held", labels=["queue", "fate"]
        )
        for queue, counts in parts.expected.fates.items():
            for fate, count in counts.items():
                fates.add_metric([queue, fate], count)
        yield fates
        beyond = CounterMetricFamily(
            "ringwise_complaints_out_of_reach", "Complaints that nobody at work may decide, by tier", labels=["tier"]
        )
        for tier, count in parts.out_of_reach.items():
            beyond.add_metric([tier], count)
        yield beyond
        yield GaugeMetricFamily("ringwise_calls_live", "Calls this node holds", value=len(parts.live))
        yield GaugeMetricFamily(
            "ringwise_switch_up", "1 when Asterisk can be reached", value=float(parts.switchboard.up)
        )
        claims = CounterMetricFamily("ringwise_claims", "Claims of agents, by outcome", labels=["outcome"])
        claims.add_metric(["won"], self._dispatcher.claims_won)
        claims.add_metric(["lost"], self._dispatcher.claims_lost)
        yield claims
        drift = CounterMetricFamily(
            "ringwise_drift", "Differences between store and switch that were repaired, by kind", labels=["kind"]
        )
        for kind in DRIFT:
            drift.add_metric([kind], self._watcher.drift[kind])
        yield drift
        yield GaugeMetricFamily(
            "ringwise_journal_waiting", "Entries of the calls' record not stored yet", value=self._journal.waiting
        )
        yield CounterMetricFamily(
            "ringwise_call_events_dropped",
            "Events lost because the database was away for too long",
            value=self._journal.events_dropped,
        )
        yield CounterMetricFamily(
            "ringwise_journal_refused",
            "Entries of the calls' record that the database refused; each is logged",
            value=self._journal.entries_refused,
        )

    async def health(self) -> Mapping[str, str]:
        """What the health check answers for each part: ok, or what is wrong."""
        return {
            "switch": "ok" if self._parts.switchboard.up else "Asterisk's manager interface cannot be reached",
            "database": self._database(),
        }

    def _database(self) -> str:
        parts = self._parts
        silent_s = parts.clock.monotonic() - self._watcher.store_used_at
        if silent_s <= parts.settings.routing.sweep_s + SWEEP_MOST_S:
            return "ok"
        return f"could not be used for {silent_s:.0f} s; the log says why"
