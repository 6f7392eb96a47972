"""Where a caller goes on who takes up what an earlier call was about. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from menus.facts import RecentCall
from menus.operations import OPERATIONS
from menus.prompt_text import slots
from menus.rules.places import prompts_used
from menus.schema import (
    Callback,
    Collect,
    Dip,
    Goodbye,
    Goto,
    Menu,
    MenuBook,
    OpenCase,
    Record,
    Say,
    Send,
    Set,
    SetLanguage,
    Step,
    Transact,
    Verify,
)

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
    open_to_all = _reached(book, through_verification=False)
    may_enter = _reached(book) if verified else open_to_all
    begins = _start(book, recent.task, may_enter)
    stood = recent.step
    if stood is None or stood not in may_enter or isinstance(book.steps[stood], Menu | Goodbye):
        return begins
    if begins is not None and stood in _passed_on(book, begins):
        return begins
    return stood if _unmet(book)[stood] <= set(values) else begins


def _reached(book: MenuBook, *, through_verification: bool = True) -> frozenset[str]:
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


def _start(book: MenuBook, task: str | None, may_enter: Collection[str]) -> str | None:
    """Where the first option with that task leads, of the menus that callers come to."""
    if task is None:
        return None
    for name, step in book.steps.items():
        if isinstance(step, Menu) and name in may_enter:
            for option in step.options:
                if option.task == task and option.then in may_enter:
                    return option.then
    return None


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
    if isinstance(step, Collect | Record):
        yield step.into
    elif isinstance(step, Transact) and step.do in OPERATIONS:
        operation = OPERATIONS[step.do]
        yield from operation.gives
        for values in operation.rows.values():
            yield from values
    elif isinstance(step, Dip):
        yield from step.into
    elif isinstance(step, Set):
        yield from step.values
    elif isinstance(step, OpenCase):
        yield from ("case_number", "case_due")
    elif isinstance(step, Callback):
        yield from ("callback_on", "callback_at")
