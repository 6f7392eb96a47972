"""Time that moves only when told to: for the event loop, the store, and machines whose clocks go wrong."""

import asyncio
from collections.abc import Callable

from ivr.testing.world import T


class StillTime:
    """Seconds since the beginning. No deadline passes by itself, however slow the machine is."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def store_now(self) -> float:
        """The store's time of day."""
        return T + self.elapsed


def still_loop(time: StillTime) -> Callable[[], asyncio.AbstractEventLoop]:
    """For `asyncio.Runner`: loops that go by this time."""

    class StillLoop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return time.elapsed

    return StillLoop


class MachineClock:
    """The clock of one node's machine (port Clock): its time of day may be wrong and step, and its seconds too long."""

    def __init__(self, time: StillTime, *, booted: float, drift: float) -> None:
        self._time = time
        self._booted = booted  #: what the monotonic clock began with
        self._drift = drift  #: seconds gained in a second
        self.wrong_s = 0.0  #: what the time of day is ahead by

    def now(self) -> float:
        """UTC seconds of the epoch, as this machine believes."""
        return T + self._time.elapsed * (1 + self._drift) + self.wrong_s

    def monotonic(self) -> float:
        """Seconds since it was switched on, which no one can set."""
        return self._booted + self._time.elapsed * (1 + self._drift)

    async def sleep(self, seconds: float) -> None:
        """Until so much time has passed, and the loop turns."""
        await asyncio.sleep(seconds)
