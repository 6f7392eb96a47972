"""What is known of a caller, as plain values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One thing the customer did, of the kind that menu options stand for."""

    at: datetime  #: aware, in the book's time zone
    task: str  #: the option's `task`: transfer, balance, card, instalment, insurance, complaint …


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What the menu may know of the caller before any of it has been verified."""

    ani: str | None = None  #: E.164 with the plus sign, or None when withheld or not a number
    customer_id: int | None = None  #: None when no customer or several have this number
    matches: int = 0  #: how many customers have this number
    language: str | None = None  #: preferred language of the one customer
    segment: str | None = None
    history: tuple[HistoryEvent, ...] = ()  #: oldest first, only of the one customer
    open_cases: int = 0  #: complaints being handled
