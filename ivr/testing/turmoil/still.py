"""Time that moves only when told to: for the event loop, and for nodes whose clocks go wrong."""

import asyncio
from collections.abc import Callable

from ivr.testing.world import T


class StillTime:
    """Seconds since the beginning. No deadline passes by itself, however slow the machine is."""

    def __init__(self) -> None:
        self.elapsed = 0.0


def still_loop(time: StillTime) -> Callable[[], asyncio.AbstractEventLoop]:
    """For `asyncio.Runner`: loops that go by this time."""

    class StillLoop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return time.elapsed

    return StillLoop


class NodeClock:
    """The clock of one node (port Clock): it may be wrong, step, and drift."""

    def __init__(self, time: StillTime) -> None:
        self._time = time
        self.offset_s = 0.0
        self.drift = 0.0  #: seconds gained in a second

    def now(self) -> float:
        """UTC seconds of the epoch, as this node believes."""
        return T + self._time.elapsed * (1 + self.drift) + self.offset_s

    def monotonic(self) -> float:
        """Seconds that have really passed."""
        return self._time.elapsed

    async def sleep(self, seconds: float) -> None:
        """Nobody sleeps here: whoever tells the time calls rounds and sweeps himself."""
        raise NotImplementedError
