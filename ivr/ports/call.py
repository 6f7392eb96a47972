"""What a conversation needs of the outside world, as small protocols and the plain values that cross them.

Every port has a real form and an in-memory twin (`ivr/testing/`). Times named `…_at` and `now` are UTC seconds of the
epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
The file is long because it is the one contract between all parts: whoever builds a part reads it as a whole.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from menus.facts import CallerFacts, MenuMemory
from menus.heard_first import HeardFirst
from routing.agent import AgentEvent
from routing.call import Arrival as Arrival
from routing.call import CallerSeen as CallerSeen
from routing.call import CallEvent, Ending
from routing.call import PathStep as PathStep
from routing.call import Rating as Rating
from routing.call import Recording as Recording
from routing.call import Resumed as Resumed
from routing.decision import Decision
from routing.need import Need
from routing.offer import Claimed, Lost, OfferEvent
from routing.snapshot import Snapshot
from routing.views import AgentCard as AgentCard
from routing.views import NeedWish as NeedWish
from routing.views import OfferSeen as OfferSeen
from routing.views import QueueSeen as QueueSeen
from routing.views import Standing as Standing
from routing.views import Swept as Swept

# --- time --------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """The time of day of this engine, and a clock for deadlines that no one can set."""

    def now(self) -> float:
        """UTC seconds of the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


# --- the caller's line -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound file and what it says."""

    sound: str  #: path as the switch sees it, without extension
    text: str
    seconds: float
    prompt: str = ""  #: name of the prompt or option in the book that it comes from


@dataclass(frozen=True, slots=True)
class ClipHeard:
    """How much of a clip the caller heard."""

    clip: Clip
    seconds: float  #: from 0 to clip.seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of saying something: a key cut it short, or it was heard to the end."""

    clips: tuple[ClipHeard, ...]
    key: str | None = None  #: one of 0-9 * #
    woken: bool = False  #: cut short by `Switchboard.wake`


class Waited(StrEnum):
    """Why a wait ended when no key was pressed."""

    TIMEOUT = "timeout"
    WOKEN = "woken"  # a hint: something may have changed


class DialStatus(StrEnum):
    """How ringing an agent's phone ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Dialled:
    """What came of ringing a phone and, when it was answered, of the conversation."""

    status: DialStatus
    talked_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that was made."""

    seconds: float  #: of what was said, trailing silence not counted
    key: str | None = None  #: that ended it
    hung_up: bool = False  #: the caller left; what was said until then is kept, and the next verb raises HungUp


class Leg(Protocol):
    """One caller's line. Any verb raises HungUp once the caller has left, LineBroken when the line is out of step."""

    @property
    def arrival(self) -> Arrival: ...

    async def answer(self) -> None:
        """Pick up."""
        ...

    async def arm(self, seconds: float) -> None:
        """Let the switch itself take the call to the next rung if we are silent for that long; 0 disarms."""
        ...

    async def say(self, clips: Sequence[Clip], *, keys: str = "0123456789*#", wakeable: bool = False) -> Heard:
        """Play the clips in order; any of `keys` stops them at once, and so does a wake if `wakeable`."""
        ...

    async def wait(self, seconds: float) -> str | Waited:
        """A key, or why none came. At most 20 s at a time; `Switchboard.wake` ends it early."""
        ...

    async def hold(self) -> None:
        """Start music."""
        ...

    async def unhold(self) -> None:
        """Stop music."""
        ...

    async def dial(self, phone: str, *, ring_s: float, offer_id: int) -> Dialled:
        """Ring a phone with music to the caller; when answered, talk until the phone hangs up. Disarms before."""
        ...

    async def record(self, sound: str, *, longest_s: float, silence_s: float) -> Recorded:
        """Record what the caller says into `sound`.wav after a tone, until a key, silence or the longest time.

        Raises NotRecorded when the switch cannot write there."""
        ...

    async def transfer(self, number: str, *, ring_s: float) -> Dialled:
        """Ring an outside E.164 number over the trunk; when answered, talk until it hangs up. Disarms before.

        Asked again for a call that another engine had, it tells what came of that engine's dialling."""
        ...

    async def done(self) -> None:
        """Tell the dialplan that this call needs no further rung. The engine's last act on the line."""
        ...


# --- the switch --------------------------------------------------------------------------------------------------


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
class ChannelGone:
    """A channel ended. When uniqueid equals the call's own, the caller has left."""

    call_id: str
    uniqueid: str
    channel: str


@dataclass(frozen=True, slots=True)
class SwitchBack:
    """The link to the switch is up (again); all that was believed of channels must be compared with what is there."""

    restarted: bool  #: the switch itself is a new process: every call from before is gone


@dataclass(frozen=True, slots=True)
class SwitchGone:
    """The link to the switch is down."""


SwitchEvent = PhoneRinging | PhoneAnswered | ChannelGone | SwitchBack | SwitchGone


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel that exists on the switch right now."""

    call_id: str  #: linkedid
    uniqueid: str
    channel: str
    bridged: bool


class Switchboard(Protocol):
    """The switch, apart from the callers' own lines."""

    @property
    def up(self) -> bool: ...

    async def wake(self, channel: str) -> None:
        """End `Leg.wait` on this channel early. Only a hint: it may be lost or come twice. Never raises."""
        ...

    async def hang_up(self, channel: str) -> None:
        """End a channel. Raises SwitchAway or ActionUnknown."""
        ...

    async def call_out(self, number: str, *, call_id: str, ring_s: float) -> None:
        """Ring an outside E.164 number; who answers comes in at the door as the call of that id.

        Answers as soon as the switch has taken the order. Raises SwitchAway when nothing rings; ActionUnknown when
        that is not known: then look whether the call exists, and never ask again.
        """
        ...

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """All channels, read afresh. Raises SwitchAway."""
        ...

    def events(self) -> AsyncIterator[SwitchEvent]:
        """What happens on the switch, in order per call. Overflow shows as SwitchGone, SwitchBack."""
        ...


# --- the book of calls -------------------------------------------------------------------------------------------


class CallLog(Protocol):
    """Every call with every step. Writing never waits for the database: entries queue in order, bounded.

    `resume` reads and answers within its deadline or gives None; `settle` waits until what was written for this call
    is in the database, or the deadline has passed (False).
    """

    def opened(
        self,
        arrival: Arrival,
        *,
        now: float,
        facts: CallerFacts,
        language: str,
        book_version: int,
        entry: str = "",
        campaign: str = "",
    ) -> None: ...

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None: ...

    def stands(self, call_id: str, position: Mapping[str, Any], language: str) -> None: ...

    def moved(self, call_id: str, event: CallEvent) -> None: ...

    def used(self, customer_id: int, task: str, now: float, call_id: str) -> None:
        """The customer chose a task: one more event of history for the next menu."""
        ...

    def ended(self, call_id: str, ending: Ending, now: float) -> None: ...

    async def resume(self, call_id: str, *, deadline_s: float) -> Resumed | None: ...

    async def settle(self, call_id: str, *, deadline_s: float) -> bool: ...

    def verified(self, call_id: str, customer_id: int, now: float) -> None:
        """The caller has proved to be this customer."""
        ...

    def kept(self, subject: str, name: str, value: str, now: float) -> None:
        """Remember something of a caller (customer:7 or number:+86…) for later calls; `language` is the language."""
        ...

    def menu_heard(self, subject: str, menu: str, memory: MenuMemory, now: float) -> None:
        """What a caller heard of a menu, for the order of the next call."""
        ...

    def recorded(self, recording: Recording, now: float) -> None:
        """A recording lies in its folder."""
        ...

    def rated(self, rating: Rating, now: float) -> None:
        """An answer to a question of a survey."""
        ...

    async def rated_lately(self, subject: str, *, since: float) -> bool:
        """Whether this caller has answered a survey since then. Raises StoreAway."""
        ...

    async def path(self, call_id: str) -> tuple[PathStep, ...]:
        """What the caller has just done in the menus, oldest first."""
        ...

    async def decisions(self, call_id: str) -> tuple[Mapping[str, Any], ...]:
        """The decision records of the menus that the call has heard of late, oldest first."""
        ...

    async def caller(self, call_id: str) -> CallerSeen | None:
        """Who is on this call, from the database (the call may be held by another node)."""
        ...


class Directory(Protocol):
    """Who is calling."""

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this number; without habits when none or several match, or when late."""
        ...

    async def customer(self, customer_id: int, *, ani: str | None, now: float, deadline_s: float) -> CallerFacts | None:
        """Facts of a verified customer who calls from this number; None when late or unknown."""
        ...


# --- routing -----------------------------------------------------------------------------------------------------


class Exchange(Protocol):
    """Needs, offers and claims; the one truth. Writes on an offer name its fence; False once it has moved on."""

    async def open_need(self, call_id: str, wish: NeedWish, *, now: float) -> Need:
        """State a need; a call that comes back gets its open need with its old `since`."""
        ...

    async def standing(self, call_id: str, *, now: float) -> Standing | None:
        """None when the call has no open need."""
        ...

    async def close_need(self, call_id: str, outcome: str, *, now: float) -> None:
        """served, abandoned, gave_up, callback or lost. Withdraws an open offer that was not answered."""
        ...

    async def last_agent(self, ani: str | None, customer_id: int | None, *, since: float) -> int | None:
        """The agent whom this customer, or a caller of this number, talked to last, if not before `since`."""
        ...

    async def snapshot(self, *, now: float) -> Snapshot: ...

    async def claim(self, decision: Decision, *, node: str, now: float, lease_s: float) -> Claimed | Lost: ...

    async def claim_all(
        self, decisions: Sequence[Decision], *, node: str, now: float, lease_s: float
    ) -> tuple[Claimed | Lost, ...]:
        """Make the decisions of one round true, each whole or not at all."""
        ...

    async def popped(self, offer_id: int, fence: int, *, now: float) -> bool: ...

    async def ringing(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool: ...

    async def renew(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The node that carries the offer out lives: the lease of an offer that was not answered begins anew."""
        ...

    async def answered(self, offer_id: int, fence: int, *, now: float) -> bool:
        """Offer answered, need talking, agent busy, in one transaction."""
        ...

    async def close_offer(self, offer_id: int, fence: int, event: OfferEvent, *, now: float, wrap_up_s: float) -> bool:
        """End an offer. COMPLETE closes the need as served and puts the agent in wrap-up; MISS, DECLINE and FAIL put
        the agent aside (missed) and the need back with its age; WITHDRAW and EXPIRE free the agent."""
        ...

    async def sweep(
        self,
        *,
        now: float,
        desk_lost_s: float,
        alive: frozenset[str] | None,
        wrap_up_s: float,
        alive_at: float | None = None,
    ) -> Swept:
        """Expire offers whose lease is over, end wrap-ups whose time has passed, pause agents whose desk is lost.
        With `alive` (linkedids on the switch as read at `alive_at`, None when unknown) also close calls, needs and
        offers whose channel is gone; never a call that was younger than two seconds then."""
        ...


# --- agents ------------------------------------------------------------------------------------------------------


class Roster(Protocol):
    """Agents and what they say of themselves. Raises routing.errors.IllegalMove for a move that the table lacks."""

    async def check_password(self, name: str, password: str) -> AgentCard | None:
        """The agent, or None; takes as long for an unknown name as for a wrong password."""
        ...

    async def card(self, agent_id: int) -> AgentCard | None: ...

    async def say(self, agent_id: int, event: AgentEvent, *, now: float, reason: str | None = None) -> AgentCard:
        """An agent's own move. PAUSE while offered or busy is kept and applies after the call."""
        ...

    async def seen(self, agent_id: int, *, now: float) -> None:
        """A browser of this agent gave a sign of life."""
        ...

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """The agent's open offer, or the last one while in wrap-up."""
        ...

    async def wrap_up(self, agent_id: int, offer_id: int, *, disposition: str, note: str, now: float) -> bool:
        """Store the outcome of a conversation; False when the offer is not this agent's."""
        ...

    async def queue_state(self, *, now: float) -> tuple[QueueSeen, ...]: ...


# --- the bank and the pop ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProductSeen:
    """A product on the pop."""

    kind: str
    name: str
    balance_cents: int
    currency: str
    key_kind: str | None = None
    key_on: date | None = None


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """An open complaint on the pop."""

    number: str
    subject: str
    tier: int
    opened_at: float
    due_at: float | None


@dataclass(frozen=True, slots=True)
class ContactSeen:
    """An earlier contact on the pop."""

    at: float
    channel: str  #: ivr, agent, app, branch
    about: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class CustomerView:
    """The unified view of one customer."""

    id: int
    name: str
    language: str
    segment: str
    since_on: date
    yearly_value_cents: int
    churn_risk: float
    numbers: tuple[str, ...]
    products: tuple[ProductSeen, ...]
    life_events: tuple[tuple[str, date], ...]
    cases: tuple[CaseSeen, ...]
    contacts: tuple[ContactSeen, ...]


@dataclass(frozen=True, slots=True)
class Pop:
    """What an agent sees of a caller before the phone rings."""

    offer: OfferSeen
    ani: str | None
    caller_name: str
    language: str
    customer: CustomerView | None  #: the one customer with this number
    candidates: tuple[CustomerView, ...] = ()  #: several customers share the number: the agent asks who it is
    path: tuple[PathStep, ...] = ()
    habit: str = ""  #: "usually transfers on the 1st", or empty
    heard_first: HeardFirst | None = None  #: what the menu of this call put in front, and why
    frozen: tuple[str, ...] = ()  #: menus that the caller keeps as they are
    extra: Mapping[str, Any] = field(default_factory=dict)


class Desk(Protocol):
    """The agents' browsers."""

    async def pop(self, agent_id: int, pop: Pop, *, deadline_s: float) -> bool:
        """Show the pop; True when a browser says within the deadline that it stands on the screen."""
        ...

    def changed(self, agent_id: int | None = None) -> None:
        """The state of this agent (or of queues) has changed: browsers are told afresh. Never waits or raises."""
        ...


# --- hints -------------------------------------------------------------------------------------------------------


class Hints(Protocol):
    """Wake-ups that say *that* something changed, never what. May be lost; every reader also polls."""

    def nudge(self, topic: str) -> None: ...

    async def wait(self, topic: str, *, seconds: float) -> bool:
        """True when nudged, False when the time has passed."""
        ...


#: Topics of hints.
ROUTING = "routing"
CALLBACKS = "callbacks"
