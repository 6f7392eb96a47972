"""Rooms of the switch in which somebody is left over: an engine died, or the switch did not do what it was told.

A room belongs to a conversation, and what goes on there stands in the store. A caller alone in a room goes on in the
book; whoever else is in a room without a caller, and without a conversation that goes on, is hung up.
"""

from collections.abc import Sequence

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import Parts
from ivr.ports import ChannelSeen

log = structlog.get_logger()


class Rooms:
    """Clears rooms. Who is found left over twice in a row is: the list may be read in the midst of a move."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._before: frozenset[str] = frozenset()  #: channels that were left over at the last look

    async def clear(self, channels: Sequence[ChannelSeen]) -> int:
        """Take out who is left over among all channels of the switch; how many. Raises StoreAway."""
        members: dict[int, list[ChannelSeen]] = {}
        for seen in channels:
            if seen.room is not None:
                members.setdefault(seen.room, []).append(seen)
        alone = [one for there in members.values() if all(one.is_guest for one in there) for one in there]
        hosts = {room: there for room, there in members.items() if not any(one.is_guest for one in there)}
        in_use = await self._parts.talks.rooms() if hosts else frozenset[int]()
        alone += [one for room, there in hosts.items() if room not in in_use for one in there]
        before, self._before = self._before, frozenset(one.channel for one in alone)
        return sum([await self._take_out(one) for one in alone if one.channel in before])

    async def _take_out(self, one: ChannelSeen) -> bool:
        try:
            if one.is_guest and one.room is not None:
                await self._parts.switchboard.call_back_from(one.room, one.channel)
            else:
                await self._parts.switchboard.hang_up(one.channel)
        except (SwitchAway, ActionUnknown) as fault:
            log.warning("who is left over in a room could not be taken out", call=one.call_id, why=str(fault))
            return False
        log.info("who was left over in a room was taken out", call=one.call_id, room=one.room, caller=one.is_guest)
        return True
