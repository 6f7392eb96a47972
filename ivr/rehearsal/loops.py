"""Time in rehearsals: an event loop that never waits but lets its clock jump, and the clock that goes by the loop."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ivr.testing.clock import FakeClock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Answers at once; what would have been waited is passed to `jump`."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or timeout is None:  # without any timer only the outside can wake us, and we have to wait for it
            return found or super().select(None)
        if timeout > 0:
            self._jump(timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Whoever sleeps wakes at once, in the right order, and the clock says that the time has passed.

    Only for work that is all in memory: a thread or a socket would find its deadline over before it has begun.
    """

    def __init__(self) -> None:
        self._passed_s = 0.0
        super().__init__(_JumpingSelector(self._pass))

    def _pass(self, seconds: float) -> None:
        self._passed_s += seconds

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._passed_s


class LoopClock(FakeClock):
    """The time of day at which a rehearsal began, going on with the running loop: as fast as that goes."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._began = asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return asyncio.get_running_loop().time() - self._began + self._elapsed

    def now(self) -> float:
        """UTC seconds of the epoch."""
        return self._now + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of the loop."""
        await asyncio.sleep(seconds)


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run work in virtual time, in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
