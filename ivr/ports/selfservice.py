"""What calls do without an agent: the bank's answers, messages, cases, callbacks, other systems. Ports and values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ivr.ports.desk import CustomerView
from menus.values import Value
from routing.callback import CallbackEvent, CallbackSeen, CallbackWish
from routing.errands import CaseFile, CaseOpened, NewCase, TalkedTo, TextMessage

# --- the bank ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claimant:
    """Somebody who says that they are a customer. The secrets never show in a log."""

    by: str  #: pin or card_birthday
    ani: str | None  #: E.164
    card: str = field(default="", repr=False)  #: the whole number of a card, or empty
    secret: str = field(default="", repr=False)  #: PIN, or birthday as YYYYMMDD


@dataclass(frozen=True, slots=True)
class BankOrder:
    """One operation of `menus.operations` for a verified customer."""

    operation: str
    customer_id: int
    params: Mapping[str, Value]
    key: str  #: of two orders with the same key the second changes nothing and gets the first one's answer
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class BankRow:
    """One line of a list that is read out."""

    kind: str  #: as in `Operation.rows`
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class BankAnswer:
    """What the bank says to an order."""

    values: Mapping[str, Value] = field(default_factory=dict)
    rows: tuple[BankRow, ...] = ()
    refusal: str | None = None  #: a word of `Operation.refusals`; None when it was done


class Bank(Protocol):
    """The bank's own systems. Every verb but the first raises BankAway when it cannot answer in time."""

    async def customers_by_number(self, ani: str | None, *, now: float) -> tuple[CustomerView, ...]:
        """Every customer with this number, at most ten."""
        ...

    async def customer(self, customer_id: int, *, now: float, deadline_s: float) -> CustomerView | None:
        """The customer of that id."""
        ...

    async def whose(self, claimant: Claimant, *, deadline_s: float) -> int | None:
        """The customer whom a claim is about: by the card if one was typed, else by the number; None if unclear."""
        ...

    async def verify(self, claimant: Claimant, customer_id: int | None, *, deadline_s: float) -> bool:
        """Whether the secret is that customer's. Takes as long for nobody as for somebody."""
        ...

    async def perform(self, order: BankOrder, *, now: float, deadline_s: float) -> BankAnswer:
        """Carry an order out, at most once per key. After BankAway the same order may be asked again."""
        ...


class Lockouts(Protocol):
    """Failed attempts to be verified, over all calls and nodes. Subjects: customer:7, number:+8613800000001."""

    async def locked(self, subjects: Sequence[str], *, now: float) -> bool:
        """Whether one of them is locked. Raises StoreAway."""
        ...

    async def tried(self, subjects: Sequence[str], *, now: float) -> bool:
        """Count an attempt for each before its secret is compared. False, and nothing counted, when one is locked.

        Who counts first cannot be outrun by many calls at once. An attempt that is not taken back counts as a failure;
        the one that makes it too many locks. Raises StoreAway.
        """
        ...

    async def untried(self, subjects: Sequence[str], *, now: float) -> None:
        """Take one attempt of each back: it could not be judged, or was no failure. Raises StoreAway."""
        ...

    async def passed(self, subjects: Sequence[str], *, now: float) -> None:
        """Forget the failures of these. Raises StoreAway."""
        ...


# --- messages ------------------------------------------------------------------------------------------------------


class Messenger(Protocol):
    """Text messages; what is taken is sent sooner or later, with retries."""

    async def send(self, message: TextMessage, *, now: float) -> bool:
        """Take a message; False when the receiver has opted out. Raises StoreAway."""
        ...


# --- cases and callbacks ----------------------------------------------------------------------------------------------


class Cases(Protocol):
    """Complaints being handled."""

    async def open(self, case: NewCase, *, now: float) -> CaseOpened:
        """Open a case, once per call and subject. Raises StoreAway."""
        ...

    async def of_call(self, call_id: str) -> tuple[CaseFile, ...]:
        """The open cases that a call may be about, with what was done about them. Raises StoreAway."""
        ...

    async def talked_to(self, call_id: str, *, but: int, since: float) -> tuple[TalkedTo, ...]:
        """The agents whom the caller has talked to, the last one first. Raises StoreAway."""
        ...


class Callbacks(Protocol):
    """Wishes to be called back, and what came of them. Every verb raises StoreAway."""

    async def request(self, wish: CallbackWish, *, now: float) -> int:
        """Keep a wish; an open one of the same number and queue is replaced, its kept place taken over. Its id."""
        ...

    async def all_open(self, *, now: float) -> tuple[CallbackSeen, ...]:
        """The open wishes that may be dialled by now or are being carried out, in the order of their places."""
        ...

    async def find(self, callback_id: int, fence: int) -> CallbackSeen | None:
        """An open wish that still carries this fence."""
        ...

    async def claim(
        self, callback_id: int, fence: int, *, node: str, now: float, lease_s: float
    ) -> CallbackSeen | None:
        """Claim a waiting wish for one call; None when it has moved on, or its customer is being called already.

        The fence of the answer is the new one.
        """
        ...

    async def move(
        self, callback_id: int, fence: int, event: CallbackEvent, *, now: float, until: float | None = None
    ) -> bool:
        """What has happened to a wish; False, and nothing changed, once it has moved on or cannot move so.

        `until`: with HOLD and ACCEPT the end of the lease, with RETRY and POSTPONE the moment of the next call.
        """
        ...

    async def waiting(self, number: str, queue: str) -> CallbackSeen | None:
        """The wish of a number for a queue that nobody has called for yet."""
        ...

    async def came_back(self, number: str, queue: str, *, now: float) -> bool:
        """The customer called and reached an agent of that queue: an open wish is no longer needed."""
        ...


# --- other systems ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What a dip step asks of another system."""

    url: str
    method: str  #: get or post
    fields: Mapping[str, Any]
    retries: int


class Webhooks(Protocol):
    """Other systems, by HTTP."""

    async def ask(self, request: WebRequest, *, deadline_s: float) -> Mapping[str, Any]:
        """The JSON object of the answer. Raises DipFailed: not allowed, late, broken, or the circuit is open."""
        ...
