"""Opening hours as OpenStreetMap writes them, with public holidays and special days written out as dates.

The library that reads opening hours has holidays of its own, which differ from those of the calendar; so `PH` is
replaced by dates before it reads them.
"""

import re
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta

from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

_DAY = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_SOME_DAYS = rf"(?:{_DAY}(?:-{_DAY})?(?:\[[^\]]*\])?|PH|SH)(?: [+-]\d+ days?)?"
_DAYS = re.compile(rf"(?<![A-Za-z]){_SOME_DAYS}(?:,{_SOME_DAYS})*")
_HOLIDAY = re.compile(r"PH(?: (?P<days>[+-]\d+) days?)?")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - reads better
_DATED = re.compile(rf"(?:{'|'.join(_MONTHS)}) \d")
_BETWEEN = re.compile(r"; | \|\| |, ")  #: in the form that the library writes, a comma within a rule has no space
_TIMES = re.compile(r'\s*(?:\d\d:\d\d|24/7|sunrise|sunset|dawn|dusk|\(|closed|open|unknown|").*')
_COMPLAINT = re.compile(r"--> (?P<line>\d+):(?P<col>\d+)")
_NOON = (12, 0)
_SAMPLE = (date(2026, 1, 1),)


class Unreadable(Exception):
    """These opening hours cannot be read."""


def canonical(text: str) -> str:
    """The hours as the library writes them: one form for everything that means the same. Raises Unreadable."""
    try:
        written = _spaced(str(OpeningHours(text)))
        read_again = str(OpeningHours(with_dates(written, _SAMPLE, _SAMPLE)))
    except ParserError as unreadable:
        raise Unreadable(_plain(str(unreadable), text)) from None
    if "PH" in _masked(read_again):
        raise Unreadable("PH is not understood in this place; write it as in PH off, Su,PH off or PH 10:00-14:00")
    return written


def with_dates(written: str, holidays: Collection[date], closed: Collection[date]) -> str:
    """Canonical hours without `PH`: these days stand in its place; and closed on those other days."""
    rules: list[tuple[str, str]] = []
    for between, rule in _rules(written):
        for part in _spelled_out(rule, holidays):
            rules.append((between or "; ", part))
    if not rules:
        rules = [("", "closed")]
    text = rules[0][1] + "".join(between + rule for between, rule in rules[1:])
    return f"{text}; {_dates(closed)} closed" if closed else text


def names_day(written: str, day: date) -> bool:
    """Whether canonical hours say by its date what holds on a day, as in Dec 24 09:00-12:00."""
    for _, rule in _rules(written):
        days = _TIMES.sub("", rule).strip()
        if _DATED.search(days) and matches(days, day):
            return True
    return False


def matches(days: str, day: date) -> bool:
    """Whether a day is among those that canonical text without times stands for."""
    try:
        return bool(OpeningHours(days).is_open(datetime(day.year, day.month, day.day, *_NOON)))  # noqa: DTZ001
    except ParserError:
        return False


def _rules(written: str) -> Iterator[tuple[str, str]]:
    """Each rule with what stands before it; quoted comments are left alone."""
    masked, at, between = _masked(written), 0, ""
    for found in _BETWEEN.finditer(masked):
        yield between, written[at : found.start()]
        at, between = found.end(), found[0]
    yield between, written[at:]


def _masked(written: str) -> str:
    return re.sub(r'"[^"]*"', lambda found: "_" * len(found[0]), written)


def _spelled_out(rule: str, holidays: Collection[date]) -> Iterator[str]:
    """The rule itself, or one for its weekdays and one for the holidays that it names."""
    span = next((found for found in _DAYS.finditer(_masked(rule)) if "PH" in found[0]), None)
    if span is None:
        yield rule
        return
    before, after = rule[: span.start()], rule[span.end() :]
    named = span[0].split(",")
    weekdays = [days for days in named if not days.startswith("PH")]
    if weekdays:
        yield before + ",".join(weekdays) + after
    on: set[date] = set()
    for days in named:
        if found := _HOLIDAY.fullmatch(days):
            on |= {holiday + timedelta(days=int(found["days"] or 0)) for holiday in holidays}
    if before.strip():
        on = {day for day in on if matches(before.strip(), day)}
    if on:
        yield _dates(on) + after


def _dates(days: Collection[date]) -> str:
    return ",".join(f"{day.year} {_MONTHS[day.month - 1]} {day.day}" for day in sorted(days))


def _spaced(written: str) -> str:
    """What the library writes, with the spaces that it needs to read it again."""
    return re.sub(r"(\d{4})(?=[A-Z])|(week)(?=\d)", lambda found: f"{found[0]} ", written)


def _plain(complaint: str, text: str) -> str:
    """What cannot be read, with a caret under the place."""
    found = _COMPLAINT.search(complaint)
    line, col = (int(found["line"]), int(found["col"])) if found else (1, 1)
    written = text.split("\n")[line - 1]
    advice = "these are no opening hours from here on; write them as in Mo-Fr 08:00-20:00; Sa 09:00-17:00; PH off"
    return f"{advice}\n    {written}\n    {' ' * (col - 1)}^"
