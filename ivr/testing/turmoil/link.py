"""A node's link to the switch of a centre in turmoil: orders that are refused, lost, or carried out unheard."""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum

from ivr.errors import ActionUnknown, SwitchAway
from ivr.ports import ChannelSeen, Question
from ivr.testing.switchboard import MemorySwitchboard
from ivr.testing.turmoil.switch import Ring, Switch


class Order(Enum):
    """What goes wrong when a customer is to be called."""

    REFUSED = "refused"  # nothing rings, and the node knows it
    UNKNOWN = "unknown"  # their phone rings, and the node does not know
    LOST = "lost"  # nothing rings, and the node does not know
    KILLED_BEFORE = "killed_before"  # the node, just before it asks
    KILLED_AFTER = "killed_after"  # and just after


class Act(Enum):
    """What goes wrong when something is to be done to a phone: the node knows of neither."""

    UNHEARD = "unheard"  # it is done
    LOST = "lost"  # it is not


class Link(MemorySwitchboard):
    """One node's link to the switch (port Switchboard)."""

    def __init__(self, switch: Switch, wake: Callable[[str], None]) -> None:
        super().__init__()
        self._switch, self.on_wake = switch, wake
        self.next_order: Order | None = None  #: what goes wrong with the next call to a customer
        self.next_act: Act | None = None  #: and with the next thing that is done to a phone
        self.dead = False  #: the node is

    async def wake(self, channel: str) -> None:
        """End a wait early."""
        if self.on_wake is not None:
            self.on_wake(channel)

    async def call_out(
        self,
        number: str,
        *,
        call_id: str,
        ring_s: float,
        agent_first: bool = False,
        told: Sequence[str] = (),
        asked: Question | None = None,
    ) -> None:
        """Let a customer's phone ring, or the half of a call that waits for an agent come in."""
        if not self.up or self.dead:
            raise SwitchAway
        fault, self.next_order = self.next_order, None
        if fault in (None, Order.UNKNOWN, Order.KILLED_AFTER) and self._switch.on_call_out is not None:
            self._switch.on_call_out(call_id, number, ring_s, agent_first)
        if fault is None:
            return
        self._switch.injected(f"order_{fault.value}")
        if fault is Order.REFUSED:
            raise SwitchAway
        if fault in (Order.UNKNOWN, Order.LOST):
            raise ActionUnknown
        raise asyncio.CancelledError

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels."""
        if not self.up or self.dead:
            raise SwitchAway
        return self._switch.channels()

    async def move(self, channel: str, *, room: int) -> None:
        """An agent's phone goes to a room."""
        self._act(lambda: self._switch.move(self._phone(channel), room))

    async def hang_up(self, channel: str) -> None:
        """An agent's phone is hung up."""
        self._act(lambda: self._switch.hang_up(self._phone(channel)))

    async def call_back_from(self, room: int, channel: str) -> None:
        """A caller leaves their room."""
        caller = self._switch.callers.get(channel)
        if caller is not None and caller.room == room:
            self._act(lambda: self._switch.call_back(caller))

    async def ring_in(
        self, target: str, *, room: int, channel_id: str, ring_s: float, auto_answer: bool | None = None
    ) -> None:
        """An agent's phone rings into a room: about the caller whose agent is there."""
        inviting = next((ring for ring in self._switch.rings.values() if ring.room == room), None)
        if inviting is not None:
            self._act(lambda: self._switch.ring_in(inviting.caller, target, room, channel_id, ring_s))

    def _phone(self, channel: str) -> Ring:
        ring = self._switch.rings.get(channel.rpartition("-")[0])
        if ring is None or ring.channel != channel:
            raise SwitchAway
        return ring

    def _act(self, what: Callable[[], None]) -> None:
        if not self.up or self.dead:
            raise SwitchAway
        fault, self.next_act = self.next_act, None
        if fault is not Act.LOST:
            what()
        if fault is not None:
            self._switch.injected(f"act_{fault.value}")
            raise ActionUnknown
