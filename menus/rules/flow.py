"""Rules on the ways through a book: every step can be reached, and every caller is let out."""

from collections import deque
from collections.abc import Iterator, Mapping

from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.outline import Exit, Outline, rounds
from menus.rules.places import chosen
from menus.schema import (
    Callback,
    Dip,
    Goodbye,
    Goto,
    Menu,
    OpenCase,
    Route,
    Send,
    Set,
    SetLanguage,
    Step,
    Transact,
)

_ADVISED_DEPTH = 2
#: Steps that neither speak nor wait; what they do is done at once.
_AT_ONCE = (Goto, Set, SetLanguage, Dip, Send, OpenCase, Callback)


def unreachable_steps(outline: Outline) -> Iterator[Finding]:
    """Steps that no call can come to; not judged while a way leads to a step that does not exist."""
    book = outline.book
    begun = [book.entry, *(entry.then for entry in book.entries.values())]
    gone_to = {to for name in outline.reached for to in book.steps[name].exits().values()}
    if not book.steps.keys() >= {*begun, *gone_to}:
        return
    for name in book.steps:
        if name not in outline.reached:
            message = f"no way leads to {name!r}; name it in a `then`, or take it away"
            yield fault(("steps", name), "unreachable-step", message)


def silent_loops(outline: Outline) -> Iterator[Finding]:
    """Rounds in which nothing is said and nothing waited for: they would turn until the call's time is over."""
    steps = outline.book.steps
    at_once = {name for name, step in steps.items() if _is_at_once(step)}
    ways = {name: tuple(way for way in outline.exits[name] if way.to in at_once) for name in at_once}
    for name, way, round_ in rounds({name: ways[name] for name in steps if name in at_once}):
        message = f"this round says nothing and waits for nothing: {_told(round_)}; let it say something and end"
        yield fault(("steps", name, *way.loc), "silent-loop", message)


def _is_at_once(step: Step) -> bool:
    if isinstance(step, Transact):
        return step.confirm is None and not step.say and not step.each
    return isinstance(step, _AT_ONCE)


def endless_loops(outline: Outline) -> Iterator[Finding]:
    """Rounds in which a caller who chooses nothing is kept for ever, or for as long as a condition says."""
    steps = outline.book.steps
    for sure in (True, False):
        for name, way, round_ in rounds(_ways_without_choice(outline, sure=sure)):
            loc: Loc = ("steps", name, *way.loc)
            if all(_is_at_once(steps[step]) for step in round_):
                continue  # a silent loop
            if sure:
                message = f"a caller who chooses nothing goes round for ever: {_told(round_)}; lead one way out of it"
                yield fault(loc, "endless-loop", message)
            elif any(_decides(steps[step]) for step in round_):  # the others have been told
                message = f"a caller who chooses nothing goes round while conditions allow it: {_told(round_)}"
                yield advice(loc, "conditional-loop", f"{message}; make sure that they cease to hold")


def _decides(step: Step) -> bool:
    return isinstance(step, Goto) and bool(step.cases)


def _ways_without_choice(outline: Outline, *, sure: bool) -> Mapping[str, tuple[Exit, ...]]:
    """The ways of a caller who chooses nothing; `sure`: only those that no condition decides on."""
    return {
        name: ()
        if sure and _decides(step)
        else tuple(way for way in outline.exits[name] if not chosen(step, way.where))
        for name, step in outline.book.steps.items()
    }


def _told(round_: list[str]) -> str:
    shown = round_ if len(round_) <= 8 else [*round_[:6], "…", round_[-1]]
    return " → ".join(shown)


def deep_menus(outline: Outline) -> Iterator[Finding]:
    """Menus that take more than two choices to reach."""
    depths = outline.depths(outline.top_menus)
    for name in outline.menus:
        if depths.get(name, 0) > _ADVISED_DEPTH - 1:
            message = (
                f"this menu stands {depths[name] + 1} deep; callers get lost below {_ADVISED_DEPTH}: offer it higher"
            )
            yield advice(("steps", name), "deep-menu", message)


def rings_out(outline: Outline) -> Iterator[Finding]:
    """Queues after which, when nobody comes, a caller is sent away with nothing: no callback, no message, no person."""
    steps = outline.book.steps
    empty_handed = {name for name, step in steps.items() if isinstance(step, Goodbye)}
    waiting = deque(empty_handed)
    while waiting:
        for name in outline.before[waiting.popleft()]:
            if name not in empty_handed and name not in outline.helping and name not in outline.menus:
                empty_handed.add(name)
                waiting.append(name)
    told: dict[str, list[str]] = {}
    for name, step in steps.items():
        if isinstance(step, Route) and step.otherwise in empty_handed and not any(
            way.then in outline.helping for way in step.ways
        ):  # fmt: skip
            told.setdefault(step.otherwise, []).append(name)
    for otherwise, names in told.items():
        more = f", and in {len(names) - 1} other queues" if len(names) > 1 else ""
        message = f"when nobody comes, callers are sent away over {otherwise!r}{more}; offer a callback or a recording"
        yield advice(("steps", names[0], "otherwise"), "rings-out", message)


def lone_ways(outline: Outline) -> Iterator[Finding]:
    """Ways that a step cannot do without, or has for nothing: a confirmation and its no, a matter and its step."""
    for name, step in outline.book.steps.items():
        loc: Loc = ("steps", name)
        if isinstance(step, Transact) and (step.confirm is None) != (step.cancelled is None):
            lacking = "cancelled" if step.confirm else "confirm"
            yield fault(loc, "half-written", f"`confirm` and `cancelled` belong together; {lacking} is missing")
        if step.kind == "matters":
            for prompt, then in (("case", "case_then"), ("callback", "callback_then")):
                if (getattr(step, prompt) is None) != (getattr(step, then) is None):
                    lacking = then if getattr(step, prompt) else prompt
                    yield fault(loc, "half-written", f"`{prompt}` and `{then}` belong together; {lacking} is missing")
        if isinstance(step, Menu) and step.order == "fixed":
            if step.keys != "stable":
                message = f"keys: {step.keys} does nothing in a menu with order: fixed; write order: personal"
                yield advice((*loc, "keys"), "half-written", message)
            if step.gate is not None:
                message = "a gate does nothing in a menu with order: fixed; write order: personal, or take it away"
                yield advice((*loc, "gate"), "half-written", message)
