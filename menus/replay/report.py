"""What a replay came to: sums over calls, in memory that does not grow with them, as plain values."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from math import inf, sqrt
from typing import Any

from menus.evaluation.intervals import wilson
from menus.replay.anew import Anew
from menus.replay.journeys import Journey

_SURE = 1.96  #: standard errors on both sides that hold 95 of 100
#: Calls that are named for each finding, and cases that got worst.
MOST_NAMED, MOST_WORST = 5, 20
#: Whole seconds that differences are counted in; what is beyond counts at the end.
WIDEST_S = 20


@dataclass(slots=True)
class Mean:
    """Mean and spread of a series that is not kept (Welford)."""

    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self._squares += before * (value - self.mean)

    @property
    def half_width(self) -> float | None:
        """Half of the 95 % confidence interval of the mean; None for fewer than two values."""
        return None if self.count < 2 else _SURE * sqrt(self._squares / (self.count - 1) / self.count)


@dataclass(slots=True)
class Pair:
    """Seconds before and after, and their difference."""

    before: Mean = field(default_factory=Mean)
    after: Mean = field(default_factory=Mean)
    change: Mean = field(default_factory=Mean)

    def add(self, seconds: tuple[float, float]) -> None:
        """One more case."""
        self.before.add(seconds[0])
        self.after.add(seconds[1])
        self.change.add(seconds[1] - seconds[0])

    def to_json(self) -> dict[str, Any]:
        """Plain values; no means of nothing."""
        if not self.change.count:
            return {"cases": 0, "before_s": None, "after_s": None, "change_s": None, "change_within_s": None}
        half = self.change.half_width
        within = None if half is None else [round(self.change.mean - half, 3), round(self.change.mean + half, 3)]
        return {
            "cases": self.change.count,
            "before_s": round(self.before.mean, 3),
            "after_s": round(self.after.mean, 3),
            "change_s": round(self.change.mean, 3),
            "change_within_s": within,
        }


@dataclass(slots=True)
class Tally:
    """One group of cases."""

    menus: int = 0
    reordered: int = 0
    journeys: int = 0
    unreachable: int = 0
    deeper: int = 0
    keys: int = 0
    keys_blind: int = 0
    expected: Pair = field(default_factory=Pair)
    actual: Pair = field(default_factory=Pair)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "menus": self.menus,
            "reordered": self.reordered,
            "journeys": self.journeys,
            "unreachable": self.unreachable,
            "deeper": self.deeper,
            "keys_moved": self.keys,
            "keys_moved_pressed_blindly": self.keys_blind,
            "expected": self.expected.to_json(),
            "actual": self.actual.to_json(),
        }


@dataclass(slots=True)
class _Finding:
    count: int = 0
    calls: dict[str, None] = field(default_factory=dict)

    def add(self, call_id: str) -> None:
        self.count += 1
        if len(self.calls) < MOST_NAMED:
            self.calls[call_id] = None


@dataclass(frozen=True, slots=True)
class ReplayedCall:
    """A call with what would have become of it."""

    id: str
    language: str
    segment: str  #: empty for callers of whom none is known
    journeys: Sequence[tuple[Journey, Anew]]


class ReplayReport:
    """Gathers calls; `to_json` tells what they came to."""

    def __init__(self) -> None:
        self.calls = self.calls_reordered = self.calls_skipped = 0
        self.total = Tally()
        self.by: dict[str, dict[str, Tally]] = {"segment": {}, "language": {}, "menu": {}}
        self.unreachable: dict[tuple[str, str], _Finding] = {}
        self.deeper: dict[tuple[str, str, str], _Finding] = {}
        self.keys: dict[tuple[str, str, str, str], _Finding] = {}
        self.undecided: Counter[str] = Counter()
        self.changes: Counter[int] = Counter()  #: whole seconds, rounded → journeys
        self._worst: list[tuple[float, int, dict[str, Any]]] = []
        self._number = 0

    def add(self, call: ReplayedCall) -> None:
        """One more call."""
        if not call.journeys:
            self.calls_skipped += 1
            return
        self.calls += 1
        here = (
            self.total,
            self.by["segment"].setdefault(call.segment, Tally()),
            self.by["language"].setdefault(call.language, Tally()),
        )
        reordered = False
        for journey, anew in call.journeys:
            self._journey(call.id, journey, anew, here)
            reordered = reordered or any(menu.reordered for menu in anew.menus)
        self.calls_reordered += reordered

    def _journey(self, call_id: str, journey: Journey, anew: Anew, here: Sequence[Tally]) -> None:
        wish = journey.wish
        for menu in anew.menus:
            for tally in (*here, self._menu(menu.menu)):
                tally.menus += 1
                tally.reordered += menu.reordered
                if menu.expected is not None:
                    tally.expected.add(menu.expected)
        for moved in anew.moved:
            for tally in (*here, self._menu(moved.menu)):
                tally.keys += 1
                tally.keys_blind += moved.blind
            self.keys.setdefault((moved.menu, moved.key, moved.option, moved.now or ""), _Finding()).add(call_id)
        for tally in (*here, self._menu(wish.menu)):
            tally.journeys += 1
            tally.unreachable += anew.route is None
            tally.deeper += anew.deeper > 0
            if anew.actual is not None:
                tally.actual.add(anew.actual)
        if anew.route is None:
            self.unreachable.setdefault((wish.menu, wish.option), _Finding()).add(call_id)
        elif anew.deeper:
            way = " → ".join(f"{menu}.{option}" for menu, option in anew.route)
            self.deeper.setdefault((wish.menu, wish.option, way), _Finding()).add(call_id)
        self.undecided.update(anew.undecided)
        if anew.actual is not None:
            self._case(call_id, journey, anew.actual)

    def _case(self, call_id: str, journey: Journey, actual: tuple[float, float]) -> None:
        change_s = actual[1] - actual[0]
        self.changes[max(-WIDEST_S, min(WIDEST_S, round(change_s)))] += 1
        if change_s <= 0.0005:
            return
        self._number += 1
        wish = journey.wish
        case = {
            "call": call_id,
            "menu": wish.menu,
            "option": wish.option,
            "before_s": round(actual[0], 3),
            "after_s": round(actual[1], 3),
            "change_s": round(change_s, 3),
        }
        entry = (change_s, -self._number, case)  # of the same change, the earlier call stays
        if len(self._worst) < MOST_WORST:
            heappush(self._worst, entry)
        else:
            heappushpop(self._worst, entry)

    def _menu(self, name: str) -> Tally:
        return self.by["menu"].setdefault(name, Tally())

    def worse_by(self) -> float:
        """By how many seconds the mean way to the target got longer, expected or actual, whichever is more."""
        changes = [pair.change.mean for pair in (self.total.expected, self.total.actual) if pair.change.count]
        return max(changes, default=-inf)

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "calls": self.calls,
            "calls_without_a_choice": self.calls_skipped,
            "calls_reordered": self.calls_reordered,
            "reordered_share": share_of(self.calls_reordered, self.calls),
            "total": self.total.to_json(),
            "by": {name: {key: tallies[key].to_json() for key in sorted(tallies)} for name, tallies in self.by.items()},
            "unreachable": [
                {"menu": menu, "option": option, **_told(found)}
                for (menu, option), found in _by_count(self.unreachable)
            ],
            "deeper": [
                {"menu": menu, "option": option, "way": way, **_told(found)}
                for (menu, option, way), found in _by_count(self.deeper)
            ],
            "keys_moved": [
                {"menu": menu, "key": key, "option": option, "now": now or None, **_told(found)}
                for (menu, key, option, now), found in _by_count(self.keys)
            ],
            "conditions_not_asked": dict(sorted(self.undecided.items())),
            "changes_s": {str(seconds): self.changes[seconds] for seconds in sorted(self.changes)},
            "worst": [case for _, _, case in sorted(self._worst, key=lambda one: (-one[0], -one[1]))],
        }


def share_of(count: int, total: int) -> dict[str, Any]:
    """A share with its 95 % confidence interval (Wilson)."""
    if not total:
        return {"share": None, "within": None}
    within = wilson(count / total, total)
    return {"share": round(count / total, 4), "within": [round(within.low, 4), round(within.high, 4)]}


def _told(found: _Finding) -> dict[str, Any]:
    return {"cases": found.count, "calls": list(found.calls)}


def _by_count(findings: Mapping[Any, _Finding]) -> Iterable[tuple[Any, _Finding]]:
    return sorted(findings.items(), key=lambda item: (-item[1].count, item[0]))
