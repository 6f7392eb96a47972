"""A clock that moves only when told to, or when somebody sleeps on it; and a wait on the real one."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class FakeClock:
    """Time of day and deadlines in a test's hands."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = now
        self._elapsed = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()

    def now(self) -> float:
        """UTC seconds of the epoch."""
        return self._now + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something when so many seconds have passed."""
        heappush(self._due, (self._elapsed + seconds, next(self._numbers), act))

    def until_due(self) -> float:
        """Seconds until the next thing is to be done; infinite when there is none."""
        return self._due[0][0] - self._elapsed if self._due else float("inf")

    def advance(self, seconds: float) -> None:
        """Let time pass, and do what is due on the way, each at its moment."""
        until = self._elapsed + seconds
        while self._due and self._due[0][0] <= until:
            self._elapsed, _, act = heappop(self._due)
            act()
        self._elapsed = until

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once, and others run."""
        self.advance(seconds)
        await asyncio.sleep(0)


async def eventually(condition: Callable[[], object], seconds: float = 3.0) -> None:
    """Let the loop run until something is so that gives no sign: it comes over a socket, or from a stock library."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # nothing to wait on
            await asyncio.sleep(0.005)
