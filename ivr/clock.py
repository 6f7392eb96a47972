"""The clocks of an engine: the machine's own, and the store's, by which all nodes go."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from ivr.ports import Clock


class SystemClock:
    """The machine's time of day, moved by a fixed number of seconds (0 in production)."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._ahead_s = ahead_s

    def now(self) -> float:
        """UTC seconds of the epoch."""
        return time.time() + self._ahead_s

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)


class StoreClock:
    """The store's time of day, read every few seconds; between two readings the machine's monotonic clock tells it on.

    So all nodes of a site agree, and no lease ends early or late because a machine's own time of day is wrong or steps.
    """

    def __init__(self, machine: Clock, ahead_s: float = 0.0) -> None:
        self._machine, self._ahead_s = machine, ahead_s
        self._zero: float | None = None  #: the store's time when the monotonic clock read 0

    def now(self) -> float:
        """UTC seconds of the epoch; until the first reading by the machine's own time of day."""
        if self._zero is None:
            return self._machine.now() + self._ahead_s
        return self._zero + self._machine.monotonic() + self._ahead_s

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return self._machine.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await self._machine.sleep(seconds)

    async def read(self, store_time: Callable[[], Awaitable[float]]) -> None:
        """Ask the store for its time of day. Raises what asking raises; then the clock goes on as it did."""
        asked_at = self._machine.monotonic()
        told = await store_time()
        self.set(asked_at, told, self._machine.monotonic())

    def set(self, asked_at: float, told: float, heard_at: float) -> None:
        """The store told its time at some moment between these two of the monotonic clock.

        A clock that may be right already is left alone, so a slow answer spoils nothing: it is off by no more than the
        quickest answer took, and by what the monotonic clock has drifted since.
        """
        earliest, latest = told - heard_at, told - asked_at
        zero = (earliest + latest) / 2 if self._zero is None else self._zero
        self._zero = min(max(zero, earliest), latest)

    @property
    def machine_ahead_s(self) -> float:
        """Seconds by which the machine's own time of day is ahead of the store's; 0 before the first reading."""
        return 0.0 if self._zero is None else self._machine.now() - self._machine.monotonic() - self._zero
