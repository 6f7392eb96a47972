"""Scenario files → scenarios with their places, or every fault of every file with its line."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.queues import Queue
from ivr.rehearsal.schema import Agent, Caller, Scenario, ScenarioFile, Step
from ivr.rehearsal.words import fault_of
from menus.conditions import Conditions
from menus.schema import Dip, Menu, MenuBook
from menus.yaml_shape import close_match
from menus.yaml_source import MOST_BYTES, Fault, Faults, Node, build, parse
from routing.call import ENDINGS, Reason, Result

#: Of a caller who is no customer.
_OF_A_NUMBER = frozenset({"number", "recent_calls", "missed_callback", "opted_out", "remembers"})

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A scenario with all that its file says besides."""

    file: str
    line: int
    scenario: Scenario
    lines: tuple[int, ...]  #: of each step
    callers: Mapping[str, Caller] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return self.callers[self.scenario.caller] if self.scenario.caller else Caller()


def files_in(places: Iterable[Path]) -> list[Path]:
    """The scenario files of these files and folders. Raises Faults when there is none in a place."""
    found: list[Path] = []
    faults: list[Fault] = []
    for place in places:
        inside = sorted(place.glob("*.y*ml")) if place.is_dir() else [place]
        if not inside or not place.exists():
            what = "there is no such file or folder" if not place.exists() else "no file here ends in .yaml"
            faults.append(Fault(str(place), 1, 1, "no-files", what))
        found += inside
    if faults:
        raise Faults(faults)
    return list(dict.fromkeys(found))


def load(paths: Iterable[Path], book: MenuBook, queues: Mapping[str, Queue]) -> list[Part]:
    """Every scenario of these files. Raises Faults with everything that is wrong in any of them."""
    faults: list[Fault] = []
    found: list[Part] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                text = file.read(MOST_BYTES + 1).decode("utf-8-sig")
            found += parsed(text, str(path), book, queues)
        except OSError as fault:
            faults.append(Fault(str(path), 1, 1, "unreadable", f"the file cannot be read: {fault.strerror}"))
        except UnicodeDecodeError:
            faults.append(Fault(str(path), 1, 1, "not-utf8", "this is not UTF-8; save the file as UTF-8"))
        except Faults as wrong:
            faults += wrong.faults
    if faults:
        raise Faults(faults)
    return found


def parsed(text: str, file: str, book: MenuBook, queues: Mapping[str, Queue]) -> list[Part]:
    """Every scenario of this text. Raises Faults with everything that is wrong in it."""
    root, faults = parse(text, file)
    whole, more = build(root, ScenarioFile) if root else (None, [])
    if whole is None or root is None or faults or more:
        raise Faults([*faults, *more])
    wrong = [root.at(loc).fault(code, message) for loc, code, message in _Rules(book, queues, whole).broken()]
    if wrong:
        raise Faults(wrong)
    return [
        Part(
            file,
            root.at(("scenarios", index)).line,
            scenario,
            tuple(_line(root, ("scenarios", index, "steps", place)) for place in range(len(scenario.steps))),
            whole.callers,
            whole.agents,
        )
        for index, scenario in enumerate(whole.scenarios)
    ]


def _line(root: Node, loc: Loc) -> int:
    return root.at(loc).line


class _Rules:
    """What a scenario may name: only what its book, its queues and its own file have."""

    def __init__(self, book: MenuBook, queues: Mapping[str, Queue], file: ScenarioFile) -> None:
        self.book, self.queues, self.file = book, queues, file
        menus = [step for step in book.steps.values() if isinstance(step, Menu)]
        self.options = {option.id for menu in menus for option in menu.options}
        self.values = Conditions(book).kinds
        self.dips = {step.url for step in book.steps.values() if isinstance(step, Dip)}

    def broken(self) -> Iterator[tuple[Loc, str, str]]:
        """Where, code, message."""
        for name, caller in self.file.callers.items():
            yield from self._caller(("callers", name), caller)
        names: dict[str, int] = {}
        for index, scenario in enumerate(self.file.scenarios):
            loc: Loc = ("scenarios", index)
            if scenario.name in names:
                yield (*loc, "name"), "clash", f"scenario {names[scenario.name] + 1} of this file has that name too"
            names[scenario.name] = index
            yield from self._scenario(loc, scenario)
            for place, step in enumerate(scenario.steps):
                yield from self._step((*loc, "steps", place), step, scenario)

    def _caller(self, loc: Loc, caller: Caller) -> Iterator[tuple[Loc, str, str]]:
        if caller.name is None and (more := sorted(caller.model_fields_set - _OF_A_NUMBER)):
            yield (*loc, more[0]), "no-customer", f"{more[0]} belongs to a customer: give this caller a name"
        yield from self._known((*loc, "language"), caller.language, self.book.languages, "language of the book")
        for index, habit in enumerate(caller.habits):
            yield from self._known((*loc, "habits", index, "task"), habit.task, self.book.tasks, "task of the book")

    def _scenario(self, loc: Loc, scenario: Scenario) -> Iterator[tuple[Loc, str, str]]:
        yield from self._known((*loc, "caller"), scenario.caller, self.file.callers, "caller of this file")
        yield from self._known((*loc, "lang"), scenario.lang, self.book.languages, "language of the book")
        if not scenario.steps:
            yield loc, "missing", "this scenario has no steps, so nothing can go wrong in it"
        for index, name in enumerate(scenario.agents if isinstance(scenario.agents, tuple) else ()):
            yield from self._known((*loc, "agents", index), name, self.agents, "agent of this file")
        for address in scenario.dips:
            yield from self._known((*loc, "dips", address), address, self.dips, "address of a dip step")

    def _step(self, loc: Loc, step: Step, scenario: Scenario) -> Iterator[tuple[Loc, str, str]]:
        for key in ("hears", "next", "never_hears", "while"):
            written = getattr(step, "while_" if key == "while" else key)
            if written is not None and (wrong := fault_of(self.book, written)):
                yield (*loc, key), "unknown-prompt", wrong
        if step.reaches is not None:
            queue, _, agent = step.reaches.partition("/")
            yield from self._known((*loc, "reaches"), queue, self.queues, "queue")
            there = self.agents if scenario.agents is None else scenario.agents if scenario.agents != "none" else ()
            yield from self._known((*loc, "reaches"), agent or None, there, "agent of this scenario")
        yield from self._known((*loc, "callback"), step.callback, self.queues, "queue")
        yield from self._known((*loc, "first_option"), step.first_option, self.options, "option")
        for index, option in enumerate(step.options or ()):
            yield from self._known((*loc, "options", index), option, self.options, "option")
        for name in step.value or {}:
            yield from self._known((*loc, "value", name), name, self.values, "value that a step of the book gives")
        if step.ends is not None:
            result, _, reason = step.ends.partition("/")
            yield from self._known((*loc, "ends"), result, [one.value for one in Result], "result of a call")
            if reason and result in {one.value for one in Result}:
                endings = ENDINGS[Result(result)]
                known = [one.value for one in Reason if one in endings]
                yield from self._known((*loc, "ends"), reason, known, f"reason of {result}")

    @property
    def agents(self) -> Collection[str]:
        """Names of everybody who may take calls."""
        return self.file.agents or (ANYBODY,)

    def _known(self, loc: Loc, name: Any, known: Collection[str], what: str) -> Iterator[tuple[Loc, str, str]]:
        if name is not None and name not in known:
            listed = f"; known are {', '.join(sorted(known))}" if known and len(known) <= 12 else ""
            yield loc, "unknown-name", f"no {what} is called {name!r}{close_match(str(name), known) or listed}"


#: The agent of a file that names none: can everything.
ANYBODY = "anybody"
