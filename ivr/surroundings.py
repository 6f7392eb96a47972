"""What conditions may ask for besides the caller: the calendar, the call itself, the queues."""

import asyncio
from collections.abc import Mapping

import structlog

from ivr.parts import Parts
from ivr.queues import Queue
from menus.picture import QueueNow
from routing.errors import StoreAway
from routing.need import NeedState
from routing.skills import fits
from routing.snapshot import Snapshot

log = structlog.get_logger()


def queues_now(snapshot: Snapshot, queues: Mapping[str, Queue], language: str, now: float) -> dict[str, QueueNow]:
    """Every queue as a caller of this language would find it."""
    found: dict[str, QueueNow] = {}
    for name, queue in queues.items():
        asked = {**queue.skills, f"lang:{language}": 1}
        agents = [agent for agent in snapshot.agents if fits(agent.skills, asked)]
        since = [need.since for need in snapshot.needs if need.queue == name and need.state is not NeedState.TALKING]
        found[name] = QueueNow(
            waiting=len(since),
            longest_wait_s=int(max(0.0, now - min(since))) if since else 0,
            agents_ready=sum(1 for agent in agents if agent.is_free),
            agents=len(agents),
        )
    return found


async def read_queues(parts: Parts, language: str) -> dict[str, QueueNow]:
    """The queues now; empty ones when the store is away or slow: a condition must never hold a caller."""
    now = parts.clock.now()
    try:
        async with asyncio.timeout(parts.settings.calls.lookup_s):
            snapshot = await parts.exchange.snapshot(now=now)
    except (TimeoutError, StoreAway):
        log.warning("the store is away or slow; conditions see empty queues")
        snapshot = Snapshot((), ())
    return queues_now(snapshot, parts.queues, language, now)
