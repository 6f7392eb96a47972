"""What a desktop shows, as plain parts of the messages to the page."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class AgentPart(_Part):
    """The agent whose desktop it is."""

    name: str
    full_name: str
    phone: str
    state: str
    since: float
    pause_reason: str | None
    pause_after: str | None
    supervisor: bool = False
    set_aside: str | None  #: why, when set aside: missed, declined, unreachable, refusals
    back_at: float | None  #: when set aside for a moment only: ready again then
    misses: int  #: in a row
    phone_trouble: str | None  #: why no offers come to this phone: in_use, unreachable


class RecordingPart(_Part):
    """The recording of the conversation."""

    state: Literal["on", "pausing", "paused", "resuming", "asking", "refused"]
    until: float | None  #: the pause ends by itself


class ListeningPart(_Part):
    """A supervisor on the conversation."""

    supervisor: str
    mode: Literal["listen", "whisper", "barge"]


class TargetPart(_Part):
    """To whom a caller is handed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["queue", "agent", "number", "tier", "skill"]
    name: str = Field(default="", max_length=64)


class TalkPart(_Part):
    """Where the caller of a conversation is, and what the agent may do."""

    state: str
    since: float | None
    acts: tuple[str, ...]
    second: TargetPart | None  #: who is consulted
    failed: str  #: why the last consultation came to nothing: nobody, no_answer, left; empty when it did not


class SentPart(_Part):
    """Which agent handed the caller on, and what they said."""

    by: str
    queue: str
    how: str  #: transfer, consult; hold: the caller was left on hold
    note: str
    skill: str  #: the group that was asked for, by its name; empty for any other target


class OfferPart(_Part):
    """The call that is offered, talked to or wrapped up."""

    offer_id: int
    fence: int
    state: str
    queue: str
    reason: str
    made_at: float
    waiting_since: float
    ringing_at: float | None
    answered_at: float | None
    closed_at: float | None
    disposition: str | None  #: what was entered so far of the outcome, in any window
    note: str
    recording: RecordingPart | None = None  #: while they talk, if it is recorded
    listening: tuple[ListeningPart, ...] = ()  #: supervisors on it
    talk_until: float | None = None  #: the conversation ends then by itself, if its queue has a limit …
    talk_warning_s: float = 0.0  #: … and the agent is warned so long before
    kind: str = "call"  #: call; second: another agent consults this one
    talk: TalkPart | None = None  #: while they talk
    sent: SentPart | None = None


class QueueChoicePart(_Part):
    """A queue to which a caller may be handed."""

    queue: str
    waiting: int
    ready: int


class SkillChoicePart(_Part):
    """A group of agents without a queue of its own, to whom a caller may be handed by their skill."""

    skill: str
    at_work: int  #: others who may serve this caller
    ready: int  #: of these


class AgentChoicePart(_Part):
    """An agent to whom a caller may be handed."""

    name: str
    full_name: str
    state: str


class ProductPart(_Part):
    """A product that the customer holds."""

    kind: str
    name: str
    balance_cents: int
    currency: str
    key_kind: str | None
    key_on: str | None  #: 2026-12-31


class LifeEventPart(_Part):
    """Something in the customer's life."""

    kind: str
    on: str


class CasePart(_Part):
    """An open complaint."""

    number: str
    subject: str
    tier: int
    opened_at: float
    due_at: float | None


class ContactPart(_Part):
    """An earlier contact."""

    at: float
    channel: str
    about: str
    outcome: str


class CustomerPart(_Part):
    """The unified view of one customer."""

    id: int
    name: str
    language: str
    segment: str
    since_on: str
    yearly_value_cents: int
    churn_risk: float
    numbers: tuple[str, ...]
    products: tuple[ProductPart, ...]
    life_events: tuple[LifeEventPart, ...]
    cases: tuple[CasePart, ...]
    contacts: tuple[ContactPart, ...]
    agent: str | None  #: who looks after them


class StepPart(_Part):
    """One thing the caller did in the menus."""

    at: float
    text: str
    key: str | None


class HeardFirstPart(_Part):
    """What the menu of this call put in front for the caller. Texts come by language; the page takes its own."""

    menu: str
    why: Literal["frozen", "rule", "explore", "habit", "popular", "segment"]
    label: tuple[tuple[str, str], ...]
    because: tuple[tuple[str, str], ...]  #: "usually transfers money on the 1st"; only of habits


class TierPart(_Part):
    """A tier of the complaint pyramid, and what its agents may grant. Texts come by language."""

    tier: int
    name: tuple[tuple[str, str], ...]
    goodwill_cents: int
    may: tuple[tuple[str, tuple[str, ...]], ...]


class BecausePart(_Part):
    """One thing that brought a complaint to its tier; what is empty does not belong to it."""

    what: Literal[
        "step", "case", "severity", "about", "segment", "worth", "open_case", "overdue", "complaints", "contacts"
    ]
    value: str = ""  #: severity, what it is about, segment
    count: int = 0
    days: float = 0


class TierWhyPart(_Part):
    """A rule that held: at least this tier, or so many up."""

    tier: int | None
    up: int | None
    because: tuple[BecausePart, ...]


class ComplaintPart(_Part):
    """The complaint of this call."""

    tier: int
    name: tuple[tuple[str, str], ...]
    why: tuple[TierWhyPart, ...]
    currency: str
    mine: TierPart | None  #: what this agent may grant
    next: TierPart | None  #: what the tier above this agent could


class CaseEventPart(_Part):
    """One thing that was done about a case."""

    at: float
    kind: str  #: opened, noted, assigned, raised, extended, closed, alarmed
    by: str  #: sign-in name; empty for the engine and the command line
    text: str
    tier: int | None  #: that it came to, with opened and raised
    due_at: float | None  #: with extended


class CaseFilePart(_Part):
    """An open case that the agent may work on."""

    number: str
    subject: str
    tier: int
    severity: str | None
    about: str | None  #: see `words` of State
    opened_at: float
    due_at: float | None
    handler: str | None
    events: tuple[CaseEventPart, ...]
    may: tuple[str, ...]  #: what this agent may do: note, raise, extend, close


class PausePart(_Part):
    """What the agent may pause for. Words come by language; the page takes its own."""

    reason: str
    words: tuple[tuple[str, str], ...]
    paid: bool
    most_minutes: float | None  #: a longer pause alarms


class MyCasePart(_Part):
    """An open case that this agent handles."""

    number: str
    subject: str
    tier: int
    due_at: float | None


class TalkedToPart(_Part):
    """An agent whom the caller talked to of late."""

    name: str
    full_name: str


class PopPart(_Part):
    """Who is calling and why."""

    offer_id: int
    ani: str | None
    caller_name: str
    language: str
    customer: CustomerPart | None
    candidates: tuple[CustomerPart, ...]
    path: tuple[StepPart, ...]
    habit: str
    heard_first: HeardFirstPart | None
    frozen: tuple[str, ...]  #: menus that the caller keeps as they are
    complaint: ComplaintPart | None
    case_files: tuple[CaseFilePart, ...]
    talked_to: tuple[TalkedToPart, ...]


class WrapUpPart(_Part):
    """The time after a conversation, and what has been stored of its outcome."""

    offer_id: int
    until: float | None
    extend_s: float  #: by how much the agent may extend it, each time
    extensions_left: int
    disposition: str | None
    note: str


class RefusalPart(_Part):
    """A reason to refuse a call. Its words come by language; the page takes its own."""

    reason: str
    words: tuple[tuple[str, str], ...]


class WordPart(_Part):
    """What the site calls something. Words come by language; the page takes its own."""

    kind: Literal["about", "segment", "skill"]
    name: str
    words: tuple[tuple[str, str], ...]


class QueuePart(_Part):
    """How a queue stands."""

    queue: str
    waiting: int
    waiting_since: float | None  #: when the caller who has waited longest came
