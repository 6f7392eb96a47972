"""Rules on complaint and agent: at hand in every top menu, on one key, in time, and they lead to somebody."""

from collections.abc import Iterator
from heapq import heappop, heappush

from menus.pace import estimated_s, heard_after_s
from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.known import CLOSED, Known
from menus.rules.outline import Outline
from menus.rules.places import prompts_of
from menus.schema import AGENT_TASK, COMPLAINT_TASK, Goodbye, Matters, Menu, OpenCase, Record, SetLanguage, Step

#: What a caller hears before the top menu, and between the key for a person and that person.
MOST_STEPS, MOST_S = 6, 30.0
#: What typing, speaking and waiting take in a step that asks.
_ASKING_S = 3.0
_ASKING = ("collect", "verify", "matters", "survey", "record")
_QUIET = ("goto", "set", "language", "dip", "message", "case", "callback", "transact", "transfer", "route")


def way_to_a_person(outline: Outline, known: Known) -> Iterator[Finding]:
    """Complaint and agent: in every top menu, pinned, without condition, on one key; the agent in every menu."""
    yield from _ends_first(outline)
    closed = {name for name in outline.menus if known.at(name, CLOSED) and name in outline.reached}
    for task in (COMPLAINT_TASK, AGENT_TASK):
        key: str | None = None
        for name in (*outline.top_menus, *(name for name in outline.menus if name not in outline.top_menus)):
            menu = outline.menus[name]
            needed = name in outline.top_menus or task == AGENT_TASK
            if task == AGENT_TASK and name in closed:
                needed = name in outline.top_menus and not _takes_complaints(outline, menu)
            for language in outline.book.languages if needed else ():
                if not any(option.task == task for option in menu.offered(language)):
                    message = f"callers in {language!r} find no option with task: {task} here; add one, pinned"
                    yield fault(("steps", name, "options"), f"no-{task}", message)
            for index, option in enumerate(menu.options):
                if option.task != task:
                    continue
                loc: Loc = ("steps", name, "options", index)
                if not option.pinned:
                    yield fault(loc, "not-pinned", f"the option with task: {task} needs pinned: true")
                if option.when is not None:
                    message = f"{task} is offered always; take `when` away"
                    yield fault((*loc, "when"), "not-always", message)
                if option.key != (key := key or option.key):
                    yield fault((*loc, "key"), "moved-key", f"{task} is on key {key} elsewhere; keep it there")


def _takes_complaints(outline: Outline, menu: Menu) -> bool:
    """Whether a complaint can be left behind from this menu: recorded, or opened as a case."""
    steps = outline.book.steps
    for option in menu.options:
        if option.task == COMPLAINT_TASK and option.then in steps:
            stop = frozenset(outline.menus)
            return any(isinstance(steps[name], Record | OpenCase) for name in outline.from_steps([option.then], stop))
    return False


def _ends_first(outline: Outline) -> Iterator[Finding]:
    """Beginnings from which a call can end before it has come to a menu, to a person or to a recording."""
    stop = outline.helping | outline.menus.keys()
    for loc, start in outline.beginnings:
        for name in outline.from_steps([start], stop):
            if isinstance(outline.book.steps[name], Goodbye):
                message = (
                    f"calls can end in {name!r} before complaint and agent were offered; lead them to a menu first"
                )
                yield fault(loc, "no-top-menu", message)
                break


def explored_complaint(outline: Outline) -> Iterator[Finding]:
    """Complaint or agent as something to be tried out: they keep their place for everybody."""
    for name, menu in outline.menus.items():
        for index, option in enumerate(menu.options):
            if option.explore and option.task in (COMPLAINT_TASK, AGENT_TASK):
                loc: Loc = ("steps", name, "options", index, "explore")
                message = f"{option.task} keeps its place for everybody and is never tried out; take this away"
                yield fault(loc, "explored-complaint", message)


def reused_complaint_key(outline: Outline) -> Iterator[Finding]:
    """Another matter on the key that means complaint in the top menu."""
    keys = {
        option.key for name in outline.top_menus for option in outline.menus[name].options
        if option.task == COMPLAINT_TASK
    }  # fmt: skip
    for name, menu in outline.menus.items():
        for index, option in enumerate(menu.options):
            if option.key in keys and option.task != COMPLAINT_TASK:
                loc: Loc = ("steps", name, "options", index, "key")
                message = f"key {option.key} means a complaint in the top menu; choose another key"
                yield advice(loc, "complaint-key", message)


def late_for_a_person(outline: Outline) -> Iterator[Finding]:
    """Complaint or agent heard later than the book promises, whatever order personalisation chooses."""
    book = outline.book
    for name in outline.top_menus:
        menu = outline.menus[name]
        for language in book.languages:
            offered = {id(option) for option in menu.offered(language)}
            for index, option in enumerate(menu.options):
                if option.task in (COMPLAINT_TASK, AGENT_TASK) and id(option) in offered:
                    seconds = heard_after_s(book, menu, option, language)
                    if seconds > book.heard_within_s:
                        message = (
                            f"heard after {seconds:.0f} s in {language!r}; the book promises {book.heard_within_s:g} s"
                            "; move it up, or shorten what comes before"
                        )
                        yield fault(("steps", name, "options", index), "heard-late", message)


def far_from_a_person(outline: Outline) -> Iterator[Finding]:
    """Top menus behind too much talk, and keys for complaint and agent behind which nobody comes soon."""
    for loc, start in outline.beginnings:
        seconds, count = _longest(outline, start)
        if seconds > MOST_S or count > MOST_STEPS:
            message = (
                f"callers listen to {count} steps, {seconds:.0f} s, before they can ask for a person; "
                f"at most {MOST_STEPS} steps and {MOST_S:g} s are advised"
            )
            yield advice(loc, "late-menu", message)
    to_help = _to_help(outline)
    for name in outline.top_menus:
        for index, option in enumerate(outline.menus[name].options):
            if option.task in (COMPLAINT_TASK, AGENT_TASK) and option.then in outline.book.steps:
                where: Loc = ("steps", name, "options", index, "then")
                if option.then not in to_help:
                    message = f"{option.task} leads to no agent, callback, recording or case; lead it to one"
                    yield fault(where, "no-help", message)
                elif to_help[option.then][0] > MOST_S or to_help[option.then][1] > MOST_STEPS:
                    seconds, count = to_help[option.then]
                    message = f"{option.task} leads to somebody after {count} steps, {seconds:.0f} s; shorten the way"
                    yield advice(where, "late-help", message)


def _said_s(outline: Outline, step: Step) -> float:
    """Seconds that a step takes of a caller's time, in the slowest language."""
    book = outline.book
    prompts = [name for loc, name in prompts_of(step) if loc[0] not in ("no_input", "invalid", "wrong", "wait")]
    texts = [book.prompts[name].text.values() for name in prompts if name in book.prompts]
    seconds = [max(map(estimated_s, words)) for words in texts]
    said = max(seconds, default=0.0) if isinstance(step, Matters) else sum(seconds)  # one matter is told
    return said + _ASKING_S * (step.kind in _ASKING)


def _cost(outline: Outline, step: Step) -> tuple[float, int]:
    quiet = step.kind in _QUIET or isinstance(step, SetLanguage)
    return (0.0, 0) if quiet else (_said_s(outline, step), 1)


def _longest(outline: Outline, start: str) -> tuple[float, int]:
    """Seconds and steps of the slowest way to a menu or a person, rounds aside."""
    stop = outline.helping | outline.menus.keys()
    best: dict[str, tuple[float, int]] = {}
    trail: dict[str, Iterator[str]] = {start: iter(()) if start in stop else (w.to for w in outline.exits[start])}
    while trail:
        name = next(reversed(trail))
        to = next((to for to in trail[name] if to not in best and to not in trail), None)
        if to is not None:
            trail[to] = iter(()) if to in stop else (way.to for way in outline.exits[to])
            continue
        trail.popitem()
        after = [best[way.to] for way in outline.exits[name] if way.to in best] if name not in stop else []
        seconds, count = (0.0, 0) if name in stop else _cost(outline, outline.book.steps[name])
        best[name] = (
            seconds + max((one for one, _ in after), default=0.0),
            count + max((one for _, one in after), default=0),
        )
    return best[start]


def _to_help(outline: Outline) -> dict[str, tuple[float, int]]:
    """Every step from which a person or a recording can be reached: seconds and steps of the quickest way."""
    found: dict[str, tuple[float, int]] = {}
    waiting = [(0.0, 0, name) for name in sorted(outline.helping)]
    while waiting:
        seconds, count, name = heappop(waiting)
        if name in found:
            continue
        found[name] = (seconds, count)
        for before in outline.before[name]:
            if before not in found:
                more, step = _cost(outline, outline.book.steps[before])
                heappush(waiting, (seconds + more, count + step, before))
    return found
