"""What agents see of a caller, and their browsers.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from menus.heard_first import HeardFirst
from routing.call import PathStep
from routing.errands import CaseFile, TalkedTo
from routing.views import OfferSeen


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
    agent: str | None = None  #: who looks after them, as agents read it


@dataclass(frozen=True, slots=True)
class TierSeen:
    """A tier of the complaint pyramid on the pop."""

    tier: int  #: 1 the lowest
    names: Mapping[str, str]  #: by language
    goodwill_cents: int
    may: Mapping[str, tuple[str, ...]]  #: by language


@dataclass(frozen=True, slots=True)
class ComplaintSeen:
    """The complaint of this call on the pop: where it stands in the pyramid, and what may be granted."""

    tier: int
    names: Mapping[str, str]  #: of that tier, by language
    why: tuple[Mapping[str, Any], ...]  #: see `routing.complaints.Placed`
    currency: str
    mine: TierSeen | None  #: what this agent may grant by their own level; None when they may decide nothing
    next: TierSeen | None  #: what the tier above the agent could


@dataclass(frozen=True, slots=True)
class CaseOnPop:
    """A case of the caller, as the agent may work on it."""

    file: CaseFile
    may: tuple[str, ...]  #: what this agent may do: note, raise, extend, close


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
    complaint: ComplaintSeen | None = None
    cases: tuple[CaseOnPop, ...] = ()  #: open cases that are kept here, with what was done about them
    talked_to: tuple[TalkedTo, ...] = ()  #: agents whom the caller talked to of late, this one aside


class RecordingPauses(Protocol):
    """What agents ask of the recording of their conversation."""

    async def ask(self, agent_id: int, offer_id: int, *, paused: bool) -> None:
        """Silence in the recording of an agent's own conversation, or sound again; the agent's state tells what came
        of it. Raises IllegalMove when they do not talk on this offer or nothing is recorded, and StoreAway."""
        ...


class Desk(Protocol):
    """The agents' browsers."""

    async def pop(self, agent_id: int, pop: Pop, *, deadline_s: float) -> bool:
        """Show the pop; True when a browser says within the deadline that it stands on the screen."""
        ...

    def changed(self, agent_id: int | None = None) -> None:
        """The state of this agent (or of queues) has changed: browsers are told afresh. Never waits or raises."""
        ...
