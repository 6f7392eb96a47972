"""One journey of a recorded call, arranged anew with another book or another ranker."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from menus.arrangement import Arrangement, Grounds, arrange, chances_of, visible
from menus.difference import renamed_steps
from menus.facts import MenuMemory
from menus.replay.journeys import Journey, Visit
from menus.replay.routes import Route, matching
from menus.replay.side import Side
from menus.schema import Menu, Option

Scorer = Callable[[Sequence[str]], Mapping[str, float]]  #: tasks → probabilities for this caller at that time


@dataclass(frozen=True, slots=True)
class KeyMoved:
    """The key that a caller pressed would now mean something else."""

    menu: str
    key: str
    option: str  #: what it meant
    now: str | None  #: what it means; None for nothing
    blind: bool  #: it was pressed before the option had been said


@dataclass(frozen=True, slots=True)
class MenuAnew:
    """One spoken menu, as it was and as it would be."""

    menu: str
    reordered: bool
    expected: tuple[float, float] | None  #: seconds until what is likely wanted was said; None when the menu is gone


@dataclass(frozen=True, slots=True)
class Anew:
    """What would have become of a journey."""

    menus: tuple[MenuAnew, ...]
    moved: tuple[KeyMoved, ...]
    route: Route | None  #: to the wish in the new book; None when it is nowhere
    deeper: int  #: menus that lie before it in addition
    actual: tuple[float, float] | None  #: seconds until the wish was said; None when a menu was not heard
    undecided: tuple[str, ...] = field(default=())  #: menu.option whose condition could not be asked


class Again:
    """Arranges journeys of calls on one old book anew."""

    def __init__(self, old: Side, new: Side) -> None:
        self._old, self._new = old, new
        self._renamed = renamed_steps(old.book, new.book)
        self.menus = frozenset(name for name, step in old.book.steps.items() if isinstance(step, Menu))

    def journey(self, journey: Journey, *, language: str, dnis: str, scorer: Scorer | None, fresh: bool) -> Anew:
        """What would have become of it. `fresh`: the scorer's word counts instead of the recorded scores.

        Callers of whom all is scored afresh are taken to be used to it: steadiness over calls holds nothing back.
        """
        return _One(self._old, self._new, self._renamed, journey, language, dnis, scorer, fresh).anew()


class _One:
    """One journey: what was arranged for it once is kept."""

    def __init__(
        self,
        old: Side,
        new: Side,
        renamed: Mapping[str, str],
        journey: Journey,
        language: str,
        dnis: str,
        scorer: Scorer | None,
        fresh: bool,
    ) -> None:
        self.old, self.new, self.renamed, self.journey = old, new, renamed, journey
        self.dnis, self.scorer, self.fresh = dnis, scorer, fresh
        self.records = {self.named(one.menu): one.record for one in journey.visits if one.record is not None}
        self.base: Mapping[str, Any] = next(iter(self.records.values()), {})
        last: Mapping[str, Any] = next(reversed(self.records.values()), {})
        self.language = str(last.get("language", language))  #: where no record tells it; a way may change it
        self.arranged: dict[str, tuple[Arrangement, Mapping[str, float]]] = {}
        self.undecided: dict[str, None] = {}

    def named(self, menu: str) -> str:
        return self.renamed.get(menu, menu)

    def spoken(self, record: Mapping[str, Any] | None) -> str:
        return str((record or {}).get("language", self.language))

    def anew(self) -> Anew:
        first, wish = self.journey.visits[0], self.journey.wish
        route, deeper = self.route(first, wish, len(self.journey.visits))
        actual = None
        if route is not None and all(one.record is not None for one in self.journey.visits):
            before_s = sum(self.before_s(one.record, one.option) for one in self.journey.visits if one.record)
            actual = before_s, self.route_s(route)
        return Anew(
            tuple(self.menus()), tuple(self.moved()), route, deeper, actual, tuple(self.undecided)
        )  # fmt: skip

    def route(self, start: Visit, wish: Visit, passed: int) -> tuple[Route | None, int]:
        """The way to a wish from a menu, else from the entry; and how many menus more than before."""
        language, menu = self.spoken(wish.record), self.named(start.menu)
        asked = (self.named(wish.menu), wish.option, wish.task, language)
        route = self.new.routes.to(menu, self.spoken(start.record), *asked) if self.new.menu(menu) else None
        if route is None:
            route = self.new.routes.to(self.new.book.begin_for(self.dnis), language, *asked)
            begin = self.old.book.begin_for(self.dnis)
            old = self.old.routes.to(begin, language, wish.menu, wish.option, wish.task, language)
            passed = len(old) if old is not None else passed
        return route, 0 if route is None else max(0, len(route) - passed)

    def menus(self) -> Iterator[MenuAnew]:
        """Every menu that was heard, as it would be."""
        for visit in self.journey.visits:
            if (record := visit.record) is None:
                continue
            if self.new.menu(self.named(visit.menu)) is None:
                yield MenuAnew(visit.menu, True, None)
                continue
            order = [option.id for option in self.arrangement(self.named(visit.menu))[0].order]
            yield MenuAnew(visit.menu, order != list(record["order"]), self.expected(visit, record))

    def expected(self, visit: Visit, record: Mapping[str, Any]) -> tuple[float, float] | None:
        """Seconds until what this caller probably wants was said; what is nowhere any more is left out of both."""
        menu = self.old.menu(visit.menu)
        if menu is None:
            return None
        offered = visible(menu, record["language"], frozenset(record["hidden"]))
        chances = chances_of(offered, record["scores"])
        total = before = after = 0.0
        for option in offered:
            wish = Visit(visit.menu, option.id, option.task, option.key, record)
            route, _ = self.route(visit, wish, 1)
            if route is not None:
                total += chances[option.id]
                before += chances[option.id] * self.before_s(record, option.id)
                after += chances[option.id] * self.route_s(route)
        return None if total <= 0 else (before / total, after / total)

    def moved(self) -> Iterator[KeyMoved]:
        """Keys that would now lead elsewhere."""
        for visit in self.journey.visits:
            menu = self.new.menu(self.named(visit.menu))
            if menu is None:
                continue
            arrangement, _ = self.arrangement(self.named(visit.menu))
            meant = {key: option for option, key in arrangement.keys.items()}
            same = matching(menu, visit.option, visit.task, self.spoken(visit.record), same_menu=True)
            now = meant.get(visit.key)
            if now is None or same is None or now != same.id:
                yield KeyMoved(visit.menu, visit.key, visit.option, now, self.blind(visit))

    def blind(self, visit: Visit) -> bool:
        """Whether the key was pressed before the option had been said."""
        if visit.record is None or visit.listened_s is None:
            return True
        return visit.listened_s < self.before_s(visit.record, visit.option)

    def before_s(self, record: Mapping[str, Any], option: str) -> float:
        """Seconds from the first word of a menu until the option was said, as the call heard it."""
        menu = self.old.menu(record["menu"])
        greeting_s = 0.0 if menu is None else self.greeting_s(self.old, menu, record)
        return greeting_s + _until(record["order"], option, self.seconds(record["menu"], record))

    def route_s(self, route: Route) -> float:
        """Seconds of listening along a way of the new book."""
        total = 0.0
        for name, option in route:
            menu = self.new.menu(name)
            assert menu is not None
            arrangement, seconds = self.arrangement(name)
            order = [one.id for one in arrangement.order]
            total += self.greeting_s(self.new, menu, self.records.get(name)) + _until(order, option, seconds)
            if option not in order:  # hidden from this caller at that time: as if it came last
                total += seconds.get(option, 0.0)
        return total

    def greeting_s(self, side: Side, menu: Menu, record: Mapping[str, Any] | None) -> float:
        return side.greeting_s(menu, self.spoken(record), again=bool((record or {}).get("again", False)))

    def seconds(self, name: str, record: Mapping[str, Any]) -> Mapping[str, float]:
        """How long each option took to say, by the same measure as the new book's."""
        menu = self.old.menu(name)
        known = {} if menu is None else {option.id: option for option in menu.options}
        return {
            option: self.old.option_s(name, known[option], self.spoken(record)) if option in known else seconds
            for option, seconds in record["seconds"].items()
        }

    def arrangement(self, name: str) -> tuple[Arrangement, Mapping[str, float]]:
        """A menu of the new book for this caller, with the seconds of its options."""
        if name not in self.arranged:
            menu = self.new.menu(name)
            assert menu is not None
            self.arranged[name] = self._arrange(name, menu, self.records.get(name))
        return self.arranged[name]

    def _arrange(
        self, name: str, menu: Menu, record: Mapping[str, Any] | None
    ) -> tuple[Arrangement, Mapping[str, float]]:
        language = self.spoken(record)
        seconds = {one.id: self.new.option_s(name, one, language) for one in menu.offered(language)}
        hidden, ruled = self._conditions(name, menu, record)
        scores, fresh = self._scores(visible(menu, language, hidden), menu, record)
        gate = menu.gate or self.new.book.gate
        kept = None if record is None else record["memory"]
        memory = None if kept is None else MenuMemory.from_json(kept)
        settled = None if record is None else record["settled"]
        if fresh:
            gate = gate.model_copy(update={"steady_calls": 1})
            memory, settled = memory if memory is not None and memory.frozen else None, None
        grounds = Grounds(
            language=language,
            scores=scores,
            seconds=seconds,
            hidden=hidden,
            ruled=ruled,
            segment=self.base.get("segment"),
            held_out=bool(self.base.get("held_out", False)),
            memory=memory,
            habit=None if settled is None else tuple(settled),
            known=bool(self.base.get("known", True)),
            drawn=() if record is None else tuple(record.get("drawn", ())),
        )
        return arrange(menu, gate, grounds), seconds

    def _scores(
        self, offered: Sequence[Option], menu: Menu, record: Mapping[str, Any] | None
    ) -> tuple[Mapping[str, float], bool]:
        """Probabilities of the tasks of a menu, and whether they are afresh."""
        if menu.order == "fixed":
            return {}, False
        tasks = list(dict.fromkeys(option.task for option in offered if option.task is not None))
        recorded: Mapping[str, float] = {} if record is None else record["scores"]
        covered = record is not None and (set(tasks) <= recorded.keys() or self._unknown(record))
        if self.scorer is not None and (self.fresh or not covered):
            return {task: round(score, 6) for task, score in self.scorer(tasks).items()}, True
        return {task: recorded[task] for task in tasks if task in recorded}, False

    def _unknown(self, record: Mapping[str, Any]) -> bool:
        """Whether nothing was known of the caller, so that there is nothing to score."""
        menu = self.old.menu(record["menu"])
        return not record["scores"] and menu is not None and menu.order == "personal"

    def _conditions(
        self, name: str, menu: Menu, record: Mapping[str, Any] | None
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Options hidden and ruled. What was not asked at that time is taken as offered and not ruled, and told."""
        before = {} if record is None else self._options(record["menu"])
        hidden, ruled = set[str](), set[str]()
        for option in menu.options:
            was = before.get(option.id)
            if option.when is not None and (was is None or was.when != option.when):
                self.undecided[f"{name}.{option.id}"] = None
            elif option.when is not None and record is not None and option.id in record["hidden"]:
                hidden.add(option.id)
            if option.promote_when is not None and (was is None or was.promote_when != option.promote_when):
                self.undecided[f"{name}.{option.id}"] = None
            elif option.promote_when is not None and record is not None and option.id in record["ruled"]:
                ruled.add(option.id)
        return frozenset(hidden), frozenset(ruled)

    def _options(self, name: str) -> Mapping[str, Option]:
        menu = self.old.menu(name)
        return {} if menu is None else {option.id: option for option in menu.options}


def _until(order: Sequence[str], wanted: str, seconds: Mapping[str, float]) -> float:
    said_s = 0.0
    for option in order:
        said_s += seconds.get(option, 0.0)
        if option == wanted:
            break
    return said_s
