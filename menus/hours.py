"""When somebody is there: opening hours, public holidays and special days of a book's calendar."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
from opening_hours import OpeningHours

from menus.opening_text import Unreadable, canonical, names_day, with_dates
from menus.picture import Today
from menus.schema import Calendar
from menus.yaml_shape import Loc

#: How far ahead an opening is looked for.
MOST_DAYS = 400


class Hours:
    """The opening hours of a book. What cannot be read is in `faults`, and counts as closed.

    Hours are those of the clock on the wall: when it is put back, an hour that comes twice is open twice.
    """

    def __init__(self, calendar: Calendar, zone: ZoneInfo) -> None:
        self.faults: list[tuple[Loc, str]] = []
        self.zone = self._zone = zone
        self._special: dict[date, str] = {}
        for written, what in calendar.special_days.items():
            try:
                self._special[date.fromisoformat(written)] = what
            except ValueError:
                self.faults.append((("calendar", "special_days", written), "write the day as 2026-12-24"))
        self._public: holidays.HolidayBase | None = None
        if calendar.country is not None:
            try:
                self._public = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision)
            except NotImplementedError as unknown:
                where = "subdivision" if calendar.subdivision else "country"
                self.faults.append((("calendar", where), str(unknown)))
        elif calendar.subdivision is not None:
            self.faults.append((("calendar", "subdivision"), "a subdivision needs the `country` that it is part of"))
        self._of_year: dict[int, Mapping[date, str]] = {}
        self._written: dict[str, str] = {}  # name → hours in one form; those that cannot be read are not here
        for name, text in calendar.hours.items():
            try:
                self._written[name] = canonical(text)
            except Unreadable as fault:
                self.faults.append((("calendar", "hours", name), str(fault)))
        self._names = tuple(calendar.hours)
        self._read: dict[tuple[str, int], OpeningHours] = {}

    def is_open(self, name: str, at: datetime) -> bool:
        """Whether these hours are open at an aware moment. Raises KeyError for hours that the calendar lacks."""
        local = at.astimezone(self._zone)
        hours = self._hours(name, local.year)
        return hours is not None and bool(hours.is_open(local.replace(tzinfo=None)))

    def today(self, now: datetime) -> Today:
        """The calendar at an aware moment."""
        local = now.astimezone(self._zone)
        return Today(
            now=local,
            hours={name: self.is_open(name, local) for name in self._names},
            holiday=local.date() in self.holidays_of(local.year),
            special=self._special.get(local.date(), ""),
        )

    def next_open(self, name: str, after: datetime) -> datetime | None:
        """The moment itself if open, else when these hours open next; None when they never do."""
        local = after.astimezone(self._zone)
        return next(self._openings(name, local), None)

    def next_at(self, name: str | None, wished: time, after: datetime) -> datetime | None:
        """The next time that the clock shows `wished` while these hours are open; None when there is none soon.

        A time that the clock skips when it is put forward is the moment after the gap, as clocks show it.
        """
        local = after.astimezone(self._zone)
        for days in range(MOST_DAYS):
            for at in self._moments(datetime.combine(local.date() + timedelta(days=days), wished)):
                if at.timestamp() > local.timestamp() and (name is None or self.is_open(name, at)):
                    return at
        return None

    def worked_s(self, name: str, since: datetime, until: datetime) -> float:
        """How many seconds of these hours lie between two aware moments."""
        return sum(
            max(0.0, min(end, until.timestamp()) - max(begin, since.timestamp()))
            for begin, end in self._spans(name, since, (until - since).days + 2)
        )

    def after(self, name: str, since: datetime, worked_s: float) -> datetime | None:
        """When so many seconds of these hours have passed since an aware moment; None when that is not soon."""
        left_s = worked_s
        for begin, end in self._spans(name, since, MOST_DAYS):
            here = max(0.0, end - max(begin, since.timestamp()))
            if here >= left_s:
                return datetime.fromtimestamp(end - here + left_s, self._zone)
            left_s -= here
        return None

    def _spans(self, name: str, since: datetime, days: int) -> Iterator[tuple[float, float]]:
        """When these hours are open from the day of a moment on, in seconds of the epoch."""
        first = since.astimezone(self._zone).date()
        for number in range(days):
            day = first + timedelta(days=number)
            for begin, end in self.spans_of(name, day):
                until = datetime.combine(day + timedelta(days=end == time()), end, self._zone)
                yield datetime.combine(day, begin, self._zone).timestamp(), until.timestamp()

    def holidays_of(self, year: int) -> Mapping[date, str]:
        """The public holidays of a year by date; none without a country."""
        if year not in self._of_year:
            whole: dict[date, str] = {}
            if self._public is not None:
                whole = dict(sorted(holidays.country_holidays(
                    self._public.country, subdiv=self._public.subdiv, years=year).items()))  # fmt: skip
            self._of_year[year] = {day: what for day, what in whole.items() if day.year == year}
        return self._of_year[year]

    def called(self, day: date) -> str:
        """What a day is called, as a special day or a public holiday; empty for any other."""
        return self._special.get(day) or self.holidays_of(day.year).get(day, "")

    def spans_of(self, name: str, day: date) -> list[tuple[time, time]]:
        """From when to when these hours are open on a day; a span that lasts until midnight ends at 00:00."""
        hours = self._hours(name, day.year)
        begin = datetime.combine(day, time())
        end = begin + timedelta(days=1)
        spans = hours.intervals(begin, end) if hours is not None else ()
        return [
            (max(since, begin).time(), min(until or end, end).time())
            for since, until, state, *_ in spans
            if str(state) == "open"
        ]

    def _openings(self, name: str, local: datetime) -> Iterator[datetime]:
        if self.is_open(name, local):
            yield local
        until = local.replace(tzinfo=None) + timedelta(days=MOST_DAYS)
        at = local.replace(tzinfo=None)
        while (hours := self._hours(name, at.year)) is not None:
            change = hours.next_change(at)
            if change is None or change >= until:
                return
            at = change
            for moment in self._moments(at):
                if moment.timestamp() > local.timestamp() and self.is_open(name, moment):
                    yield moment

    def _moments(self, wall: datetime) -> list[datetime]:
        """When the clock on the wall shows this: once, twice when it is put back; after the gap when it is skipped."""
        first, second = (wall.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        whole = first.astimezone(UTC).astimezone(self._zone)
        if whole.replace(tzinfo=None) != wall:  # the clock never shows this
            return [whole]
        return [first] if first.utcoffset() == second.utcoffset() else [first, second]

    def _hours(self, name: str, year: int) -> OpeningHours | None:
        """The hours as they are read for moments of a year; None when they cannot be read."""
        if name not in self._written:
            if name not in self._names:
                raise KeyError(name)
            return None
        if (name, year) not in self._read:
            written = self._written[name]
            # hours run past midnight, and an opening is looked for beyond the year
            near = [day for near in range(year - 1, year + 3) for day in self.holidays_of(near)]
            closed = [day for day in self._special if not names_day(written, day)]
            self._read[name, year] = OpeningHours(with_dates(written, near, closed))
        return self._read[name, year]
