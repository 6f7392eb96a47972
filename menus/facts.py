"""What is known of a caller, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

#: Options and keys in what a call heard of a menu; a book has far fewer.
MOST_HEARD = 100


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One thing the customer did, of the kind that menu options stand for."""

    at: datetime  #: aware, in the book's time zone
    task: str  #: the option's `task`: transfer, balance, card, instalment, insurance, complaint …


@dataclass(frozen=True, slots=True)
class RecentCall:
    """An earlier call of this number, at most seven days ago."""

    at: datetime  #: aware, in the book's time zone
    task: str | None  #: the last task chosen in it
    step: str | None  #: where it stood last with that task; menus, ends and what is only passed aside
    result: str  #: how it ended: served, left, diverted, failed


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A complaint of a customer, or from a number: open, or opened within the last year."""

    opened_at: float  #: seconds of the epoch
    is_open: bool
    severity: str | None = None  #: low, medium, high
    about: str | None = None  #: card_fraud …
    against: int | None = None  #: id of the agent whom it is about
    tier: int = 1
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class MenuMemory:
    """What this caller heard of one menu before: for an order that does not flicker, and one that was frozen."""

    promoted: tuple[str, ...] = ()  #: options that were promoted by habit in the last call
    wished: tuple[str, ...] = ()  #: what habits wished for in the last call
    streak: int = 0  #: for how many calls in a row they wished for just that
    frozen: bool = False  #: the caller wants `promoted` to stay as it is

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the decision record."""
        return {
            "promoted": list(self.promoted),
            "wished": list(self.wished),
            "streak": self.streak,
            "frozen": self.frozen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "MenuMemory":
        """What `to_json` gave."""
        return cls(tuple(data["promoted"]), tuple(data["wished"]), data["streak"], data["frozen"])


@dataclass(frozen=True, slots=True)
class MenuHeard:
    """What this call has heard of one menu: within a call habits change nothing, and a key means what was said."""

    subject: str | None  #: of whom it was made, see `subject_of`
    habit: tuple[str, ...] = ()  #: options that habits promote in this call
    promoted: tuple[str, ...] = ()  #: options that were promoted, whatever the reason
    keys: Mapping[str, str] = field(default_factory=dict)  #: key → option as told last, where keys may move
    spoken: bool = True  #: whether it was said; else it was only typed through, or has been frozen since
    explored: tuple[str, ...] = ()  #: options that may be tried out in this call

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the position of the call."""
        return {
            "subject": self.subject,
            "habit": list(self.habit),
            "promoted": list(self.promoted),
            "keys": dict(self.keys),
            "spoken": self.spoken,
            "explored": list(self.explored),
        }

    @classmethod
    def from_json(cls, data: Any) -> "MenuHeard":
        """What `to_json` gave. Raises ValueError for anything else."""
        match data:
            case {
                "subject": str() | None as subject,
                "habit": list(habit),
                "promoted": list(promoted),
                "keys": dict(keys),
                "spoken": bool(spoken),
            } if isinstance(explored := data.get("explored", []), list):  # earlier versions did not tell
                words = (*habit, *promoted, *explored, *keys, *keys.values())
                few = len(words) - len(keys) <= MOST_HEARD
                if few and all(isinstance(word, str) for word in words):
                    return cls(subject, tuple(habit), tuple(promoted), keys, spoken, tuple(explored))
        raise ValueError("this is not what a call heard of a menu")


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What the menu may know of the caller before any of it has been verified."""

    ani: str | None = None  #: E.164 with the plus sign, or None when withheld or not a number
    customer_id: int | None = None  #: None when no customer or several have this number
    matches: int = 0  #: how many customers have this number
    language: str | None = None  #: the one this caller chose to keep, else that of the one customer
    segment: str | None = None
    history: Sequence[HistoryEvent] = ()  #: oldest first, only of the one customer
    just_done: str | None = None  #: the task chosen before in this call
    open_cases: int = 0  #: complaints being handled
    case_tier: int = 0  #: the highest tier among them; 0 without one
    cases_overdue: int = 0
    cases: tuple[CaseFact, ...] = ()  #: newest first
    number_cases: tuple[CaseFact, ...] = ()  #: further ones opened from this number; count for tiers, told to nobody
    value_cents: int = 0  #: what the customer is worth in a year
    churn_risk: float = 0.0  #: probability of leaving within a year
    since_on: date | None = None  #: customer since
    agent: str | None = None  #: sign-in name of the agent who looks after them
    products: tuple[str, ...] = ()  #: kinds of product held
    key_dates: tuple[tuple[str, date], ...] = ()  #: kind and day, soonest first: card_expiry, instalment_due …
    life_events: tuple[tuple[str, date], ...] = ()  #: kind and day, of the last year
    recent: tuple[RecentCall, ...] = ()  #: newest first, of this number
    missed_callback: bool = False  #: we called this number back of late and nobody answered
    memory: Mapping[str, MenuMemory] = field(default_factory=dict)  #: menu → what was heard of it
    remembered: Mapping[str, str] = field(default_factory=dict)  #: what `set` steps of earlier calls kept
    opted_out: bool = False  #: wants no text messages


def subject_of(facts: CallerFacts) -> str | None:
    """Under which name something is remembered of a caller: the customer's, else the number's; None for nobody."""
    if facts.customer_id is not None:
        return f"customer:{facts.customer_id}"
    return f"number:{facts.ani}" if facts.ani is not None and facts.matches == 0 else None
