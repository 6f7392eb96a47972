"""A clock that moves only when told to, or when somebody sleeps on it."""

import asyncio


class FakeClock:
    """Time of day and deadlines in a test's hands."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = now
        self._elapsed = 0.0

    def now(self) -> float:
        """UTC seconds of the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once, and others run."""
        self.advance(seconds)
        await asyncio.sleep(0)
