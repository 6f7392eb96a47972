"""Everything a call needs of the engine, gathered once at the start and handed to each conversation."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ivr.expected_waits import ExpectedWaits
from ivr.ports import (
    Bank,
    Callbacks,
    CallLog,
    Cases,
    Clock,
    Desk,
    Directory,
    Exchange,
    Hints,
    Lockouts,
    Messenger,
    Roster,
    Switchboard,
    TalkRecordings,
    Talks,
    Webhooks,
)
from ivr.prompts.catalogue import Catalogue
from ivr.queues import QueueTable
from ivr.settings import Settings
from menus.conditions import Conditions
from menus.hours import Hours
from menus.learning.ranker import Ranker
from menus.schema import MenuBook
from routing.offer import Claimed


@dataclass(frozen=True, slots=True)
class Edition:
    """A published menu book with its rendered prompts; a call keeps the edition it started with."""

    version: int
    book: MenuBook
    catalogue: Catalogue
    conditions: Conditions
    hours: Hours

    @classmethod
    def of(cls, version: int, book: MenuBook, catalogue: Catalogue) -> "Edition":
        """The edition of a book that was checked."""
        return cls(version, book, catalogue, Conditions(book), Hours(book.calendar, book.zone))


@dataclass(slots=True)
class LiveCall:
    """A call that this node holds, as dispatcher and watcher need to see it."""

    channel: str
    waiting: bool = False  #: in `Leg.wait` with music: may be woken
    offer: Claimed | None = None  #: being carried out right now
    answered: bool = False  #: the offered agent's phone was answered
    refused: int | None = None  #: the offer that its agent refused on the desktop
    answered_at: float | None = None  #: when that was, if the switch told
    reached: bool = False  #: of a callback with the agent first: the customer has picked up
    outside: bool = False  #: an outside number is rung, or talks
    outside_answered: bool = False  #: it was answered
    told: bool = False  #: hears what comes before the ring; an offer that is made meanwhile does not lapse
    room: int | None = None  #: where the agent's phone is, apart from the caller or together with them
    joined: bool = False  #: the caller is in the room as well
    phones: set[str] = field(default_factory=set)  #: ids of channels that were rung into it
    declined: set[str] = field(default_factory=set)  #: those of them that refused
    agents: set[str] = field(default_factory=set)  #: phones of agents who have had this call, or were offered it


@dataclass(frozen=True, slots=True)
class Parts:
    """The ports and rules that a conversation works with."""

    settings: Settings
    clock: Clock
    log: CallLog
    directory: Directory
    exchange: Exchange
    talks: Talks
    roster: Roster
    bank: Bank
    desk: Desk
    switchboard: Switchboard
    hints: Hints
    lockouts: Lockouts
    messenger: Messenger
    cases: Cases
    callbacks: Callbacks
    talk_recordings: TalkRecordings
    webhooks: Webhooks
    ranker: Ranker
    edition: Callable[[int | None], Edition]  #: a version that is still kept, else the one for everybody
    edition_for: Callable[[str], Edition]  #: of a new call, by its caller: the one for everybody, or the canary
    recall: Callable[[int], Awaitable[Edition | None]]  #: what a call began on; None when it cannot be had in time
    queues: QueueTable
    expected: ExpectedWaits
    live: dict[str, LiveCall] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)  #: how calls of this node have ended, counted
    arrivals: Counter[tuple[str, str]] = field(default_factory=Counter)  #: calls that came in, by entry and campaign
    out_of_reach: Counter[str] = field(default_factory=Counter)  #: complaints that nobody at work may decide, by tier
    called_back: Counter[str] = field(default_factory=Counter)  #: dialled, retried, and outcomes of callbacks
