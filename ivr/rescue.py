"""Callers whose engine is dead while the switch still waits for it: they are taken to the other engine.

An engine that is killed closes its connections, and the dialplan goes on by itself. One that is frozen, or whose
machine is gone, does not. While it talks to the caller it has set the switch a limit for its silence; while it rings a
phone, and while they talk, there is none, because it would end the conversation. So when the phone has left, the switch
would wait for its next word for ever.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import Parts
from ivr.ports import ChannelSeen

log = structlog.get_logger()


class LeftBehind(Protocol):
    """The calls of dead engines, as one node sees them. Every verb raises StoreAway."""

    async def left_behind(self, calls: Collection[str], *, now: float) -> Mapping[str, str]:
        """Those of these calls whose engine is dead, and its node; `calls` are none that this node holds itself."""
        ...

    async def claim(self, call_id: str, node: str, *, now: float) -> bool:
        """Make a dead node's call this node's: true for one node alone, and only while the other is dead."""
        ...

    async def give_back(self, call_id: str, node: str) -> None:
        """The switch did not bring the call: it is the dead node's again, to be tried anew."""
        ...


class Rescuer:
    """Of one node."""

    def __init__(self, parts: Parts, calls: LeftBehind) -> None:
        self._parts, self._calls = parts, calls

    async def look(self, channels: Sequence[ChannelSeen]) -> int:
        """Take on those for whom the switch would wait for ever, so nobody who is rung for or talks; how many.

        Raises StoreAway.
        """
        alone = {
            seen.call_id: seen.channel
            for seen in channels
            if not seen.bridged and seen.uniqueid == seen.call_id and seen.call_id not in self._parts.live
        }
        if not alone:
            return 0
        dead = await self._calls.left_behind(alone.keys(), now=self._parts.clock.now())
        return sum([await self._rescue(call_id, alone[call_id], node) for call_id, node in dead.items()])

    async def _rescue(self, call_id: str, channel: str, node: str) -> bool:
        switchboard = self._parts.switchboard
        try:
            if not await switchboard.waits_for_ever(channel):
                return False
        except SwitchAway:
            return False
        if not await self._calls.claim(call_id, node, now=self._parts.clock.now()):
            return False
        try:
            await switchboard.to_other_engine(channel)
        except (SwitchAway, ActionUnknown) as fault:
            log.warning("a caller of a dead engine could not be taken on", call=call_id, node=node, why=str(fault))
            await self._calls.give_back(call_id, node)
            return False
        log.warning("a caller of a dead engine is taken on", call=call_id, node=node)
        return True
