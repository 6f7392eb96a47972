"""The calendar of the demonstration bank: which days it covers, which of them are free, when each begins."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

#: Public holidays on fixed dates, as (month, day).
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (5, 3), *((10, day) for day in range(1, 8))})

#: First day of the Spring Festival, which follows the moon; the week that begins there is free. Years not listed have
#: none: the demonstration bank does not compute the lunar calendar.
SPRING_FESTIVALS = tuple(
    date.fromisoformat(text)
    for text in (
        "2023-01-22",
        "2024-02-10",
        "2025-01-29",
        "2026-02-17",
        "2027-02-06",
        "2028-01-26",
        "2029-02-13",
        "2030-02-03",
    )
)
_SPRING_DAYS = frozenset(first + timedelta(days=n) for first in SPRING_FESTIVALS for n in range(7))


def is_free(day: date) -> bool:
    """Weekend or public holiday."""
    return day.weekday() >= 5 or (day.month, day.day) in FIXED_HOLIDAYS or day in _SPRING_DAYS


def workday_before(day: date) -> date:
    """The day itself, or the last working day before it: when wages due on a free day are paid."""
    while is_free(day):
        day -= timedelta(days=1)
    return day


def month_length(year: int, month: int) -> int:
    """Days in a month."""
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


def day_in(year: int, month: int, day: int) -> date:
    """That day of the month, or its last day when the month is shorter."""
    return date(year, month, min(day, month_length(year, month)))


def months_before(day: date, months: int) -> date:
    """The same day of the month, that many months earlier."""
    index = day.year * 12 + day.month - 1 - months
    return day_in(index // 12, index % 12 + 1, day.day)


@dataclass(frozen=True)
class Span:
    """The days of history: from `first` up to, not including, `until`."""

    first: date
    until: date
    zone: ZoneInfo
    _midnights: dict[date, float] = field(default_factory=dict, repr=False, compare=False)

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.until - self.first).days

    def months(self) -> Iterator[tuple[int, int]]:
        """Every (year, month) that has a day in the span, in order."""
        index, last = self.first.year * 12 + self.first.month - 1, self.until.year * 12 + self.until.month - 1
        while index <= last:
            yield index // 12, index % 12 + 1
            index += 1

    def midnight(self, day: date) -> float:
        """When a day begins at the bank, in UTC seconds of the epoch; any day, also outside the span."""
        known = self._midnights.get(day)
        if known is None:
            known = datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()
            self._midnights[day] = known
        return known
