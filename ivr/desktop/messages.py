"""What page and server say to each other over the socket: typed, versioned, and nothing else is accepted."""

import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ivr.desktop.parts import (
    AgentChoicePart,
    AgentPart,
    MyCasePart,
    OfferPart,
    PausePart,
    PopPart,
    QueueChoicePart,
    QueuePart,
    RefusalPart,
    SkillChoicePart,
    TargetPart,
    WordPart,
    WrapUpPart,
)
from routing.agent import PAUSE_REASONS

#: Raised whenever a page of the version before could misread a message; such pages are told to load themselves afresh.
VERSION: Literal[1] = 1

#: How a conversation can have ended, as the agent sees it. `not_stated` is stored when a note comes without a choice.
DISPOSITIONS = (
    "resolved",
    "follow_up",
    "transferred",
    "complaint_opened",
    "callback_promised",
    "wrong_number",
    "no_customer",
    "call_dropped",
    "not_stated",
)

LONGEST_HANDOVER = 500  #: characters that one agent may tell the next
LONGEST_NOTE = 2000  #: characters; the column holds no more
_LARGEST_ID = 2**53  #: the largest integer that JavaScript keeps exactly


#: What an agent may do about a case.
CaseVerb = Literal["open", "note", "raise", "extend", "close"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = VERSION


# --- server to page ----------------------------------------------------------------------------------------------


class State(_Message):
    """Everything the page shows; replaces all that was said before."""

    type: Literal["state"] = "state"
    now: float
    agent: AgentPart
    offer: OfferPart | None
    pop: PopPart | None
    wrap_up: WrapUpPart | None
    queues: tuple[QueuePart, ...]
    cases: tuple[MyCasePart, ...] = ()
    pause_reasons: tuple[str, ...] = PAUSE_REASONS
    pauses: tuple[PausePart, ...] = ()  #: the same reasons with their words and limits
    dispositions: tuple[str, ...] = DISPOSITIONS
    refusals: tuple[RefusalPart, ...] = ()
    words: tuple[WordPart, ...] = ()  #: the site's own, for what the page shows


class PopShow(_Message):
    """A call was offered to this agent just now."""

    type: Literal["pop"] = "pop"
    now: float
    offer: OfferPart
    pop: PopPart


class PopWithdrawn(_Message):
    """The call on the screen is no longer this agent's."""

    type: Literal["pop_withdrawn"] = "pop_withdrawn"
    now: float
    offer_id: int
    why: Literal["missed", "withdrawn", "refused"]


class Queues(_Message):
    """Only the queues have changed."""

    type: Literal["queues"] = "queues"
    now: float
    queues: tuple[QueuePart, ...]


class Ping(_Message):
    """A sign of life; the page answers `alive`."""

    type: Literal["ping"] = "ping"
    now: float


class Saved(_Message):
    """The outcome of a conversation is stored."""

    type: Literal["saved"] = "saved"
    offer_id: int


class CaseDone(_Message):
    """What was asked for about a case is stored."""

    type: Literal["case_done"] = "case_done"
    offer_id: int
    do: CaseVerb
    number: str


class Error(_Message):
    """Something that was asked for was not done, or what is on the screen can no longer be vouched for."""

    type: Literal["error"] = "error"
    code: Literal["not_now", "not_yours", "no_authority", "store_away", "nobody_there", "not_allowed", "switch_away"]
    about: str = ""  #: type of the message that could not be carried out


class Targets(_Message):
    """To whom the agent may hand their caller: the answer to `choose`."""

    type: Literal["targets"] = "targets"
    queues: tuple[QueueChoicePart, ...]
    agents: tuple[AgentChoicePart, ...]
    numbers: bool  #: outside numbers may be called
    tier: int | None  #: the next tier of complaints
    skills: tuple[SkillChoicePart, ...] = ()


ServerMessage = State | PopShow | PopWithdrawn | Queues | Ping | Saved | CaseDone | Error | Targets


# --- page to server ----------------------------------------------------------------------------------------------


def _disposition(value: str) -> str:
    if value not in DISPOSITIONS:
        raise ValueError(f"no disposition is called {value[:32]!r}")
    return value


#: Which reasons there are, the site says (`staff.pauses`); the window refuses any other.
PauseReason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Disposition = Annotated[str, AfterValidator(_disposition)]
Id = Annotated[int, Field(ge=0, le=_LARGEST_ID)]


class Hello(_Message):
    """The first message of a page."""

    type: Literal["hello"]
    ticket: str = Field(max_length=128)


class Ready(_Message):
    """The agent takes calls."""

    type: Literal["ready"]


class Pause(_Message):
    """The agent takes no calls; during a call it applies after it."""

    type: Literal["pause"]
    reason: PauseReason


class Shown(_Message):
    """The pop stands on the screen."""

    type: Literal["shown"]
    offer_id: Id
    fence: Id


class RecordingPause(_Message):
    """The recording of the conversation is to hear silence from now on, or to go on."""

    type: Literal["recording"]
    offer_id: Id
    paused: bool


class Refuse(_Message):
    """The agent refuses the call that is offered, before it is answered."""

    type: Literal["refuse"]
    offer_id: Id
    fence: Id
    reason: str = Field(max_length=48)


class Draft(_Message):
    """What the agent has entered so far of the outcome; found again by whichever page comes next. No answer."""

    type: Literal["draft"]
    offer_id: Id
    disposition: Disposition | None = None
    note: str = Field(max_length=LONGEST_NOTE)


class Extend(_Message):
    """The agent wants more time in this wrap-up."""

    type: Literal["extend"]
    offer_id: Id


class WrapUp(_Message):
    """The outcome of a conversation, and what the agent does next (nothing: it is only stored)."""

    type: Literal["wrap_up"]
    offer_id: Id
    disposition: Disposition
    note: str = Field(max_length=LONGEST_NOTE)
    then: Literal["ready", "pause"] | None = None
    reason: PauseReason | None = None  #: of the pause


class Case(_Message):
    """The agent does something about a case of the customer they talk to, or opens one."""

    type: Literal["case"]
    offer_id: Id
    do: CaseVerb
    number: str = Field(default="", max_length=20)  #: of the case; none with open
    text: str = Field(default="", max_length=LONGEST_NOTE)  #: what is noted, or why
    hours: int = Field(default=0, ge=0, le=200)  #: of working time more, with extend
    subject: str = Field(default="", max_length=200)  #: with open
    severity: Literal["low", "medium", "high"] | None = None  #: with open
    about: str = Field(default="", max_length=48)  #: with open: one of the `about` of `words`
    against: str = Field(default="", max_length=64)  #: with open: sign-in name of the agent whom it is about

    @model_validator(mode="after")
    def _whole(self) -> Self:
        lacking = {"note": not self.text.strip(), "extend": not self.text.strip() or not self.hours,
                   "open": not self.subject.strip()}  # fmt: skip
        if lacking.get(self.do, False) or (self.do != "open" and not self.number):
            raise ValueError(f"{self.do} lacks something")
        return self


class Alive(_Message):
    """Answer to a ping: the page's own code runs, not only its connection."""

    type: Literal["alive"]


class Choose(_Message):
    """The agent looks for whom to hand their caller to; answered by `targets`."""

    type: Literal["choose"]


class Handle(_Message):
    """The agent does something with their conversation."""

    type: Literal["handle"]
    offer_id: Id
    do: Literal["hold", "retrieve", "transfer", "consult", "cancel", "complete", "conference", "end"]
    target: TargetPart | None = None  #: of a transfer and a consultation
    note: str = Field(default="", max_length=LONGEST_HANDOVER)


ClientMessage = (
    Hello | Ready | Pause | Shown | RecordingPause | Refuse | Draft | Extend | WrapUp | Case | Alive | Choose | Handle
)
_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])


class NotAMessage(ValueError):
    """A browser sent something that is not one of our messages."""


def read(text: str) -> ClientMessage:
    """The message in a text. Raises NotAMessage."""
    try:
        return _CLIENT.validate_json(text)
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False, include_context=False)[0]
        raise NotAMessage(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def speaks_other_version(text: str) -> bool:
    """Whether a text that could not be read comes from a page of another version."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and isinstance(told.get("v"), int) and told["v"] != VERSION
