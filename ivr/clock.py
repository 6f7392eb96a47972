"""The clock of an engine: the machine's own, or ahead of it for rehearsals."""

import asyncio
import time


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
