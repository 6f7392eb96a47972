"""Figures of one engine node, for Prometheus and for the health check."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ivr.dispatch import Dispatcher
from ivr.parts import Parts
from ivr.watch import Watcher


class Metrics:
    """Reads the parts' own counters when asked; counts nothing itself."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, watcher: Watcher, registry: CollectorRegistry) -> None:
        self._parts, self._dispatcher, self._watcher = parts, dispatcher, watcher
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Every figure, as prometheus_client asks for them."""
        parts = self._parts
        endings = CounterMetricFamily("ringwise_calls_ended", "Calls ended, by result and reason", labels=["ending"])
        for ending, count in parts.endings.items():
            endings.add_metric([ending], count)
        yield endings
        yield GaugeMetricFamily("ringwise_calls_live", "Calls this node holds", value=len(parts.live))
        yield GaugeMetricFamily(
            "ringwise_switch_up", "1 when Asterisk can be reached", value=float(parts.switchboard.up)
        )
        claims = CounterMetricFamily("ringwise_claims", "Claims of agents, by outcome", labels=["outcome"])
        claims.add_metric(["won"], self._dispatcher.claims_won)
        claims.add_metric(["lost"], self._dispatcher.claims_lost)
        yield claims
        yield CounterMetricFamily(
            "ringwise_drift", "Differences between store and switch that were repaired", value=self._watcher.drift
        )

    async def health(self) -> Mapping[str, str]:
        """What the health check answers for each part: ok, or what is wrong."""
        return {"switch": "ok" if self._parts.switchboard.up else "Asterisk's manager interface cannot be reached"}
