"""Where a caller goes on who takes up what an earlier call was about. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from menus.facts import RecentCall
from menus.given import gives
from menus.operations import OPERATIONS
from menus.prompt_text import slots
from menus.rules.places import prompts_used
from menus.schema import (
    Callback,
    Dip,
    Goodbye,
    Goto,
    Menu,
    MenuBook,
    OpenCase,
    Say,
    Send,
    Set,
    SetLanguage,
    Step,
    Transact,
    Verify,
)

#: Books of which it is kept what was worked out; a node has about as many editions.
_MOST_KEPT = 8
#: Steps that take no key of the caller: going through them again costs nothing, and a condition may lead elsewhere now.
_PASSING = (Goto, Set, Say, SetLanguage, Dip)


def target_of(
    book: MenuBook, recent: RecentCall, *, verified: bool = False, values: Collection[str] = ()
) -> str | None:
    """The step at which that call is taken up; None when this book has none that a caller may enter so.

    It is the step where the call stood, or the start of the way when only passing steps lie between: they look afresh
    whether somebody is there. A step behind a verification, and one that lacks a value that the call had gathered, is
    never entered directly: then the way begins anew.
    """
    ways = _ways_of(book)
    may_enter = ways.may_enter[verified]
    begins = ways.starts[verified].get(recent.task)
    stood = recent.step
    if stood is None or stood not in may_enter or isinstance(book.steps[stood], Menu | Goodbye):
        return begins
    if begins is not None and stood in _passed_on(book, begins):
        return begins
    return stood if ways.unmet[stood] <= set(values) else begins


class _Ways:
    """What is asked of a book in every call, worked out once: by whether the caller is verified, and by step."""

    def __init__(self, book: MenuBook) -> None:
        self.book = book  #: held, so that no other book gets its id
        self.may_enter = {verified: _reached(book, through_verification=verified) for verified in (False, True)}
        self.starts = {verified: _starts(book, steps) for verified, steps in self.may_enter.items()}
        self.unmet = _unmet(book)


_kept: dict[int, _Ways] = {}  #: by the id of the book, as books have no hash; the one made first stands first


def _ways_of(book: MenuBook) -> _Ways:
    ways = _kept.get(id(book))
    if ways is None:
        ways = _kept[id(book)] = _Ways(book)
        if len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
    return ways


def _reached(book: MenuBook, *, through_verification: bool) -> frozenset[str]:
    """The steps that a call can come to; without the ways that only a verified caller goes, if so wished."""
    reached: set[str] = set()
    waiting = [name for name in book.beginnings.values() if name in book.steps]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        step = book.steps[name]
        for where, target in step.exits().items():
            if target in book.steps and (through_verification or not isinstance(step, Verify) or where != "then"):
                waiting.append(target)
    return frozenset(reached)


def _starts(book: MenuBook, may_enter: Collection[str]) -> Mapping[str | None, str]:
    """Task → where the first option with it leads, of the menus that callers come to."""
    starts: dict[str | None, str] = {}
    for name, step in book.steps.items():
        if isinstance(step, Menu) and name in may_enter:
            for option in step.options:
                if option.task is not None and option.then in may_enter:
                    starts.setdefault(option.task, option.then)
    return starts


def _passed_on(book: MenuBook, start: str) -> frozenset[str]:
    """The steps that a caller comes to from there without pressing anything."""
    found, waiting = {start}, [start]
    while waiting:
        step = book.steps[waiting.pop()]
        if isinstance(step, _PASSING):
            new = {target for target in step.exits().values() if target in book.steps} - found
            found |= new
            waiting += new
    return frozenset(found)


def _unmet(book: MenuBook) -> Mapping[str, frozenset[str]]:
    """Step → the values that it, or a step that follows, speaks or needs and that nothing from there on gives."""
    used: dict[str, set[str]] = {name: set(_used(book, step)) for name, step in book.steps.items()}
    for loc, prompt in prompts_used(book):
        if loc[0] == "steps" and prompt in book.prompts:
            used[str(loc[1])] |= _spoken(book.prompts[prompt].text.values())
    unmet = {name: used[name] - set(_given(step)) for name, step in book.steps.items()}
    changed = True
    while changed:
        changed = False
        for name, step in book.steps.items():
            after = set().union(*(unmet[target] for target in step.exits().values() if target in book.steps))
            more = after - set(_given(step)) - unmet[name]
            unmet[name] |= more
            changed |= bool(more)
    return {name: frozenset(values) for name, values in unmet.items()}


def _spoken(texts: Iterable[str]) -> set[str]:
    return {slot.name for text in texts for slot in slots(text)}


def _used(book: MenuBook, step: Step) -> Iterator[str]:
    if isinstance(step, Transact):
        yield from (name for name in step.given.values() if not name.isdigit())
    elif isinstance(step, Callback):
        yield from (name for name in (step.at, step.number) if name is not None)
    elif isinstance(step, OpenCase) and step.recording is not None:
        yield step.recording
    elif isinstance(step, Send) and step.template in book.templates:
        yield from _spoken(book.templates[step.template].text.values())


def _given(step: Step) -> Iterator[str]:
    yield from gives(step)
    if isinstance(step, Transact) and step.do in OPERATIONS:
        for values in OPERATIONS[step.do].rows.values():
            yield from values
