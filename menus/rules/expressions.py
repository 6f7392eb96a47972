"""Rules on what is worked out: conditions that mean something, opening hours that can be read."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from menus.conditions import expressions_of
from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.outline import Outline
from menus.schema import MenuBook

#: Compiling one takes 20 µs; a bank has some hundreds.
MOST_CONDITIONS = 5_000
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")


def too_many(book: MenuBook) -> Iterator[Finding]:
    """More conditions than can be compiled in good time."""
    count = len({text for _, text, _ in expressions_of(book)})
    if count > MOST_CONDITIONS:
        message = f"{count} different conditions; at most {MOST_CONDITIONS} are compiled: let options share them"
        yield fault(("steps",), "too-many-conditions", message)


def conditions(outline: Outline) -> Iterator[Finding]:
    """Conditions that cannot be read, that ask for what nobody knows, or that are not true or false."""
    for loc, wrong in outline.conditions.faults:
        what, _, shown = str(wrong).partition("\n")
        yield fault(loc, "bad-condition", f"{what}{_mending(what, outline.conditions.names)}\n{shown}")


def _mending(what: str, names: tuple[str, ...]) -> str:
    if found := _UNDECLARED.search(what):
        section, _, last = found[1].rpartition(".")
        known = {name.removeprefix(f"{section}."): name for name in names if name.startswith(f"{section}.")}
        if near := get_close_matches(last, known or names, n=1, cutoff=0.6):
            return f"; did you mean {known.get(near[0], near[0])!r}?"
        if known:
            shown = list(known.values())
            return f"; known are {', '.join(shown[:12])}{' …' if len(shown) > 12 else ''}"
        return "; docs/menus.md lists what may be asked for; a text stands in quotes"
    if "no matching overload" in what:
        return "; compare whole numbers with whole numbers and texts with texts in quotes"
    if "token recognition error at: '= '" in what:
        return "; write == to compare"
    if "recursion limit" in what:
        return "; write fewer brackets"
    return ""


def calendar(outline: Outline) -> Iterator[Finding]:
    """Days, holidays and opening hours that cannot be read, and holidays of no country."""
    book = outline.book
    for loc, wrong in outline.hours.faults:
        yield fault(loc, "bad-calendar", wrong)
    if book.calendar.country is None:
        for name, text in book.calendar.hours.items():
            if re.search(r"\bPH\b", text):
                message = "PH stands for public holidays, and there is no `country` whose they are; write it"
                yield fault(("calendar", "hours", name), "no-country", message)


def unused_hours(outline: Outline) -> Iterator[Finding]:
    """Opening hours that nothing asks for."""
    asked = {getattr(step, "hours", None) for step in outline.book.steps.values()}
    for text in outline.conditions.texts:
        asked.update(re.findall(r"\bhours\.([a-z0-9_]+)", text))
    for name in outline.book.calendar.hours:
        if name not in asked:
            loc: Loc = ("calendar", "hours", name)
            yield advice(loc, "unused-hours", f"nothing asks for {name!r}; take it away, or ask with hours.{name}")
