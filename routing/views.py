"""Plain values that cross the border of routing: what is wished for, how a caller stands, what a desktop shows."""

from collections.abc import Mapping
from dataclasses import dataclass

from routing.agent import AgentState
from routing.listening import Listening
from routing.offer import Claimed
from routing.phone import PhoneSeen
from routing.recording import TalkRecording
from routing.talk import ON_LINE, Sent, Talk
from routing.terms import NO_TERMS, Authority, Terms


@dataclass(frozen=True, slots=True)
class NeedWish:
    """What a route step asks for."""

    queue: str
    required: Mapping[str, int]
    language: str
    reason: str
    tier: int = 1
    credit_s: float = 0.0
    since: float | None = None  #: what its age counts from, when that is earlier: a place that was kept
    terms: Terms = NO_TERMS  #: how it softens, what it prefers


@dataclass(frozen=True, slots=True)
class Standing:
    """How a waiting call stands."""

    position: int  #: 1 = next of its queue
    since: float
    offer: Claimed | None  #: the open offer, whichever node made it
    queue: str = ""
    answered: bool = False  #: the open offer was answered: they talk, or have just stopped
    talk: Talk = ON_LINE  #: what has become of that conversation, and what the agent asks for


@dataclass(frozen=True, slots=True)
class TalkSeen:
    """A conversation that goes on."""

    offer: Claimed
    talk: Talk
    wish: NeedWish  #: what the caller needed, without its age
    since: float  #: of the need
    full_name: str  #: of the agent
    sent_by: int | None = None  #: the agent who had handed the caller on to this one
    answered_at: float | None = None  #: when this agent answered


@dataclass(frozen=True, slots=True)
class SecondSeen:
    """A consultation: whom an agent talks to besides the caller, or waits for."""

    queue: str
    since: float
    offer: Claimed | None = None
    state: str = ""  #: of the offer
    missed: int = 0  #: how many agents did not pick up


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has mended."""

    offers_expired: int = 0
    wrap_ups_over: int = 0
    desks_lost: int = 0
    calls_closed: int = 0
    misses_over: int = 0
    strays_freed: int = 0  #: agents and needs in an offer that does not exist, and offers that contradict them
    talks_over: int = 0  #: conversations of dead nodes whose phone has left the call


@dataclass(frozen=True, slots=True)
class AgentCard:
    """An agent as the desktop shows them."""

    id: int
    name: str
    full_name: str
    phone: str
    state: AgentState
    since: float
    version: int
    skills: Mapping[str, int]
    pause_reason: str | None = None
    pause_after: str | None = None
    wrap_up_until: float | None = None
    supervisor: bool = False
    team: str | None = None
    set_aside: str | None = None  #: why, when set aside: missed, declined, unreachable, refusals
    back_at: float | None = None  #: when set aside for a moment only: ready again then
    misses: int = 0  #: in a row
    phone_seen: PhoneSeen | None = None  #: what the switch says of their phone
    freed_at: float | None = None  #: when the last offer to them ended
    sessions: int = 0  #: grows with each new password and each sign-out: cookies of an earlier number are worthless


@dataclass(frozen=True, slots=True)
class OfferSeen:
    """An offer as the desktop shows it."""

    offer_id: int
    fence: int
    call_id: str
    state: str
    queue: str
    reason: str
    made_at: float
    need_since: float
    popped_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    closed_at: float | None = None
    disposition: str | None = None
    note: str | None = None
    tier: int = 1
    authority: Authority | None = None  #: of complaints alone
    recording: TalkRecording | None = None  #: of the conversation that goes on
    listening: tuple[Listening, ...] = ()  #: supervisors on it
    wrap_up_extended: int = 0  #: how often the agent has asked for more time
    talk: Talk = ON_LINE
    sent: Sent | None = None  #: by whom the caller was handed on
    kind: str = "call"  #: call; second: another agent consults this one


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """A queue as the desktop's strip shows it."""

    queue: str
    waiting: int
    longest_wait_s: float
