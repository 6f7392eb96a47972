"""Rules on the ways through a book: every step can be reached, and every caller is let out."""

from collections.abc import Callable, Iterator

from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.places import menus_of, targets_of, targets_without_choice
from menus.schema import Menu, MenuBook, Say, SetLanguage, Step

_ADVISED_DEPTH = 2


def top_menu(book: MenuBook) -> str | None:
    """The menu that a call comes to first; None when it comes to none."""
    name, seen = book.entry, set[str]()
    while name in book.steps and name not in seen:
        seen.add(name)
        step = book.steps[name]
        if isinstance(step, Menu):
            return name
        if not isinstance(step, Say | SetLanguage):
            return None
        name = step.then
    return None


def unreachable_steps(book: MenuBook) -> Iterator[Finding]:
    """Steps that no call can come to; not judged while a way leads to a step that does not exist."""
    reached = _depths(book, book.entry).keys()
    if reached - book.steps.keys():
        return
    for name in book.steps:
        if name not in reached:
            yield fault(("steps", name), "unreachable-step", f"no way leads to {name!r}")


def endless_loops(book: MenuBook) -> Iterator[Finding]:
    """Rounds in which a caller who chooses nothing would be kept for ever."""
    done: set[str] = set()
    for start in book.steps:
        trail: list[str] = []
        ways: list[Iterator[tuple[Loc, str]]] = []
        if start not in done:
            trail, ways = [start], [_ways(book, start)]
        while trail:
            loc, name = next(ways[-1], ((), None))
            if name is None:
                done.add(trail.pop())
                ways.pop()
            elif name in trail:
                rounds = " → ".join([*trail[trail.index(name) :], name])
                where: Loc = ("steps", trail[-1], *loc)
                yield fault(where, "endless-loop", f"a caller who chooses nothing goes round for ever: {rounds}")
            elif name not in done:
                trail.append(name)
                ways.append(_ways(book, name))


def _ways(book: MenuBook, name: str) -> Iterator[tuple[Loc, str]]:
    return iter(targets_without_choice(book.steps[name]) if name in book.steps else [])


def deep_menus(book: MenuBook) -> Iterator[Finding]:
    """Menus that take more than two choices to reach."""
    top = top_menu(book)
    depths = _depths(book, top, cost=lambda step: int(isinstance(step, Menu))) if top else {}
    for name, _ in menus_of(book):
        if depths.get(name, 0) > _ADVISED_DEPTH - 1:
            message = f"this menu stands {depths[name] + 1} deep; callers get lost below {_ADVISED_DEPTH}"
            yield advice(("steps", name), "deep-menu", message)


def _depths(book: MenuBook, start: str, cost: Callable[[Step], int] = lambda step: 0) -> dict[str, int]:
    """Every step that can be reached, with the least sum of costs of the steps before it."""
    depths = {start: 0}
    waiting = [start]
    while waiting:
        name = waiting.pop(0)
        step = book.steps.get(name)
        for _, target in targets_of(step) if step else ():
            depth = depths[name] + cost(step) if step else 0
            if target not in depths or depth < depths[target]:
                depths[target] = depth
                waiting.append(target)
    return depths
