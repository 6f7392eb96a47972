"""What a call leaves to be done by others than an agent of this call: a text message to send, a case to handle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text message to be sent."""

    to: str  #: E.164
    text: str
    key: str  #: the same key is sent once
    call_id: str = ""
    customer_id: int | None = None
    template: str = ""


@dataclass(frozen=True, slots=True)
class NewCase:
    """A complaint as the caller stated it."""

    subject: str
    tier: int
    due_days: int
    call_id: str
    customer_id: int | None  #: None when nobody knows who calls
    ani: str | None
    recording: str | None  #: id of the recording that states it
    severity: str | None = None  #: low, medium, high; None when nobody was asked
    about: str | None = None  #: card_fraud …
    against_id: int | None = None  #: the agent whom it is about
    due_at: Mapping[int, float] = field(default_factory=dict)  #: tier → deadline, where that is not a matter of days
    opened_by: str = ""  #: sign-in name of the agent; empty when the menu opened it
    handler_id: int | None = None  #: the agent who sees to it


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case as it stands."""

    number: str  #: digits, as they are said and sent
    tier: int
    due_on: date


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One thing that was done about a case."""

    at: float
    kind: str  #: opened, noted, assigned, raised, extended, closed, alarmed
    by: str  #: sign-in name of an agent; empty for the engine and the command line
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with everything that was done about it."""

    id: int
    number: str
    subject: str
    tier: int
    state: str
    opened_at: float
    due_at: float | None
    closed_at: float | None
    severity: str | None
    about: str | None
    ani: str | None
    customer_id: int | None
    handler: str | None  #: sign-in name
    against: str | None  #: sign-in name of the agent whom it is about
    against_id: int | None
    events: tuple[CaseEvent, ...] = ()  #: oldest first; only of `file`


@dataclass(frozen=True, slots=True)
class TalkedTo:
    """An agent whom a caller has talked to."""

    id: int
    name: str
    full_name: str
