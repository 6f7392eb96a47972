"""A call: its states, what may follow what, and the closed set of endings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from routing.errors import IllegalMove


class CallState(StrEnum):
    """Where a call is, as the database remembers it."""

    MENU = "menu"  # hears prompts, presses keys
    WAITING = "waiting"  # has an open need; hears music
    TALKING = "talking"  # bridged to an agent
    ENDED = "ended"


class CallEvent(StrEnum):
    """What can happen to a call."""

    NEED = "need"  # the caller asked for an agent
    ANSWER = "answer"  # an agent's phone was answered
    RETURN = "return"  # back to the menu, after waiting or after a conversation
    END = "end"


CALL_MOVES: dict[tuple[CallState, CallEvent], CallState] = {
    (CallState.MENU, CallEvent.NEED): CallState.WAITING,
    (CallState.MENU, CallEvent.END): CallState.ENDED,
    (CallState.WAITING, CallEvent.ANSWER): CallState.TALKING,
    (CallState.WAITING, CallEvent.RETURN): CallState.MENU,
    (CallState.WAITING, CallEvent.END): CallState.ENDED,
    (CallState.TALKING, CallEvent.RETURN): CallState.MENU,
    (CallState.TALKING, CallEvent.END): CallState.ENDED,
}


def move_call(state: CallState, event: CallEvent) -> CallState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return CALL_MOVES[state, event]
    except KeyError:
        raise IllegalMove("call", state, event) from None


class Result(StrEnum):
    """How a call ended, in one word. Closed set."""

    SERVED = "served"  # the caller got what they came for
    LEFT = "left"  # the caller hung up first
    DIVERTED = "diverted"  # handed to another place: fallback rung, outside number
    FAILED = "failed"  # our side could not go on


class Reason(StrEnum):
    """Why a call ended so. Closed set; each belongs to one or more results (see ENDINGS)."""

    AGENT = "agent"  # talked to an agent
    SELF_SERVICE = "self_service"  # done by the menu alone
    GOODBYE = "goodbye"  # the book said goodbye
    IN_MENU = "in_menu"  # hung up while hearing the menu
    IN_QUEUE = "in_queue"  # hung up while waiting (abandoned)
    WHILE_RINGING = "while_ringing"  # hung up while the agent's phone rang
    TRANSFERRED = "transferred"  # connected to an outside number
    NO_INPUT = "no_input"  # said nothing, pressed nothing, to the limit
    NO_AGENTS = "no_agents"  # waited to the queue's limit
    CALLBACK = "callback"  # asked to be called back
    MESSAGE = "message"  # left a message
    FALLBACK = "fallback"  # sent down the dialplan ladder
    DEADLINE = "deadline"  # the longest allowed call time passed
    SWITCH_LOST = "switch_lost"  # Asterisk went away with the call
    ENGINE_LOST = "engine_lost"  # the engine that held the call died and nobody took over
    BROKEN_BOOK = "broken_book"  # the menu book pointed nowhere
    FAULT = "fault"  # an error of ours


ENDINGS: dict[Result, frozenset[Reason]] = {
    Result.SERVED: frozenset({Reason.AGENT, Reason.SELF_SERVICE, Reason.GOODBYE}),
    Result.LEFT: frozenset({Reason.IN_MENU, Reason.IN_QUEUE, Reason.WHILE_RINGING, Reason.NO_INPUT}),
    Result.DIVERTED: frozenset(
        {Reason.FALLBACK, Reason.NO_AGENTS, Reason.NO_INPUT, Reason.CALLBACK, Reason.MESSAGE, Reason.TRANSFERRED}
    ),
    Result.FAILED: frozenset(
        {
            Reason.DEADLINE,
            Reason.SWITCH_LOST,
            Reason.ENGINE_LOST,
            Reason.BROKEN_BOOK,
            Reason.FAULT,
            Reason.FALLBACK,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How and why a call ended; every call gets exactly one."""

    result: Result
    reason: Reason

    def __post_init__(self) -> None:
        if self.reason not in ENDINGS[self.result]:
            raise ValueError(f"a call that {self.result} cannot have the reason {self.reason}")

    def __str__(self) -> str:
        return f"{self.result}/{self.reason}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as it comes in at the door."""

    call_id: str  #: Asterisk's linkedid
    uniqueid: str
    channel: str
    ani: str | None  #: as sent by the carrier, digits and plus only; None when withheld or not a number
    caller_name: str  #: decoded and sanitised: no control or direction characters, at most 64
    dnis: str
    rung: int = 1  #: 1 when the dialplan tried this engine first, 2 when another engine had the call before


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where a call stood that comes back on another rung, node or after a restart."""

    state: str  #: CallState
    position: Mapping[str, Any] | None
    language: str
    book_version: int
    started_at: float


@dataclass(frozen=True, slots=True)
class PathStep:
    """One thing the caller did in the menus, as the pop tells it."""

    at: float
    text: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class CallerSeen:
    """What the record of a call says of its caller."""

    ani: str | None
    caller_name: str
    language: str
    dnis: str
    started_at: float


@dataclass(frozen=True, slots=True)
class Recording:
    """What a caller said and was recorded."""

    id: str  #: name of the file without folder and ending
    call_id: str
    purpose: str  #: voicemail, complaint, comment, conversation
    seconds: float
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer to a survey."""

    call_id: str
    survey: str  #: name of the step
    question: str
    ask: str  #: csat, nps, yes_no, comment
    score: int | None  #: 1 to 5, 0 to 10, 0 or 1; None for a comment
    recording: str | None = None  #: of a comment
    subject: str | None = None  #: customer:7 or number:+86…; None when neither is known
