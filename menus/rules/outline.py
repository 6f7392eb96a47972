"""A book and what several rules ask of it, each worked out once, so that checking stays linear."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from menus.conditions import Conditions
from menus.hours import Hours
from menus.prompt_text import Slot, slots
from menus.rules.finding import MOST_FINDINGS, Loc
from menus.rules.places import loc_of
from menus.schema import Callback, Menu, MenuBook, OpenCase, Record, Route, Transact, Transfer

#: Steps that bring a caller to a person, or take down what a person will hear.
HELPS = (Route, Transfer, Callback, Record, OpenCase)


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a step that exists, to one that exists."""

    where: str  #: as in `Step.exits`
    to: str

    @property
    def loc(self) -> Loc:
        """Its place within the step."""
        return loc_of(self.where)


class Outline:
    """What the rules look at. Ways to steps that do not exist are left out; `names.unknown_steps` tells of them."""

    def __init__(self, book: MenuBook) -> None:
        self.book = book
        self._slots: dict[str, frozenset[Slot]] = {}

    @cached_property
    def exits(self) -> Mapping[str, tuple[Exit, ...]]:
        """Every way out of every step."""
        steps = self.book.steps
        return {
            name: tuple(Exit(where, to) for where, to in step.exits().items() if to in steps)
            for name, step in steps.items()
        }

    @cached_property
    def before(self) -> Mapping[str, tuple[str, ...]]:
        """Every step and those that lead to it."""
        found: dict[str, list[str]] = {name: [] for name in self.book.steps}
        for name, exits in self.exits.items():
            for way in exits:
                found[way.to].append(name)
        return {name: tuple(dict.fromkeys(names)) for name, names in found.items()}

    @cached_property
    def beginnings(self) -> tuple[tuple[Loc, str], ...]:
        """Where calls begin: the place that says so, and the step."""
        found: list[tuple[Loc, str]] = [(("entry",), self.book.entry)]
        found += [(("entries", name, "then"), entry.then) for name, entry in self.book.entries.items()]
        return tuple((loc, step) for loc, step in found if step in self.book.steps)

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """Every step that the book is entered at: where calls begin, and where a call goes on whom we called back."""
        part = self.book.calling_back
        back = [part.then, part.otherwise] if part is not None else []
        return tuple(
            dict.fromkeys([step for _, step in self.beginnings] + [to for to in back if to in self.book.steps])
        )

    @cached_property
    def menus(self) -> Mapping[str, Menu]:
        """Every menu by name."""
        return {name: step for name, step in self.book.steps.items() if isinstance(step, Menu)}

    @cached_property
    def conditions(self) -> Conditions:
        """The compiled conditions."""
        return Conditions(self.book)

    @cached_property
    def hours(self) -> Hours:
        """The calendar."""
        return Hours(self.book.calendar, self.book.zone)

    def slots_of(self, text: str) -> frozenset[Slot]:
        """The slots of a text."""
        if "{" not in text:
            return frozenset()
        if text not in self._slots:
            self._slots[text] = slots(text)
        return self._slots[text]

    def slots_in(self, texts: Mapping[str, str]) -> frozenset[Slot]:
        """The slots of a text in any of its languages."""
        return frozenset().union(*map(self.slots_of, texts.values()))

    def from_steps(self, starts: Iterable[str], stop: frozenset[str] = frozenset()) -> dict[str, None]:
        """Every step that can be come to from these, in that order; nothing behind a step at which it stops."""
        found = dict.fromkeys(starts)
        waiting = deque(found)
        while waiting:
            name = waiting.popleft()
            if name in stop:
                continue
            for way in self.exits[name]:
                if way.to not in found:
                    found[way.to] = None
                    waiting.append(way.to)
        return found

    @cached_property
    def reached(self) -> dict[str, None]:
        """Every step that a call can come to."""
        return self.from_steps(self.starts)

    @cached_property
    def helping(self) -> frozenset[str]:
        """The steps that bring a caller to a person or take down what one will hear."""
        return frozenset(name for name, step in self.book.steps.items() if isinstance(step, HELPS))

    @cached_property
    def top_menus(self) -> Mapping[str, Loc]:
        """Every menu that some call comes to before any other menu, a person or a recording; and where it begins."""
        found: dict[str, Loc] = {}
        for loc, start in self.beginnings:
            for name in self.from_steps([start], stop=self.helping | self.menus.keys()):
                if name in self.menus:
                    found.setdefault(name, loc)
        return found

    def depths(self, starts: Iterable[str]) -> dict[str, int]:
        """Every step that callers look for and the fewest menus on the way, itself not among them.

        Behind a step that has done something for the caller, a menu is a new question and not a deeper one.
        """
        found = dict.fromkeys(starts, 0)
        waiting = deque(found)
        while waiting:
            name = waiting.popleft()
            if isinstance(self.book.steps[name], (*HELPS, Transact)):
                continue
            cost = int(name in self.menus)
            for way in self.exits[name]:
                depth = found[name] + cost
                if way.to not in found or depth < found[way.to]:
                    found[way.to] = depth
                    waiting.append(way.to) if cost else waiting.appendleft(way.to)
        return found


def rounds(ways: Mapping[str, tuple[Exit, ...]]) -> Iterator[tuple[str, Exit, list[str]]]:
    """The ways that close a round: the step that it leaves, the way, and the steps of the round; the first of many."""
    return islice(_rounds(ways), MOST_FINDINGS)


def _rounds(ways: Mapping[str, tuple[Exit, ...]]) -> Iterator[tuple[str, Exit, list[str]]]:
    done: set[str] = set()
    for start in ways:
        if start in done:
            continue
        trail: dict[str, Iterator[Exit]] = {start: iter(ways[start])}
        while trail:
            name = next(reversed(trail))
            way = next(trail[name], None)
            if way is None:
                done.add(name)
                trail.popitem()
            elif way.to in trail:
                steps = list(trail)
                yield name, way, [*steps[steps.index(way.to) :], way.to]
            elif way.to not in done:
                trail[way.to] = iter(ways.get(way.to, ()))
