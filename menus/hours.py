"""When somebody is there: opening hours, public holidays and special days of a book's calendar."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
from opening_hours import OpeningHours, ParserError, UnknownCountryError  # type: ignore[attr-defined]

from menus.picture import Today
from menus.rules.finding import Loc
from menus.schema import Calendar

#: How far ahead an opening is looked for.
MOST_DAYS = 400


class Hours:
    """The opening hours of a book. What cannot be read is in `faults`, and counts as closed."""

    def __init__(self, calendar: Calendar, zone: ZoneInfo) -> None:
        self.faults: list[tuple[Loc, str]] = []
        self._zone = zone
        self._special: dict[date, str] = {}
        for written, what in calendar.special_days.items():
            try:
                self._special[date.fromisoformat(written)] = what
            except ValueError:
                self.faults.append((("calendar", "special_days", written), "write the day as 2026-12-24"))
        self._holidays: holidays.HolidayBase | None = None
        if calendar.country is not None:
            try:
                self._holidays = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision)
            except NotImplementedError as unknown:
                where = "subdivision" if calendar.subdivision else "country"
                self.faults.append((("calendar", where), str(unknown)))
        self._hours: dict[str, OpeningHours | None] = {}
        self._named_days: dict[str, bool] = {}
        for name, text in calendar.hours.items():
            try:
                self._hours[name] = OpeningHours(text, timezone=zone, country=calendar.country)
            except (ParserError, UnknownCountryError) as unreadable:
                self._hours[name] = None
                self.faults.append((("calendar", "hours", name), str(unreadable)))

    def is_open(self, name: str, at: datetime) -> bool:
        """Whether these hours are open at an aware moment. Raises KeyError for hours that the calendar lacks."""
        hours = self._hours[name]
        if hours is None or self._closed_by_special_day(name, at.astimezone(self._zone).date()):
            return False
        return bool(hours.is_open(at.astimezone(self._zone)))

    def today(self, now: datetime) -> Today:
        """The calendar at an aware moment."""
        local = now.astimezone(self._zone)
        return Today(
            now=local,
            hours={name: self.is_open(name, local) for name in self._hours},
            holiday=self._holidays is not None and local.date() in self._holidays,
            special=self._special.get(local.date(), ""),
        )

    def next_open(self, name: str, after: datetime) -> datetime | None:
        """The moment itself if open, else when these hours open next; None when they never do."""
        local = after.astimezone(self._zone)
        return next((at for at in self._openings(name, local)), None)

    def next_at(self, name: str | None, wished: time, after: datetime) -> datetime | None:
        """The next time that the clock shows `wished` while these hours are open; None when there is none soon."""
        local = after.astimezone(self._zone)
        for days in range(MOST_DAYS):
            at = datetime.combine(local.date() + timedelta(days=days), wished, self._zone)
            if at > local and (name is None or self.is_open(name, at)):
                return at
        return None

    def _openings(self, name: str, local: datetime) -> Iterator[datetime]:
        if self.is_open(name, local):
            yield local
        hours, at = self._hours[name], local
        until = local + timedelta(days=MOST_DAYS)
        while hours is not None and (change := hours.next_change(at)) is not None and change < until:
            at = change
            if self.is_open(name, at):
                yield at

    def _closed_by_special_day(self, name: str, day: date) -> bool:
        return day in self._special and not self._named_days.get(f"{name} {day}", False)
