"""Rules on keys and dialled numbers: each means one thing."""

from collections.abc import Iterator

from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.outline import Outline
from menus.schema import Matters, Menu, MenuBook, Route


def book_keys(outline: Outline) -> Iterator[Finding]:
    """The keys that mean the same everywhere: each another one, and the words for it."""
    book = outline.book
    if book.back_key == book.repeat_key:
        yield fault(("repeat_key",), "duplicate-key", f"key {book.back_key} cannot mean both back and repeat")
    if book.freeze_key in (book.back_key, book.repeat_key):
        message = f"key {book.freeze_key} means back or repeat; choose another to keep menus as they are"
        yield fault(("freeze_key",), "duplicate-key", message)
    for role in ("frozen", "unfrozen"):
        if book.freeze_key is not None and getattr(book, role) is None:
            yield fault(("freeze_key",), "half-written", f"freeze_key needs `{role}`, the prompt that says so")
        elif book.freeze_key is None and getattr(book, role) is not None:
            yield fault(
                (role,), "half-written", f"`{role}` is never said without freeze_key; write it, or take it away"
            )


def clashing_keys(outline: Outline) -> Iterator[Finding]:
    """Two options on one key or under one id, and keys that mean something else everywhere."""
    book = outline.book
    for name, step in book.steps.items():
        if isinstance(step, Menu):
            yield from _menu(book, name, step)
            if step.keys == "renumber":
                yield from _renumbered(book, name, step)
        elif isinstance(step, Route):
            seen: set[str] = set()
            for index, way in enumerate(step.ways):
                loc: Loc = ("steps", name, "ways", index, "key")
                if way.key in seen:
                    yield fault(loc, "duplicate-key", f"key {way.key} stands twice in this queue; choose another")
                seen.add(way.key)
                yield from _global(book, loc, way.key, freeze=False)
        elif isinstance(step, Matters):
            yield from _global(book, ("steps", name, "key"), step.key, freeze=True)


def _menu(book: MenuBook, name: str, menu: Menu) -> Iterator[Finding]:
    ids: set[str] = set()
    keys: dict[tuple[str, str], str] = {}
    for index, option in enumerate(menu.options):
        loc: Loc = ("steps", name, "options", index)
        if option.id in ids:
            yield fault((*loc, "id"), "duplicate-id", f"{option.id!r} stands twice in this menu; rename one")
        ids.add(option.id)
        yield from _global(book, (*loc, "key"), option.key, freeze=True)
        offered = [language for language in book.languages if option.offered_in(language)]
        taken = {keys[language, option.key] for language in offered if (language, option.key) in keys}
        if taken:
            message = f"key {option.key} already means {min(taken)!r}; choose another"
            yield fault((*loc, "key"), "duplicate-key", message)
        keys.update({(language, option.key): option.id for language in offered})


def _global(book: MenuBook, loc: Loc, key: str, *, freeze: bool) -> Iterator[Finding]:
    if key in (book.back_key, book.repeat_key):
        yield fault(loc, "global-key", f"key {key} means back or repeat everywhere; choose another")
    elif freeze and key == book.freeze_key:
        yield fault(loc, "global-key", f"key {key} keeps menus as they are everywhere; choose another")


def _renumbered(book: MenuBook, name: str, menu: Menu) -> Iterator[Finding]:
    for language in book.languages:
        kept = {option.key for option in menu.offered(language) if option.stays}
        free = [option for option in menu.offered(language) if not option.stays]
        room = len(set("123456789") - kept)
        if len(free) > room:
            message = f"{len(free)} options are renumbered in {language!r}, and {room} digits are free; offer fewer"
            yield fault(("steps", name, "keys"), "no-digits-left", message)
            return
    for index, option in enumerate(menu.options):
        if not option.key.isdigit():
            loc: Loc = ("steps", name, "options", index, "key")
            yield fault(
                loc, "no-digits-left", f"key {option.key} is no digit, and this menu is renumbered; write a digit"
            )


def dialled_numbers(outline: Outline) -> Iterator[Finding]:
    """A dialled number that stands in two entries, or twice in one."""
    seen: dict[str, str] = {}
    for name, entry in outline.book.entries.items():
        for index, number in enumerate(entry.numbers):
            if number in seen:
                loc: Loc = ("entries", name, "numbers", index)
                message = f"{number} is already a number of {seen[number]!r}; a number has one beginning"
                yield fault(loc, "duplicate-number", message)
            seen.setdefault(number, name)


def order_of_keys(outline: Outline) -> Iterator[Finding]:
    """Keys that are not spoken in ascending order, or leave one out; 0 is the last, and pinned ones have their own."""
    for name, menu in outline.menus.items():
        for language in outline.book.languages:
            offered = [option for option in menu.offered(language) if option.key.isdigit()]
            keys = [int(option.key) or 10 for option in offered]
            others = [int(option.key) for option in offered if not option.pinned]
            loc: Loc = ("steps", name, "options")
            if keys != sorted(keys):
                yield advice(
                    loc, "key-order", f"the keys in {language!r} are not in ascending order; callers expect it"
                )
            elif missing := sorted(set(range(1, max(others, default=0))) - set(keys)):
                message = f"key {missing[0]} is left out in {language!r}; number the options without gaps"
                yield advice(loc, "key-gap", message)
