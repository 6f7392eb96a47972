"""Calls, one after the other, a caller's calls together → the report: personal against static, with intervals.

Callers are compared as they were assigned, not by what they heard: a caller with the personal order for whom nothing
was promoted counts as personal (intention to treat). Memory grows with menus, segments and languages, not with calls.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from menus.evaluation.figures import FIGURES, SWITCH, Figure, Unit, of_call, of_visit
from menus.evaluation.intervals import REPETITIONS, Floats, Interval, newcombe, percentiles, weights_of, wilson
from menus.evaluation.visits import RecordedCall, Visit, visits_of
from menus.trial import Held

#: With fewer callers than this on either side nothing is said of a difference.
LEAST_CALLERS = 20
_PLACES = {figure.name: place for place, figure in enumerate(FIGURES)}


class Arm(StrEnum):
    """What callers are compared."""

    PERSONAL = "personal"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class Group:
    """Of whom a part of the report tells."""

    kind: str  #: all, menu, segment, language
    name: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of one arm."""

    value: float
    interval: Interval | None
    of: int  #: visits or calls
    callers: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a figure differs: the first less the second."""

    value: float
    interval: Interval | None  #: None when there are too few callers to tell

    @property
    def told(self) -> int:
        """-1 when it is lower for certain, 1 when higher, 0 when that cannot be told."""
        if self.interval is None:
            return 0
        return 1 if self.interval.low > 0 else -1 if self.interval.high < 0 else 0

    @property
    def is_none(self) -> bool:
        """Whether there is none at all, however the callers are drawn: what is due by the book is the same for all."""
        return self.interval is not None and max(abs(self.interval.low), abs(self.interval.high)) < 1e-9


@dataclass(frozen=True, slots=True)
class ArmTold:
    """One arm of a group."""

    calls: int
    callers: int
    values: dict[str, Value]
    switch: Difference | None  #: trouble where the order had moved, less where it had stayed


@dataclass(frozen=True, slots=True)
class GroupTold:
    """One part of the report."""

    group: Group
    arms: dict[Arm, ArmTold]
    differences: dict[str, Difference]  #: personal less static


@dataclass(frozen=True, slots=True)
class Report:
    """What the calls say."""

    calls: int  #: with a personal menu that was heard, of callers with a number
    callers: int
    without_number: int  #: calls, compared with nobody
    without_menu: int  #: calls in which no personal menu was heard
    static_because: dict[str, int]  #: calls with the static order, by its reason
    groups: tuple[GroupTold, ...]


@dataclass(slots=True)
class _Sums:
    """Sums of one arm of a group."""

    totals: Floats = field(default_factory=lambda: np.zeros((len(FIGURES), 2)))  # sum, of how many
    repeated: Floats = field(default_factory=lambda: np.zeros((len(FIGURES) * 2, REPETITIONS)))
    callers_of: Floats = field(default_factory=lambda: np.zeros(len(FIGURES)))
    calls: int = 0
    callers: int = 0


@dataclass(slots=True)
class _Mine:
    """What the present caller adds to one arm of a group."""

    sums: Floats = field(default_factory=lambda: np.zeros((len(FIGURES), 2)))
    calls: int = 0

    def add(self, name: str, value: float) -> None:
        self.sums[_PLACES[name]] += (value, 1.0)


class Evaluation:
    """Takes calls, a caller's together and oldest first, and tells what they say."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[Group, Arm], _Sums] = defaultdict(_Sums)
        self._mine: defaultdict[tuple[Group, Arm], _Mine] = defaultdict(_Mine)
        self._caller: str | None = None
        self._promoted: dict[str, tuple[str, ...]] = {}  # menu → what was promoted in the caller's last call
        self._because: Counter[str] = Counter()
        self._calls = self._callers = self._without_menu = 0

    def add(self, call: RecordedCall) -> None:
        """Take in one call."""
        if call.caller != self._caller:
            self._close()
            self._caller = call.caller
        visits = [visit for visit in visits_of(call) if visit.held != Held.NOBODY]
        if not visits:
            self._without_menu += 1
            return
        self._calls += 1
        arm = _arm(visits[0])
        if arm is Arm.STATIC:
            self._because[visits[0].held or ""] += 1
        before, seen = dict(self._promoted), set[str]()
        for visit in visits:
            moved = None
            if visit.menu not in seen:  # later in the call they know it already
                seen.add(visit.menu)
                if visit.menu in before:
                    moved = before[visit.menu] != visit.promoted
                self._promoted[visit.menu] = visit.promoted
            for group in _groups(visit):
                for name, value in of_visit(visit, moved):
                    self._mine[group, _arm(visit)].add(name, value)
        # A call may come to several menus and, once verified, to another segment: it counts once for each.
        for group in dict.fromkeys(group for visit in visits for group in _groups(visit)):
            mine = self._mine[group, arm]
            mine.calls += 1
            for name, value in of_call(call).items():
                mine.add(name, value)

    def told(self, *, without_number: int = 0) -> Report:
        """What the calls say."""
        self._close()
        order = {"all": 0, "menu": 1, "segment": 2, "language": 3}
        groups = sorted({group for group, _ in self._sums}, key=lambda group: (order[group.kind], group.name))
        return Report(
            self._calls,
            self._callers,
            without_number,
            self._without_menu,
            dict(sorted(self._because.items())),
            tuple(self._group(group) for group in groups),
        )

    def _close(self) -> None:
        """Add what the present caller did; whoever comes next is another one."""
        if self._mine and self._caller is not None:
            self._callers += 1
            weights = weights_of(self._caller)
            for key, mine in self._mine.items():
                sums = self._sums[key]
                sums.totals += mine.sums
                sums.repeated += np.outer(mine.sums.ravel(), weights)
                sums.callers_of += mine.sums[:, 1] > 0
                sums.calls += mine.calls
                sums.callers += 1
        self._mine.clear()
        self._promoted.clear()
        self._caller = None

    def _group(self, group: Group) -> GroupTold:
        sums = {arm: self._sums[group, arm] for arm in Arm if (group, arm) in self._sums}
        arms = {arm: ArmTold(one.calls, one.callers, _values(one), _switch(one)) for arm, one in sums.items()}
        differences = {}
        if len(sums) == len(Arm):
            personal, static = sums[Arm.PERSONAL], sums[Arm.STATIC]
            for figure in FIGURES:
                difference = _difference(personal, figure, static, figure)
                if difference is not None:
                    differences[figure.name] = difference
        return GroupTold(group, arms, differences)


def _arm(visit: Visit) -> Arm:
    return Arm.PERSONAL if visit.held is None else Arm.STATIC


def _groups(visit: Visit) -> Iterator[Group]:
    yield Group("all")
    yield Group("menu", visit.menu)
    yield Group("segment", visit.segment or "not known")
    yield Group("language", visit.language or "not known")


def _values(sums: _Sums) -> dict[str, Value]:
    found = {}
    for place, figure in enumerate(FIGURES):
        total, of = sums.totals[place]
        if of:
            callers = int(sums.callers_of[place])
            found[figure.name] = Value(total / of, _interval(sums, figure, total / of, callers), int(of), callers)
    return found


def _interval(sums: _Sums, figure: Figure, value: float, callers: int) -> Interval | None:
    if figure.unit is Unit.SHARE and value in (0.0, 1.0):  # the bootstrap would claim to be certain
        return wilson(value, callers)
    return percentiles(_repeated(sums, figure)) if callers >= LEAST_CALLERS else None


def _repeated(sums: _Sums, figure: Figure) -> Floats:
    """The figure in each repetition; not a number where it had none."""
    place = _PLACES[figure.name] * 2
    above, below = sums.repeated[place], sums.repeated[place + 1]
    shares: Floats = np.divide(above, below, out=np.full(REPETITIONS, np.nan), where=below > 0)
    return shares


def _switch(sums: _Sums) -> Difference | None:
    moved, stayed = (FIGURES[_PLACES[name]] for name in SWITCH)
    return _difference(sums, moved, sums, stayed)


def _difference(one: _Sums, of_one: Figure, other: _Sums, of_other: Figure) -> Difference | None:
    """None when one of them has nothing to be compared."""
    a, b = one.totals[_PLACES[of_one.name]], other.totals[_PLACES[of_other.name]]
    if not a[1] or not b[1]:
        return None
    x, y = a[0] / a[1], b[0] / b[1]
    callers = int(one.callers_of[_PLACES[of_one.name]]), int(other.callers_of[_PLACES[of_other.name]])
    if min(callers) < LEAST_CALLERS:
        return Difference(x - y, None)
    if of_one.unit is Unit.SHARE and (x in (0.0, 1.0) or y in (0.0, 1.0)):
        return Difference(x - y, newcombe(x, callers[0], y, callers[1]))
    return Difference(x - y, percentiles(_repeated(one, of_one) - _repeated(other, of_other)))
