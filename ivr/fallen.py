"""Callers whom the switch serves by itself, because no engine did: one that is there again fetches them.

They go on where they stood, with their place in the queue. Who talks to somebody already, or leaves a message, is left
alone, and no agent is offered to them any more.
"""

from collections.abc import Sequence

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import Parts
from ivr.ports import ChannelSeen, Fallback

log = structlog.get_logger()


class Fallen:
    """Fetches each of them once: an engine that cannot serve them must not play ball with them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._fetched: frozenset[str] = frozenset()  #: of those who are on the switch

    async def fetch(self, channels: Sequence[ChannelSeen]) -> int:
        """Fetch those among all channels of the switch; how many. One node does it for all. Raises StoreAway."""
        parts, now = self._parts, self._parts.clock.now()
        self._fetched &= {seen.call_id for seen in channels}
        there = [seen for seen in channels if seen.fallback is not None and seen.uniqueid == seen.call_id]
        if not there or not await parts.exchange.is_first(parts.settings.node, now=now):
            return 0
        served = [seen.call_id for seen in there if seen.bridged or seen.fallback is not Fallback.WAITS]
        if served:
            await parts.exchange.give_up(served, now=now)
        lost = [seen for seen in there if seen.call_id not in self._fetched and seen.call_id not in served]
        return sum([await self._fetch(seen) for seen in lost])

    async def _fetch(self, seen: ChannelSeen) -> bool:
        self._fetched |= {seen.call_id}
        try:
            await self._parts.switchboard.fetch(seen.channel)
        except (SwitchAway, ActionUnknown) as fault:
            log.warning("a caller whom no engine has could not be fetched", call=seen.call_id, why=str(fault))
            return False
        log.info("a caller whom no engine had was fetched", call=seen.call_id)
        return True
