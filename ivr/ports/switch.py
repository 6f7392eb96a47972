"""The switch: phones that ring, channels that are there, calls that go out.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from routing.listening import ListeningMode
from routing.phone import PhoneState


@dataclass(frozen=True, slots=True)
class PhoneRinging:
    """An agent's phone rings for this call."""

    call_id: str
    phone: str  #: PJSIP/agent-101
    channel: str


@dataclass(frozen=True, slots=True)
class PhoneAnswered:
    """An agent's phone was answered for this call."""

    call_id: str
    phone: str
    channel: str


@dataclass(frozen=True, slots=True)
class CustomerSaid:
    """A customer whom we called has answered what they were asked before they are connected."""

    call_id: str


@dataclass(frozen=True, slots=True)
class PhoneIs:
    """A phone is in another state than before, whoever it talks to."""

    phone: str
    state: PhoneState


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """A channel ended. When uniqueid equals the call's own, the caller has left."""

    call_id: str
    uniqueid: str
    declined: bool = False  #: its user refused, or it was busy


@dataclass(frozen=True, slots=True)
class SwitchBack:
    """The link to the switch is up (again); all that was believed of channels must be compared with what is there."""

    restarted: bool  #: the switch itself is a new process: every call from before is gone


@dataclass(frozen=True, slots=True)
class SwitchGone:
    """The link to the switch is down."""


SwitchEvent = PhoneRinging | PhoneAnswered | CustomerSaid | PhoneIs | ChannelGone | SwitchBack | SwitchGone


class Fallback(StrEnum):
    """Where a caller is whom the switch serves by itself, because no engine did."""

    WAITS = "waits"  # in a menu, or for an agent
    MESSAGE = "message"  # leaves one


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel that exists on the switch right now."""

    call_id: str  #: linkedid
    channel: str
    bridged: bool
    uniqueid: str = ""  #: the same as call_id: the caller's own
    up: bool = True  #: answered
    fallback: Fallback | None = None  #: served without an engine
    room: int | None = None  #: in this room
    is_guest: bool = False  #: in the room as its caller


#: Beginning of the channel of a call whose customer is rung when an agent has answered.
AGENT_FIRST = "Local/s@ringwise-callback-customer-"


def is_agent_first(channel: str) -> bool:
    """Whether the customer of this call is rung only when an agent has answered."""
    return channel.startswith(AGENT_FIRST)


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer is asked when they pick up: they agree with a key within so many seconds after it was said."""

    sounds: tuple[str, ...]
    key: str
    timeout_s: float


class Switchboard(Protocol):
    """The switch, apart from the callers' own lines."""

    @property
    def up(self) -> bool: ...

    async def identity(self) -> str:
        """Which switch this is: the same for all nodes that use it, also after it was started anew; of another switch
        another. Raises SwitchAway.
        """
        ...

    async def waits_for_ever(self, channel: str) -> bool:
        """Whether the switch waits for an engine's next word to this caller, without a limit after which it takes them
        to the next rung by itself; never while a phone is rung for them. Raises SwitchAway."""
        ...

    async def to_other_engine(self, channel: str) -> None:
        """Take a caller from the engine before which they stand to the other one. Raises SwitchAway, ActionUnknown."""
        ...

    async def wake(self, channel: str) -> None:
        """End `Leg.wait` on this channel early. Only a hint: it may be lost or come twice. Never raises."""
        ...

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
        """Ring an outside E.164 number; who answers comes in at the door as the call of that id.

        With `agent_first` the call comes in at once, on a channel of the kind `is_agent_first` knows; the number is
        rung when the agent has answered, who hears it ring, and the call ends when nobody picks up. Who picks up hears
        the sounds in `told` before they are connected, or what they are `asked`; see `customer_agrees`.

        Answers as soon as the switch has taken the order. Raises SwitchAway when nothing rings; ActionUnknown when
        that is not known: then look whether the call exists, and never ask again.
        """
        ...

    async def customer_agrees(self, call_id: str) -> bool | None:
        """What the customer has answered whom this call has `asked`; None while they have not. Raises SwitchAway,
        ActionUnknown."""
        ...

    async def mute_recording(self, call_id: str, *, muted: bool) -> None:
        """Let the recording of a call's conversation hear silence from both sides, or both sides again.

        Returns once the switch has confirmed it. Raises SwitchAway when it was not done; ActionUnknown when that is not
        known: it may be asked again.
        """
        ...

    async def spy(
        self, phone: str, *, call_id: str, spied: str, own: str, mode: ListeningMode, spy_id: str, ring_s: float
    ) -> None:
        """Ring a supervisor's phone, and put it on the conversation that the phone `spied` has in this call. The new
        channel has the id `spy_id`; it ends with the conversation. `own` is the id of the phone's channel where it
        is known: a phone that came in from a consultation has a call of its own on the switch. Raises SwitchAway when
        nothing rings, ActionUnknown.
        """
        ...

    async def change_spy(self, spy_id: str, mode: ListeningMode) -> None:
        """Let others hear the supervisor than before. Raises SwitchAway, ActionUnknown."""
        ...

    async def end_spy(self, spy_id: str) -> None:
        """Hang that phone up; gone already is as good. Raises SwitchAway, ActionUnknown."""
        ...

    async def stop_ringing(self, call_id: str, phone: str) -> bool:
        """Hang up a phone while it rings for this call; whether one did. Raises SwitchAway, ActionUnknown."""
        ...

    async def hang_up(self, channel: str) -> None:
        """End a channel; one that is gone already counts as ended. Raises SwitchAway, ActionUnknown."""
        ...

    async def move(self, channel: str, *, room: int) -> None:
        """Take an agent's phone out of its conversation into a room. Raises SwitchAway, ActionUnknown."""
        ...

    async def fetch(self, channel: str) -> None:
        """Bring a caller whom the switch serves by itself back to the engines. Raises SwitchAway, ActionUnknown."""
        ...

    async def call_back_from(self, room: int, channel: str) -> None:
        """End `Leg.join` of a caller in a room early. Raises SwitchAway, ActionUnknown."""
        ...

    async def ring_in(
        self, target: str, *, room: int, channel_id: str, ring_s: float, auto_answer: bool | None = None
    ) -> None:
        """Ring an agent's phone (PJSIP/agent-101) or an outside E.164 number; who answers comes into the room.

        Answers as soon as the switch has taken the order; the channel has that id. `auto_answer`: whether an agent's
        phone is asked to pick up by itself; None: as the settings say. Raises SwitchAway, ActionUnknown.
        """
        ...

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels, read afresh. Raises SwitchAway."""
        ...

    async def phones(self) -> Mapping[str, PhoneState]:
        """All phones, read afresh. Raises SwitchAway."""
        ...

    def events(self) -> AsyncIterator[SwitchEvent]:
        """What happens on the switch, in order per call. Overflow shows as SwitchGone, SwitchBack."""
        ...
