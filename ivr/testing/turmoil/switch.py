"""The switch of a centre in turmoil: callers' lines, agents' phones, and what is really heard on them.

A line parks wherever time passes on it. A phone rings and talks on when the node that rang it is dead, as on Asterisk.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Any

from ivr.errors import EngineFault
from ivr.ports import (
    AGENT_FIRST,
    Arrival,
    ChannelGone,
    ChannelSeen,
    Clip,
    ClipHeard,
    Dialled,
    DialStatus,
    Heard,
    TalkLimit,
    Waited,
)
from ivr.testing.clock import FakeClock
from ivr.testing.line import ScriptedLeg
from ivr.testing.turmoil.still import StillTime
from routing.callback import of_call

#: Beginning of the channel of a customer whom we call.
CUSTOMER = "PJSIP/trunk"


class Parked(Enum):
    """What a line waits for."""

    MUSIC = "music"  # a wake, or the time of the wait
    PHONE = "phone"  # what comes of a ring
    ROOM = "room"  # the end of a conversation in a room, or to be called back from it


@dataclass(eq=False, slots=True)
class Ring:
    """An agent's phone that rings for a caller, or talks to them: on their line, or in a room."""

    caller: "Caller"
    phone: str
    rings_until: float
    number: int  #: of its channel
    answered_at: float | None = None
    room: int | None = None
    own: str = ""  #: id of its channel when it was rung into a room; else the call has it

    @property
    def channel(self) -> str:
        """Its channel."""
        return f"{self.phone}-{self.number:08x}"

    @property
    def seen(self) -> ChannelSeen:
        """As the switch lists it."""
        there = self.answered_at is not None
        id_ = self.own or f"{self.caller.call_id}/{self.number}"
        return ChannelSeen(self.own or self.caller.call_id, self.channel, there, id_, up=there)


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
    room: int | None = None  #: where they talk
    agent_first: bool = False  #: a callback in which the customer is rung when an agent has answered
    reached: bool = False  #: that customer has picked up
    machine: bool = False  #: has picked up a callback: it hears the greeting, and asks for nobody

    @property
    def channel(self) -> str:
        """Their channel."""
        return f"{AGENT_FIRST}{self.call_id};1" if self.agent_first else f"PJSIP/trunk-{self.call_id}"

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

    @property
    def goes_on(self) -> bool:
        """Whether it is not parked."""
        return self.parked is None

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

    async def join(self, room: int) -> None:
        """Talk in a room until the last agent has left; whoever comes to one without an agent is alone there."""
        self._alive()
        self.caller.room = room
        await self._park(Parked.ROOM, inf)

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
    gone: list[ChannelGone] = field(default_factory=list)  #: and not told to nodes yet
    rung: int = 0  #: agents' phones so far
    met_busy: int = 0  #: phones that were to be rung while they rang or talked for somebody else

    def ring(self, caller: Caller, phone: str, ring_s: float) -> DialStatus | None:
        """Ring a phone; at once busy or out of reach, else None."""
        if phone in self.unreachable:
            self.injected("phone_unreachable")
            return DialStatus.UNREACHABLE
        if phone in self.rings:
            self.met_busy += 1
            return DialStatus.BUSY
        caller.ring = self._rings(caller, phone, ring_s)
        return None

    def ring_in(self, caller: Caller, phone: str, room: int, own: str, ring_s: float) -> None:
        """Ring a phone into a room, about a caller; nothing comes of it when it is busy or out of reach."""
        if phone not in self.unreachable and phone not in self.rings:
            self._rings(caller, phone, ring_s, room, own)

    def _rings(self, caller: Caller, phone: str, ring_s: float, room: int | None = None, own: str = "") -> Ring:
        self.rung += 1
        ring = Ring(caller, phone, self.time.elapsed + ring_s, self.rung, room=room, own=own)
        self.rings[phone] = ring
        if self.on_ring is not None:
            self.on_ring(ring)
        return ring

    def in_room(self, room: int) -> list[Ring]:
        """Agents who are in a room."""
        return [ring for ring in self.rings.values() if ring.room == room and ring.answered_at is not None]

    def stop(self, ring: Ring) -> None:
        """A phone is silent again; who is left in a room without an agent is out of it."""
        self.rings.pop(ring.phone, None)
        if ring.caller.ring is ring:
            ring.caller.ring = None
        self.gone.append(ChannelGone(ring.seen.call_id, ring.seen.uniqueid))
        if ring.room is not None and not self.in_room(ring.room):
            for caller in [one for one in self.callers.values() if one.room == ring.room]:
                self.call_back(caller)

    def hang_up(self, ring: Ring) -> None:
        """A phone that talks, or rings, is hung up."""
        caller, began = ring.caller, ring.answered_at
        on_line = caller.ring is ring
        self.stop(ring)
        if on_line:
            self.part(caller, began)

    def move(self, ring: Ring, room: int) -> None:
        """A phone that talks goes to a room, and its caller's line goes on."""
        caller, began, ring.room = ring.caller, ring.answered_at, room
        if caller.ring is ring:
            caller.ring = None
            self.part(caller, began)

    def part(self, caller: Caller, answered_at: float | None) -> None:
        """The ring or the conversation on a line is over."""
        caller.lost_since = self.time.elapsed
        if caller.line is not None and caller.line.parked is Parked.PHONE:
            talked_s = self.time.elapsed - (answered_at or self.time.elapsed)
            how = DialStatus.NO_ANSWER if answered_at is None else DialStatus.ANSWERED
            caller.line.go_on(Dialled(how, talked_s))

    def call_back(self, caller: Caller) -> None:
        """A caller leaves their room, and their line goes on."""
        caller.room, caller.lost_since = None, self.time.elapsed
        if caller.line is not None and caller.line.parked is Parked.ROOM:
            caller.line.go_on("")

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
            talks = caller.room is not None or (caller.ring is not None and caller.ring.answered_at is not None)
            seen.append(ChannelSeen(caller.call_id, caller.channel, talks, caller.call_id))
            if caller.reached:
                seen.append(ChannelSeen(caller.call_id, f"{CUSTOMER}-00000001", talks))
        return (*seen, *(ring.seen for ring in self.rings.values()))
