"""`ivr hours`: what the calendar of the menu book means for the next days, and the public holidays of the year."""

from collections.abc import Iterator
from datetime import date, time, timedelta

from menus.hours import Hours
from menus.schema import MenuBook

DAYS = 14


def told(book: MenuBook, today: date) -> Iterator[str]:
    """A line for each of the next days, then the holidays of this year and the next, and the special days."""
    hours = Hours(book.calendar, book.zone)
    names = list(book.calendar.hours)
    if not names:
        yield "the book has no opening hours"
    for name in names:
        yield f"{name}: {book.calendar.hours[name]}"
        for day in (today + timedelta(days=days) for days in range(DAYS)):
            spans = ", ".join(f"{since:%H:%M}-{_until(until)}" for since, until in hours.spans_of(name, day))
            what = hours.called(day)
            yield f"  {day:%a %Y-%m-%d}  {spans or 'closed'}{f'  ({what})' if what else ''}"
    for year in (today.year, today.year + 1):
        days = hours.holidays_of(year)
        if days:
            yield f"public holidays of {year} in {book.calendar.country} {book.calendar.subdivision or ''}".rstrip()
            yield from (f"  {day:%a %Y-%m-%d}  {what}" for day, what in days.items())
    if book.calendar.country is None:
        yield "no public holidays: the calendar has no country"


def _until(until: time) -> str:
    return f"{until:%H:%M}" if until != time() else "24:00"
