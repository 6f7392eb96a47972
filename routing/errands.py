"""What a call leaves to be done by others than an agent of this call: a text message to send, a case to handle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


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
    highest: int = 3  #: the highest tier there is


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case as it stands."""

    number: str  #: digits, as they are said and sent
    tier: int
    due_on: date
