"""Figures of the desktop for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Measures:
    """Counters, gauges and histograms, registered where `/metrics` reads them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.pops = Counter("ringwise_pops", "Pops by what became of them in time", ["outcome"], registry=registry)
        self.pop_shown_s = Histogram(
            "ringwise_pop_shown_seconds",
            "From the order to show a pop until a browser said that it stands on the screen",
            buckets=(0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
            registry=registry,
        )
        self.sockets = Gauge("ringwise_desktop_sockets", "Browser windows that are connected", registry=registry)
        self.closed = Counter("ringwise_desktop_closed", "Sockets that we closed, by code", ["code"], registry=registry)
        self.stale = Counter(
            "ringwise_desktop_reads_failed", "States that could not be read in time", registry=registry
        )
        self.sign_ins = Counter("ringwise_sign_ins", "Attempts to sign in", ["outcome"], registry=registry)
