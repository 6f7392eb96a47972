"""The walk through a book: where a call stands, what came, where it goes. Pure; the table at the end says it all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from menus.errors import IllegalInput
from menus.facts import MenuHeard
from menus.outcomes import BROKEN_BOOK, GOODBYES, Outcome
from menus.schema import (
    Callback,
    Collect,
    Dip,
    Goodbye,
    Goto,
    Invalid,
    Matters,
    Menu,
    MenuBook,
    NoInput,
    OpenCase,
    Option,
    Record,
    Route,
    Say,
    Send,
    Set,
    SetLanguage,
    Step,
    Survey,
    Transact,
    Transfer,
    Verify,
)
from menus.values import Value, from_json, to_json

_MOST_JSON_ITEMS = 1000  #: a position stored by us has far fewer; more is not ours


@dataclass(frozen=True, slots=True)
class Position:
    """Where a call stands in the book, and what it has gathered on the way."""

    step: str
    language: str
    no_inputs: int = 0  #: silences in this menu since it was entered
    invalids: int = 0  #: wrong keys in this menu since it was entered
    visits: Mapping[str, int] = field(
        default_factory=dict
    )  #: menu → how often it was spoken, this time included; message, record, survey → how often it was entered
    trail: tuple[str, ...] = ()  #: menus on the way here, for the back key; the present one is not among them
    values: Mapping[str, Value] = field(default_factory=dict)  #: of the call; never a secret
    verified_as: int | None = None  #: id of the customer whom the caller has proved to be
    orders: int = 0  #: transactions begun and ended so far; part of the next one's idempotency key
    menus: Mapping[str, MenuHeard] = field(default_factory=dict)  #: personal menus as this call heard them

    @property
    def visit(self) -> str:
        """Name of this visit to this step, the same after another engine took the call over."""
        return f"{self.step}-{self.visits.get(self.step, 1)}"

    @property
    def again(self) -> bool:
        """Whether this menu was spoken before in this call."""
        return self.visits.get(self.step, 0) > 1

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the record of the call."""
        return {
            "step": self.step,
            "language": self.language,
            "no_inputs": self.no_inputs,
            "invalids": self.invalids,
            "visits": dict(self.visits),
            "trail": list(self.trail),
            "values": {name: to_json(value) for name, value in self.values.items()},
            "verified_as": self.verified_as,
            "orders": self.orders,
            "menus": {name: heard.to_json() for name, heard in self.menus.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Position":
        """What `to_json` gave. Raises ValueError for anything else."""
        match {"values": {}, "verified_as": None, "orders": 0, "menus": {}, **data}:
            case {
                "step": str(step),
                "language": str(language),
                "no_inputs": int(no_inputs),
                "invalids": int(invalids),
                "visits": dict(visits),
                "trail": list(trail),
                "values": dict(kept),
                "verified_as": int() | None as verified_as,
                "orders": int(orders),
                "menus": dict(menus),
            } if len(visits) + len(trail) + len(kept) + len(menus) <= _MOST_JSON_ITEMS:
                numbers_fit = all(isinstance(count, int) for count in visits.values())
                if numbers_fit and all(isinstance(name, str) for name in [*visits, *trail, *kept, *menus]):
                    return cls(
                        step,
                        language,
                        no_inputs,
                        invalids,
                        visits,
                        tuple(trail),
                        {name: from_json(value) for name, value in kept.items()},
                        verified_as,
                        orders,
                        {name: MenuHeard.from_json(heard) for name, heard in menus.items()},
                    )
        raise ValueError("this is not a position")


@dataclass(frozen=True, slots=True)
class Finished:
    """The step has done its work: said what it says, or the conversation is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A route step found nobody."""

    values: Mapping[str, Value] = field(default_factory=dict)  #: what it leaves to the steps that follow


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed a key: 0-9, * or #."""

    key: str
    offers: Mapping[str, str] | None = None  #: key → option id as offered to this caller; None = as the book has it


@dataclass(frozen=True, slots=True)
class NothingPressed:
    """The caller pressed nothing until the timeout."""


@dataclass(frozen=True, slots=True)
class Left:
    """The step was left by one of its exits."""

    by: str = "then"  #: as in `Step.exits`: then, otherwise, cases.0.then …
    values: Mapping[str, Value] = field(default_factory=dict)  #: what the step found out
    verified_as: int | None = None  #: the caller has just proved to be this customer
    to: str | None = None  #: a step that the book does not name here: where an earlier call was


Input = Finished | Failed | Pressed | NothingPressed | Left


class Verdict(StrEnum):
    """What an input came to."""

    CHOSEN = "chosen"  # an option
    NO_INPUT = "no_input"  # silence; the menu is offered again
    INVALID = "invalid"  # a wrong key; the menu is offered again
    REPEATED = "repeated"  # the caller asked to hear it again
    BACK = "back"  # to the menu before
    WENT_ON = "went_on"  # the step was finished
    FROZEN = "frozen"  # the caller wants the menus to stay as they are, or to change again
    GAVE_UP = "gave_up"  # too many silences or wrong keys, or nobody came
    ENDED = "ended"  # the book ends the call


@dataclass(frozen=True, slots=True)
class Move:
    """What follows an input."""

    position: Position | None  #: None when the call ends
    verdict: Verdict
    say: tuple[str, ...] = ()  #: prompts to say before the next step begins
    option: Option | None = None  #: the chosen one
    outcome: Outcome | None = None  #: how the call ends, when position is None


def enter(book: MenuBook, language: str | None = None, dnis: str = "", *, at: str | None = None) -> Position:
    """Where a call to this number begins. A language that the book does not speak becomes the entry's, or the first.

    `at`: the step that a call begins with which we made.
    """
    entry = book.entries.get(book.entry_for(dnis))
    spoken = language if language in book.languages else (entry.language if entry else None) or book.languages[0]
    begin = at or book.begin_for(dnis)
    return _arrive(book, Position(begin, spoken), begin)


def resume(book: MenuBook, data: Mapping[str, Any] | None, language: str | None = None, dnis: str = "") -> Position:
    """Where a call goes on that comes back; at the beginning when its position means nothing in this book."""
    try:
        position = Position.from_json(data or {})
    except ValueError:
        return enter(book, language, dnis)
    known = position.step in book.steps and position.language in book.languages
    return position if known else enter(book, language or position.language, dnis)


def follow(book: MenuBook, position: Position, came: Input) -> Move:
    """What comes of an input at this position. Raises IllegalInput for an input that the step does not take."""
    step = book.steps.get(position.step)
    if step is None:
        return Move(None, Verdict.ENDED, outcome=BROKEN_BOOK)
    move = MOVES.get((type(step), type(came)))
    if move is None:
        raise IllegalInput(f"{position.step}: a {step.kind} step does not take {came}")
    return move(book, position, step, came)


def _arrive(book: MenuBook, position: Position, name: str, *, trail: tuple[str, ...] | None = None) -> Position:
    """The position after going to a step."""
    if trail is None:
        here = (position.step,) if isinstance(book.steps.get(position.step), Menu) else ()
        trail = (*position.trail, *here)
    if name in trail:  # coming round again is not going deeper
        trail = trail[: trail.index(name)]
    visits = dict(position.visits)
    if isinstance(book.steps.get(name), _COUNTED):
        visits[name] = visits.get(name, 0) + 1
    return replace(position, step=name, no_inputs=0, invalids=0, visits=visits, trail=trail)


def _went_on(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(_arrive(book, position, step.then), Verdict.WENT_ON)


def _spoke_on(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(_arrive(book, replace(position, language=step.language), step.then), Verdict.WENT_ON)


def _left(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    target = came.to if came.to in book.steps else step.exits().get(came.by)
    if target is None:
        raise IllegalInput(f"{position.step}: a {step.kind} step has no way out called {came.by!r}")
    found = replace(
        position,
        values={**position.values, **came.values},
        verified_as=position.verified_as if came.verified_as is None else came.verified_as,
        orders=position.orders + isinstance(step, Transact),
    )
    return Move(_arrive(book, found, target), Verdict.WENT_ON)


def _nobody(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    left = replace(position, values={**position.values, **came.values})
    return Move(_arrive(book, left, step.otherwise), Verdict.GAVE_UP)


def _asked_back(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    if came.key == book.back_key and position.trail:
        return _back(book, position)
    return Move(position, Verdict.REPEATED)


def _back(book: MenuBook, position: Position) -> Move:
    return Move(_arrive(book, position, position.trail[-1], trail=position.trail[:-1]), Verdict.BACK)


def _ended(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(None, Verdict.ENDED, outcome=GOODBYES[step.because])


def _pressed(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    offered = step.offered(position.language)
    offers = came.offers if came.offers is not None else {option.key: option.id for option in offered}
    for option in offered:
        if offers.get(came.key) == option.id:
            return Move(_arrive(book, position, option.then), Verdict.CHOSEN, option=option)
    if came.key == book.repeat_key or (came.key == book.back_key and not position.trail):
        return Move(_again(position), Verdict.REPEATED)
    if came.key == book.back_key:
        return _back(book, position)
    if came.key == book.freeze_key:
        return Move(_again(position), Verdict.FROZEN)
    count = position.invalids + 1
    return _asked_again(book, replace(position, invalids=count), step.invalid, count, Verdict.INVALID)


def _silent(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    count = position.no_inputs + 1
    return _asked_again(book, replace(position, no_inputs=count), step.no_input, count, Verdict.NO_INPUT)


def _asked_again(book: MenuBook, position: Position, rule: NoInput | Invalid, count: int, verdict: Verdict) -> Move:
    if count >= rule.tries:
        return Move(_arrive(book, position, rule.then), Verdict.GAVE_UP)
    return Move(_again(position), verdict, say=(rule.prompts[min(count, len(rule.prompts)) - 1],))


def _again(position: Position) -> Position:
    visits = {**position.visits, position.step: position.visits.get(position.step, 0) + 1}
    return replace(position, visits=visits)


#: Kinds of step whose visits are counted: how a menu is spoken depends on it, and what is done once per visit.
_COUNTED: tuple[type[Step], ...] = (Menu, Send, Record, Survey)

#: Kinds of step that carry out their own dialogue and say by which exit they were left.
_OWN_DIALOGUE: tuple[type[Step], ...] = (
    Goto, Set, Collect, Verify, Transact, Send, Record, OpenCase, Callback, Survey, Matters, Transfer, Dip
)  # fmt: skip

#: What a step does with an input; any other pair is refused.
MOVES: dict[tuple[type[Step], type[Input]], Callable[[MenuBook, Position, Any, Any], Move]] = {
    (Say, Finished): _went_on,
    (SetLanguage, Finished): _spoke_on,
    (Route, Finished): _went_on,
    (Route, Failed): _nobody,
    (Route, Pressed): _asked_back,
    (Collect, Pressed): _asked_back,
    (Verify, Pressed): _asked_back,
    (Route, Left): _left,
    (Goodbye, Finished): _ended,
    (Menu, Pressed): _pressed,
    (Menu, NothingPressed): _silent,
    **{(kind, Left): _left for kind in _OWN_DIALOGUE},
}
