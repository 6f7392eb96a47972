"""The switch of a centre in turmoil: callers' lines, agents' phones, and what is really heard on them.

A line parks wherever time passes on it. A phone rings and talks on when the node that rang it is dead, as on Asterisk.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ivr.errors import ActionUnknown, EngineFault, SwitchAway
from ivr.ports import AGENT_FIRST, Arrival, ChannelSeen, Clip, ClipHeard, Dialled, DialStatus, Heard, TalkLimit, Waited
from ivr.testing.clock import FakeClock
from ivr.testing.line import ScriptedLeg
from ivr.testing.switchboard import MemorySwitchboard
from ivr.testing.turmoil.book import QUEUE_OF
from ivr.testing.turmoil.still import StillTime
from routing.callback import of_call

#: Beginning of the channel of a customer whom we call.
CUSTOMER = "PJSIP/trunk"


class Parked(Enum):
    """What a line waits for."""

    MUSIC = "music"  # a wake, or the time of the wait
    PHONE = "phone"  # what comes of a ring


@dataclass(eq=False, slots=True)
class Ring:
    """An agent's phone that rings for a caller, or talks to them."""

    caller: "Caller"
    phone: str
    rings_until: float
    answered_at: float | None = None


class Order(Enum):
    """What goes wrong when a customer is to be called."""

    REFUSED = "refused"  # nothing rings, and the node knows it
    UNKNOWN = "unknown"  # their phone rings, and the node does not know
    LOST = "lost"  # nothing rings, and the node does not know
    KILLED_BEFORE = "killed_before"  # the node, just before it asks
    KILLED_AFTER = "killed_after"  # and just after


@dataclass(eq=False, slots=True)
class Outgoing:
    """A customer's phone that rings for a callback."""

    call_id: str
    number: str
    rings_until: float
    agents_side: "Caller | None" = None  #: with the agent first: the half of the call that the engine has


@dataclass(eq=False)
class Caller:
    """Somebody on the telephone, whichever node serves them."""

    call_id: str
    dnis: str
    came_at: float
    present: bool = True
    rung: int = 0
    node: str | None = None  #: which serves them; None between two
    line: "Line | None" = None
    task: "asyncio.Task[None] | None" = None
    ring: Ring | None = None
    talked: bool = False  #: with an agent, for real
    left_by: str = ""  #: how they went
    lost_since: float = 0.0  #: since when nobody serves them
    number: str = ""
    keys: list[str] = field(default_factory=list)  #: that they will press when they may
    agent_first: bool = False  #: a callback in which the customer is rung when an agent has answered
    reached: bool = False  #: that customer has picked up

    @property
    def channel(self) -> str:
        """Their channel."""
        return f"{AGENT_FIRST}{self.call_id};1" if self.agent_first else f"PJSIP/trunk-{self.call_id}"

    @property
    def queue(self) -> str:
        """The queue that they have called for."""
        return QUEUE_OF.get(self.dnis, "")

    @property
    def called_back(self) -> bool:
        """Whether we have called them."""
        return of_call(self.call_id) is not None


class Line(ScriptedLeg):
    """`ivr.ports.Leg` of one rung of a call."""

    def __init__(self, arrival: Arrival, caller: Caller, switch: "Switch") -> None:
        super().__init__(arrival, FakeClock())
        self.caller, self.switch = caller, switch
        self.parked: Parked | None = None
        self.until = 0.0  #: when the wait is over
        self._answer: asyncio.Future[Any] | None = None
        self._settled: asyncio.Future[None] | None = None

    async def settle(self, task: "asyncio.Task[None]") -> None:
        """Until the line parks or its conversation is over."""
        if self.parked is None and not task.done():
            self._settled = asyncio.get_running_loop().create_future()
            task.add_done_callback(self._settle)
            await self._settled
            task.remove_done_callback(self._settle)

    def _settle(self, _: object = None) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def go_on(self, answer: "str | Waited | Dialled | EngineFault") -> None:
        """What has come of it."""
        if isinstance(answer, EngineFault):
            self._end = answer
        if self._answer is not None:
            self.parked = None
            self._answer.set_result(answer)
            self._answer = None

    async def _park(self, why: Parked, until: float) -> Any:
        self._alive()
        self.parked, self.until = why, until
        self._answer = asyncio.get_running_loop().create_future()
        if self.switch.on_park is not None:
            self.switch.on_park(self)
        self._settle()
        came = await self._answer
        self._alive()
        return came

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Said at once; a key that the caller wants to press, and may, is pressed at its end."""
        self._alive()
        return Heard(tuple(ClipHeard(clip, clip.seconds) for clip in clips), self._key(keys))

    def _key(self, keys: str = "0123456789*#") -> str | None:
        return self.caller.keys.pop(0) if self.caller.keys and self.caller.keys[0] in keys else None

    async def wait(self, seconds: float) -> str | Waited:
        """Until woken, over, or a key."""
        if (key := self._key()) is not None:
            self._alive()
            return key
        came = await self._park(Parked.MUSIC, self.switch.time.elapsed + seconds)
        assert isinstance(came, str | Waited)
        return came

    async def dial(
        self,
        phone: str,
        *,
        ring_s: float,
        offer_id: int,
        limit: TalkLimit | None = None,
        auto_answer: bool | None = None,
    ) -> Dialled:
        """Ring an agent's phone."""
        self._alive()
        refused = self.switch.ring(self.caller, phone, ring_s)
        if refused is not None:
            return Dialled(refused)
        came = await self._park(Parked.PHONE, self.switch.time.elapsed + ring_s)
        assert isinstance(came, Dialled)
        return came


@dataclass
class Switch:
    """What exists, whatever nodes believe."""

    time: StillTime
    injected: Callable[[str], None]
    rings: dict[str, Ring] = field(default_factory=dict)  #: by phone
    callers: dict[str, Caller] = field(default_factory=dict)  #: by channel, who are on the line
    outgoing: dict[str, Outgoing] = field(default_factory=dict)  #: customers' phones that ring, by the id of the call
    unreachable: set[str] = field(default_factory=set)  #: phones
    on_park: Callable[[Line], None] | None = None
    on_ring: Callable[[Ring], None] | None = None
    on_call_out: Callable[[str, str, float, bool], None] | None = None  #: call, number, seconds, agent first
    on_outgoing: Callable[[Outgoing], None] | None = None
    met_busy: int = 0  #: phones that were to be rung while they rang or talked for somebody else

    def ring(self, caller: Caller, phone: str, ring_s: float) -> DialStatus | None:
        """Ring a phone; at once busy or out of reach, else None."""
        if phone in self.unreachable:
            self.injected("phone_unreachable")
            return DialStatus.UNREACHABLE
        if phone in self.rings:
            self.met_busy += 1
            return DialStatus.BUSY
        ring = caller.ring = self.rings[phone] = Ring(caller, phone, self.time.elapsed + ring_s)
        if self.on_ring is not None:
            self.on_ring(ring)
        return None

    def stop(self, ring: Ring) -> None:
        """A phone is silent again."""
        self.rings.pop(ring.phone, None)
        ring.caller.ring = None

    def ring_customer(self, outgoing: Outgoing) -> None:
        """A customer's phone rings."""
        self.outgoing[outgoing.call_id] = outgoing
        if self.on_outgoing is not None:
            self.on_outgoing(outgoing)

    def channels(self) -> tuple[ChannelSeen, ...]:
        """All of them."""
        seen = [
            ChannelSeen(one.call_id, f"{CUSTOMER}-{one.call_id}", False, one.call_id, up=False)
            for one in self.outgoing.values()
        ]
        for caller in self.callers.values():
            talks = caller.ring is not None and caller.ring.answered_at is not None
            seen.append(ChannelSeen(caller.call_id, caller.channel, talks))
            if caller.ring is not None:
                seen.append(ChannelSeen(caller.call_id, f"{caller.ring.phone}-00000001", talks))
            if caller.reached:
                seen.append(ChannelSeen(caller.call_id, f"{CUSTOMER}-00000001", talks))
        return tuple(seen)


class Link(MemorySwitchboard):
    """One node's link to the switch (port Switchboard)."""

    def __init__(self, switch: Switch, wake: Callable[[str], None]) -> None:
        super().__init__()
        self._switch, self.on_wake = switch, wake
        self.next_order: Order | None = None  #: what goes wrong with the next call to a customer

    async def wake(self, channel: str) -> None:
        """End a wait early."""
        if self.on_wake is not None:
            self.on_wake(channel)

    async def call_out(self, number: str, *, call_id: str, ring_s: float, agent_first: bool = False) -> None:
        """Let a customer's phone ring, or the half of a call that waits for an agent come in."""
        if not self.up:
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
        if not self.up:
            raise SwitchAway
        return self._switch.channels()
