"""The walk through a book: where a call stands, what came, where it goes. Pure; the table at the end says it all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from menus.errors import IllegalInput
from menus.outcomes import BROKEN_BOOK, GOODBYES, Outcome
from menus.schema import Goodbye, Invalid, Menu, MenuBook, NoInput, Option, Route, Say, SetLanguage, Step

_MOST_JSON_ITEMS = 1000  #: a position stored by us has far fewer; more is not ours


@dataclass(frozen=True, slots=True)
class Position:
    """Where a call stands in the book."""

    step: str
    language: str
    no_inputs: int = 0  #: silences in this menu since it was entered
    invalids: int = 0  #: wrong keys in this menu since it was entered
    visits: Mapping[str, int] = field(default_factory=dict)  #: menu → how often it was spoken, this time included
    trail: tuple[str, ...] = ()  #: menus on the way here, for the back key; the present one is not among them

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
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Position":
        """What `to_json` gave. Raises ValueError for anything else."""
        match dict(data):
            case {
                "step": str(step),
                "language": str(language),
                "no_inputs": int(no_inputs),
                "invalids": int(invalids),
                "visits": dict(visits),
                "trail": list(trail),
            } if len(visits) + len(trail) <= _MOST_JSON_ITEMS:
                numbers_fit = all(isinstance(count, int) for count in visits.values())
                if numbers_fit and all(isinstance(name, str) for name in [*visits, *trail]):
                    return cls(step, language, no_inputs, invalids, visits, tuple(trail))
        raise ValueError("this is not a position")


@dataclass(frozen=True, slots=True)
class Finished:
    """The step has done its work: said what it says, or the conversation is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A route step found nobody."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed a key: 0-9, * or #."""

    key: str


@dataclass(frozen=True, slots=True)
class NothingPressed:
    """The caller pressed nothing until the timeout."""


Input = Finished | Failed | Pressed | NothingPressed


class Verdict(StrEnum):
    """What an input came to."""

    CHOSEN = "chosen"  # an option
    NO_INPUT = "no_input"  # silence; the menu is offered again
    INVALID = "invalid"  # a wrong key; the menu is offered again
    REPEATED = "repeated"  # the caller asked to hear it again
    BACK = "back"  # to the menu before
    WENT_ON = "went_on"  # the step was finished
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


def enter(book: MenuBook, language: str | None = None) -> Position:
    """Where a call begins. A language that the book does not speak becomes its first."""
    spoken = language if language in book.languages else book.languages[0]
    return _arrive(book, Position(book.entry, spoken), book.entry)


def resume(book: MenuBook, data: Mapping[str, Any] | None, language: str | None = None) -> Position:
    """Where a call goes on that comes back; at the beginning when its position means nothing in this book."""
    try:
        position = Position.from_json(data or {})
    except ValueError:
        return enter(book, language)
    known = position.step in book.steps and position.language in book.languages
    return position if known else enter(book, language or position.language)


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
    """The position after going to a step; language steps are passed through at once."""
    language = position.language
    for _ in book.steps:  # a loop of language steps alone is refused by the rules; here it ends all the same
        step = book.steps.get(name)
        if not isinstance(step, SetLanguage):
            break
        name, language = step.then, step.language
    if trail is None:
        here = (position.step,) if isinstance(book.steps.get(position.step), Menu) else ()
        trail = (*position.trail, *here)
    if name in trail:  # coming round again is not going deeper
        trail = trail[: trail.index(name)]
    visits = dict(position.visits)
    if isinstance(book.steps.get(name), Menu):
        visits[name] = visits.get(name, 0) + 1
    return Position(name, language, visits=visits, trail=trail)


def _went_on(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(_arrive(book, position, step.then), Verdict.WENT_ON)


def _nobody(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(_arrive(book, position, step.otherwise), Verdict.GAVE_UP)


def _left_queue(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    if came.key == book.back_key and position.trail:
        return _back(book, position)
    return Move(position, Verdict.REPEATED)


def _back(book: MenuBook, position: Position) -> Move:
    return Move(_arrive(book, position, position.trail[-1], trail=position.trail[:-1]), Verdict.BACK)


def _ended(book: MenuBook, position: Position, step: Any, came: Input) -> Move:
    return Move(None, Verdict.ENDED, outcome=GOODBYES[step.because])


def _pressed(book: MenuBook, position: Position, step: Any, came: Any) -> Move:
    for option in step.offered(position.language):
        if option.key == came.key:
            return Move(_arrive(book, position, option.then), Verdict.CHOSEN, option=option)
    if came.key == book.repeat_key or (came.key == book.back_key and not position.trail):
        return Move(_again(position), Verdict.REPEATED)
    if came.key == book.back_key:
        return _back(book, position)
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


#: What a step does with an input; any other pair is refused. Language steps are never stood on (see _arrive).
MOVES: dict[tuple[type[Step], type[Input]], Callable[[MenuBook, Position, Any, Any], Move]] = {
    (Say, Finished): _went_on,
    (Route, Finished): _went_on,
    (Route, Failed): _nobody,
    (Route, Pressed): _left_queue,
    (Goodbye, Finished): _ended,
    (Menu, Pressed): _pressed,
    (Menu, NothingPressed): _silent,
}
