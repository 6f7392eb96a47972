"""A switchboard in memory: channels that a test adds and removes, events that a test sends."""

import asyncio
from collections.abc import AsyncIterator, Callable

from ivr.ports import ChannelSeen, SwitchEvent


class MemorySwitchboard:
    """`ivr.ports.Switchboard` without a switch."""

    def __init__(self) -> None:
        self.up = True
        self.seen: dict[str, ChannelSeen] = {}
        self.woken: list[str] = []
        self.on_wake: Callable[[str], None] | None = None
        self._events: asyncio.Queue[SwitchEvent] = asyncio.Queue()

    async def wake(self, channel: str) -> None:
        """Remember the wake, and pass it on if somebody asked for it."""
        self.woken.append(channel)
        if self.on_wake is not None:
            self.on_wake(channel)

    async def hang_up(self, channel: str) -> None:
        """End a channel."""
        self.seen.pop(channel, None)

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels."""
        return tuple(self.seen.values())

    def tell(self, event: SwitchEvent) -> None:
        """Let the switch tell something."""
        self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[SwitchEvent]:
        """What the test has told, in order."""
        while True:
            yield await self._events.get()
