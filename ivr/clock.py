"""Clocks: the machine's own, and one that starts from a given moment for rehearsals."""

import asyncio
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.errors import Misconfigured


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


def starting_at(moment: str | None, zone: ZoneInfo) -> SystemClock:
    """A clock that shows `moment` (local time, 2026-12-01T09:30) now and goes on from there; None = the real time.

    Raises Misconfigured when the text is not such a moment.
    """
    if moment is None:
        return SystemClock()
    try:
        local = datetime.fromisoformat(moment)
    except ValueError:
        raise Misconfigured(f"clock_starts_at: {moment!r} is not a local time such as 2026-12-01T09:30") from None
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    return SystemClock(aware.timestamp() - time.time())
