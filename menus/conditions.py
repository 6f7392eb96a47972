"""Conditions and expressions of a book in CEL, checked against the declared facts when the book is loaded.

The language: https://github.com/google/cel-spec (comparison, && || !, in, ?:, + - * / %, size(), .startsWith(),
.exists()). A fact that is not declared, a wrong type and a syntax error are found before any call.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel

from menus.given import gives
from menus.schema import (
    Callback,
    Collect,
    Dip,
    Goto,
    Menu,
    MenuBook,
    Route,
    Set,
)
from menus.values import ValueKind
from menus.yaml_shape import Loc

_BOOL, _INT, _STRING, _DOUBLE = cel.Type.BOOL, cel.Type.INT, cel.Type.STRING, cel.Type.DOUBLE
_STRINGS = cel.Type.List(_STRING)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that conditions may ask for."""

    type: Any
    meaning: str


#: What is known in every call. `menus.picture` fills it in; docs/menus.md lists it.
FACTS: Mapping[str, Fact] = {
    "customer.known": Fact(_BOOL, "exactly one customer has this number, or the caller was verified"),
    "customer.segment": Fact(_STRING, "mass, affluent, private, business, broker …; empty when not known"),
    "customer.value_yearly": Fact(_INT, "what the customer is worth in a year, in whole units"),
    "customer.churn_risk": Fact(_DOUBLE, "probability of leaving within a year"),
    "customer.years": Fact(_INT, "whole years as a customer"),
    "customer.products": Fact(_STRINGS, "kinds of product: current_account, savings, credit_card, loan …"),
    "customer.life_events": Fact(_STRINGS, "what happened within a year: moving_house, new_car, bereavement …"),
    "customer.card_expires_in_days": Fact(_INT, "days until a card expires; 9999 without one"),
    "customer.instalment_due_in_days": Fact(_INT, "days until an instalment is due; 9999 without one"),
    "customer.premium_due_in_days": Fact(_INT, "days until a premium is due; 9999 without one"),
    "customer.contract_ends_in_days": Fact(_INT, "days until a contract ends; 9999 without one"),
    "caller.number_known": Fact(_BOOL, "the call came with a number"),
    "caller.number": Fact(_STRING, "the number in full, +8613800000001; empty when withheld"),
    "caller.customers": Fact(_INT, "how many customers have this number"),
    "caller.verified": Fact(_BOOL, "the caller has proved in this call to be the customer"),
    "caller.wants_messages": Fact(_BOOL, "has not opted out of text messages"),
    "calendar.year": Fact(_INT, "the year"),
    "calendar.month": Fact(_INT, "1 to 12"),
    "calendar.day": Fact(_INT, "day of the month, 1 to 31"),
    "calendar.days_left": Fact(_INT, "days until the month ends; 0 on its last day"),
    "calendar.weekday": Fact(_INT, "1 Monday to 7 Sunday"),
    "calendar.hour": Fact(_INT, "0 to 23"),
    "calendar.minute": Fact(_INT, "0 to 59"),
    "calendar.date": Fact(_STRING, "2026-12-01"),
    "calendar.month_start": Fact(_BOOL, "the first five days of a month"),
    "calendar.holiday": Fact(_BOOL, "a public holiday of the calendar's country"),
    "calendar.special": Fact(_STRING, "what `special_days` calls this day; empty on others"),
    "call.dialled": Fact(_STRING, "the number that was dialled"),
    "call.entry": Fact(_STRING, "name of the entry that was dialled; empty for the book's own"),
    "call.campaign": Fact(_STRING, "the entry's campaign; empty without one"),
    "call.language": Fact(_STRING, "en, zh …"),
    "call.seconds": Fact(_INT, "since the call began"),
    "call.talked": Fact(_BOOL, "the caller has talked to an agent in this call"),
    "cases.open": Fact(_INT, "complaints of the customer being handled"),
    "cases.tier": Fact(_INT, "the highest tier among them; 0 without one"),
    "cases.overdue": Fact(_INT, "how many should have been answered by now"),
    "recent.calls_24h": Fact(_INT, "earlier calls of this number within 24 hours"),
    "recent.calls_7d": Fact(_INT, "earlier calls of this number within 7 days"),
    "recent.task_24h": Fact(_STRING, "task of the last call within 24 hours; empty without one"),
    "recent.same_task_7d": Fact(_INT, "how many calls within 7 days were about that same task"),
    "recent.missed_callback": Fact(_BOOL, "we called this number back of late and nobody answered"),
}

#: Of each queue that the book names, as queue.NAME.…
QUEUE_FACTS: Mapping[str, Fact] = {
    "waiting": Fact(_INT, "how many callers wait"),
    "longest_wait_s": Fact(_INT, "how long the first of them has waited, seconds"),
    "agents_ready": Fact(_INT, "how many agents who may serve it are ready"),
    "agents": Fact(_INT, "how many agents who may serve it are signed in"),
}

#: How many values of `set` steps may be worked out one from the other in a row.
MOST_BUILT_ON = 50

_CEL_OF: Mapping[ValueKind, Any] = {
    ValueKind.NUMBER: _INT,
    ValueKind.DIGITS: _STRING,
    ValueKind.MONEY: _INT,
    ValueKind.DATE: _STRING,
    ValueKind.TIME: _STRING,
    ValueKind.TEXT: _STRING,
    ValueKind.YES_NO: _BOOL,
}
_KIND_OF = {"INT": ValueKind.NUMBER, "STRING": ValueKind.TEXT, "BOOL": ValueKind.YES_NO}
#: `<input>:1:6: undeclared reference to 'hours.servce' (in container '')`
_COMPLAINT = re.compile(r"<input>:(?P<line>\d+):(?P<col>\d+): (?P<what>.+?)(?: \(in container ''\))?(?:\n|$)")
_VALUE = re.compile(r"\bvalues\.([a-z][a-z0-9_]*)")
_DOTTED = re.compile(r"\b[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")


class NotCel(Exception):
    """An expression that means nothing here; `line` and `col` from 1 within it."""

    def __init__(self, what: str, text: str, line: int, col: int) -> None:
        self.what, self.text, self.line, self.col = what, text, line, col
        written = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else text
        super().__init__(f"{what}\n    {written}\n    {' ' * (col - 1)}^")


def expressions_of(book: MenuBook) -> Iterator[tuple[Loc, str, bool]]:
    """Every expression of a book, where it stands, and whether it must be true or false."""
    for name, step in book.steps.items():
        loc: Loc = ("steps", name)
        if isinstance(step, Menu):
            for index, option in enumerate(step.options):
                for field in ("when", "promote_when"):
                    if (text := getattr(option, field)) is not None:
                        yield (*loc, "options", index, field), text, True
        elif isinstance(step, Goto):
            yield from (((*loc, "cases", index, "when"), case.when, True) for index, case in enumerate(step.cases))
        elif isinstance(step, Route):
            yield from (
                ((*loc, "ways", index, "when"), way.when, True) for index, way in enumerate(step.ways) if way.when
            )
        elif isinstance(step, Set):
            for field, entries in (("values", step.values), ("remember", step.remember)):
                yield from (((*loc, field, name), text, False) for name, text in entries.items())
        elif isinstance(step, Dip):
            yield from (((*loc, "send", name), text, False) for name, text in step.send.items())


def values_named(text: str) -> tuple[str, ...]:
    """The values that an expression names, each once, in the order in which they stand."""
    return tuple(dict.fromkeys(_VALUE.findall(text)))


def values_of(book: MenuBook) -> Mapping[str, frozenset[ValueKind]]:
    """Every value that a step of the book may give, with the kinds that it may have; `set` steps aside."""
    found: dict[str, set[ValueKind]] = {}
    for step in book.steps.values():
        if isinstance(step, Collect) and step.secret:
            continue
        for name, kind in gives(step).items():
            if kind is not None:
                found.setdefault(name, set()).add(kind)
    return {name: frozenset(kinds) for name, kinds in found.items()}


class Conditions:
    """The compiled expressions of one book. Those that mean nothing are in `faults`, by their place."""

    def __init__(self, book: MenuBook) -> None:
        self.faults: list[tuple[Loc, NotCel]] = []
        self.kinds: dict[str, ValueKind] = {}  #: of every value, what `set` steps give included
        types = {name: fact.type for name, fact in FACTS.items()}
        types |= {f"hours.{name}": _BOOL for name in book.calendar.hours}
        for step in book.steps.values():
            if isinstance(step, Route | Callback):
                types |= {f"queue.{step.queue}.{name}": fact.type for name, fact in QUEUE_FACTS.items()}
            if isinstance(step, Set):
                types |= {f"remembered.{name}": _STRING for name in step.remember}
        for name, kinds in values_of(book).items():
            kind = self.kinds[name] = min(kinds)
            types[f"values.{name}"] = _CEL_OF[kind]
            if kind is ValueKind.DATE:
                types[f"values.{name}_in_days"] = _INT
        self._compiled: dict[str, Any] = {}
        self._needs: dict[str, frozenset[str]] = {}
        self._declare(book, types)
        self._env = cel.NewEnv(variables=types)
        self.names: tuple[str, ...] = tuple(sorted(types))
        for loc, text, is_condition in expressions_of(book):
            try:
                self._compile(text, is_condition)
            except NotCel as wrong:
                self.faults.append((loc, wrong))

    def _declare(self, book: MenuBook, types: dict[str, Any]) -> None:
        """Add the values of `set` steps, each of which may build on others; what cannot be typed stays undeclared."""
        waiting = {name: text for step in book.steps.values() if isinstance(step, Set) for name, text in
                   step.values.items() if name not in self.kinds}  # fmt: skip
        for _ in range(MOST_BUILT_ON):
            env, done = cel.NewEnv(variables=types), []
            for name, text in waiting.items():
                try:
                    kind = _KIND_OF.get(env.compile(text).return_type().name())
                except RuntimeError:
                    continue
                if kind is not None:
                    self.kinds[name], types[f"values.{name}"] = kind, _CEL_OF[kind]
                    done.append(name)
            if not done:
                return
            waiting = {name: text for name, text in waiting.items() if name not in done}

    def _compile(self, text: str, is_condition: bool) -> None:
        if text not in self._compiled:
            try:
                self._compiled[text] = self._env.compile(text)
            except RuntimeError as refused:
                raise _told(str(refused), text) from None
            self._needs[text] = frozenset(_DOTTED.findall(text))
        type_ = self._compiled[text].return_type().name()
        if is_condition and type_ != "BOOL":
            raise NotCel(f"a condition is true or false; this is {type_}", text, 1, 1)
        if not is_condition and type_ not in _KIND_OF:
            raise NotCel(f"a value is a whole number, a text, or true or false; this is {type_}", text, 1, 1)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every expression that means something."""
        return tuple(self._compiled)

    def kind_of(self, text: str) -> ValueKind | None:
        """The kind of value that an expression comes to; None when it means nothing, or is no value."""
        compiled = self._compiled.get(text)
        return None if compiled is None else _KIND_OF.get(compiled.return_type().name())

    def needs(self, text: str) -> frozenset[str]:
        """The facts that an expression asks for, by their dotted names."""
        return self._needs[text]

    def holds(self, text: str, picture: Mapping[str, Any]) -> bool:
        """Whether a condition holds; one that cannot be worked out (a value that is not set) does not."""
        return self.value(text, picture) is True

    def value(self, text: str, picture: Mapping[str, Any]) -> bool | int | str | None:
        """What an expression comes to; None when it cannot be worked out (a value that is not set, / by 0)."""
        nothing = {name: "" for name in self._needs[text] if name.startswith("remembered.")}
        wanted = nothing | {name: picture[name] for name in self._needs[text] if name in picture}
        try:
            answer = self._compiled[text].eval(data=wanted)
        except RuntimeError:
            return None
        if answer.type() == cel.Type.ERROR:  # its value is a text that says what was missing
            return None
        found = answer.value()
        return found if isinstance(found, bool | int | str) else None


def _told(complaint: str, text: str) -> NotCel:
    found = _COMPLAINT.search(complaint)
    if found is None:
        return NotCel(" ".join(complaint.split()), text, 1, 1)
    return NotCel(found["what"], text, int(found["line"]), int(found["col"]))
