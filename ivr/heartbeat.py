"""The heartbeat of a node: every few seconds it tells the others that it lives, and sets its clock by the store's."""

from collections.abc import Iterator
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from ivr.clock import StoreClock
from ivr.rounds import rounds

log = structlog.get_logger()

#: Seconds between two heartbeats.
BEAT_EVERY_S = 3.0
#: Readings of the store's time at the start: the quickest of them counts.
READINGS = 3
#: Seconds by which a machine's time of day may be off the store's before it is told.
OFF_S = 2.0


class Life(Protocol):
    """What a node says of itself in the store, and the store's time of day. Every verb raises StoreAway."""

    async def started(self, *, now: float) -> None: ...

    async def seen(self, *, now: float) -> None: ...

    async def time(self) -> float: ...


class Heartbeat:
    """Of one node."""

    def __init__(self, life: Life, clock: StoreClock) -> None:
        self._life, self._clock = life, clock
        self._told = False  #: that the machine's time of day is off

    async def start(self) -> None:
        """The first: a new process, which holds no calls yet. Raises StoreAway."""
        for _ in range(READINGS):
            await self._set_clock()
        await self._life.started(now=self._clock.now())

    async def beat(self) -> None:
        """The next one. Raises StoreAway."""
        await self._set_clock()
        await self._life.seen(now=self._clock.now())

    async def run(self) -> None:
        """Beat until cancelled."""
        await rounds(
            self.beat,
            lambda: self._clock.sleep(BEAT_EVERY_S),
            away="the store is away; no sign of life could be given",
            failed="a sign of life failed",
            pause_first=True,
        )

    async def _set_clock(self) -> None:
        await self._clock.read(self._life.time)
        ahead_s = self._clock.machine_ahead_s
        off = abs(ahead_s) > OFF_S
        if off and not self._told:
            log.warning(
                "this machine's time of day is off the store's, which the engine goes by", ahead_s=round(ahead_s, 1)
            )
        elif self._told and not off:
            log.info("this machine's time of day is the store's again", ahead_s=round(ahead_s, 1))
        self._told = off


class ClockFigures:
    """How far the machine's time of day is off, for Prometheus."""

    def __init__(self, clock: StoreClock, registry: CollectorRegistry) -> None:
        self._clock = clock
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figure, as prometheus_client asks for it."""
        yield GaugeMetricFamily(
            "ringwise_clock_ahead_seconds",
            "Seconds by which this machine's time of day is ahead of the store's",
            value=self._clock.machine_ahead_s,
        )
