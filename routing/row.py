"""Rows of callers: who came to one queue and asked for the same stands in one row, whatever softens as time passes."""

from bisect import bisect_left, insort
from collections.abc import Mapping

from routing.headcount import Headcount
from routing.need import Need
from routing.pool import Kinds
from routing.skills import asked_of_agent


class Row:
    """Those who wait in one row: what they asked for when they came, and how many they are."""

    __slots__ = ("_known", "_staff", "asked", "callers", "least", "places")

    def __init__(self, asked: Mapping[str, int]) -> None:
        self.asked = asked
        self.callers = 0  #: on the line; who is to be called back keeps nobody waiting
        self.places: dict[float, list[tuple[float, int]]] = {}  #: by credit minus goal: places, sorted
        self.least = float("inf")  #: credit minus goal of whoever has least
        self._staff, self._known = 1, -1

    def crowd(self, kinds: Kinds, at_work: Headcount, fit: int | None = None) -> float:
        """Callers for each agent at work who may serve it before anything softens, if known of the kinds in `fit`."""
        if self._known != at_work.version:
            self._staff = max(1, at_work.of(kinds.fitting(self.asked) if fit is None else fit))
            self._known = at_work.version
        return self.callers / self._staff


class Rows:
    """All rows. Empty ones stay until they are forgotten: they mostly fill again."""

    def __init__(self) -> None:
        self._by_key: dict[object, Row] = {}
        self._of: dict[int, Row] = {}  # need → its row

    def put(self, need: Need) -> None:
        """A need waits."""
        asked, place = asked_of_agent(need), need.place()
        key = need.queue, tuple(sorted(asked.items()))
        row = self._by_key.get(key)
        if row is None:
            row = self._by_key[key] = Row(asked)
        row.callers += is_caller(need)
        merit_s = need.merit_s
        places = row.places.get(merit_s)
        if places is None:
            row.places[merit_s] = [place]
            row.least = min(row.least, merit_s)
        else:
            insort(places, place)
        self._of[need.id] = row

    def take(self, need: Need) -> None:
        """It waits no more."""
        row = self._of.pop(need.id)
        row.callers -= is_caller(need)
        places = row.places[need.merit_s]
        del places[bisect_left(places, need.place())]
        if not places:
            del row.places[need.merit_s]
            row.least = min(row.places, default=float("inf"))

    def of(self, need_id: int) -> Row:
        """The row of a need that waits."""
        return self._of[need_id]

    def forget_empty(self) -> None:
        """Forget rows in which nobody waits."""
        self._by_key = {key: row for key, row in self._by_key.items() if row.places}


def is_caller(need: Need) -> bool:
    """Whether somebody is on the line; a wish to be called back is decided on with a negative number."""
    return need.id > 0
