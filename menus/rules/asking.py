"""Rules on what callers are asked for: entries that can be typed, recordings, callbacks and surveys that make sense."""

from collections.abc import Iterator, Mapping

from menus.rules.finding import Finding, Loc, advice, fault
from menus.rules.known import QUEUED, Known
from menus.rules.outline import Outline
from menus.schema import Callback, Collect, MenuBook, Record, Route, Survey

#: Kind of entry → the checks that it can be put to.
_CHECKS: Mapping[str, tuple[str, ...]] = {
    "digits": ("luhn", "iban"),
    "number": (),
    "money": (),
    "date": ("future", "past"),
    "time": ("in_hours",),
}
#: Kind of entry → fewest and most digits that can make one.
_LENGTHS: Mapping[str, tuple[int, int]] = {
    "digits": (1, 30),
    "number": (1, 12),
    "money": (1, 15),
    "date": (4, 8),
    "time": (3, 4),
}


def entries(outline: Outline) -> Iterator[Finding]:
    """Entries that nobody could type, or that are checked for what they are not."""
    for name, step in outline.book.steps.items():
        if isinstance(step, Collect):
            loc: Loc = ("steps", name)
            yield from _lengths(loc, step)
            yield from _checks(loc, step)
            yield from _keys(loc, step)
            yield from _confirmation(outline, loc, step)


def _lengths(loc: Loc, step: Collect) -> Iterator[Finding]:
    least, most = _LENGTHS[step.type]
    if step.least > step.most:
        yield fault((*loc, "least"), "bad-bounds", f"at least {step.least} digits and at most {step.most} cannot be")
    elif step.most < least or ("least" in step.model_fields_set and step.least > most):
        field = "most" if step.most < least else "least"
        yield fault((*loc, field), "bad-bounds", f"a {step.type} has from {least} to {most} digits")
    if step.smallest is not None and step.largest is not None and step.smallest > step.largest:
        message = f"from {step.smallest} to {step.largest} there is nothing; exchange them"
        yield fault((*loc, "smallest"), "bad-bounds", message)
    for field in ("smallest", "largest"):
        if getattr(step, field) is not None and step.type not in ("number", "money"):
            message = f"`{field}` is for numbers and money; this is {step.type}"
            yield fault((*loc, field), "bad-bounds", message)


def _checks(loc: Loc, step: Collect) -> Iterator[Finding]:
    if step.check is not None and step.check not in _CHECKS[step.type]:
        able = " or ".join(_CHECKS[step.type]) or "by smallest and largest only"
        yield fault((*loc, "check"), "bad-check", f"{step.type} cannot be checked so; it can be checked {able}")
    elif step.check == "in_hours" and step.hours is None:
        yield fault((*loc, "check"), "bad-check", "in_hours needs `hours`, the name of opening hours of the calendar")
    elif step.hours is not None and step.check != "in_hours":
        yield fault((*loc, "hours"), "bad-check", "`hours` is looked at with check: in_hours only; write it too")


def _keys(loc: Loc, step: Collect) -> Iterator[Finding]:
    if step.finish_key.isdigit():
        message = f"key {step.finish_key} could not be typed then; end entries with pound or star"
        yield fault((*loc, "finish_key"), "clashing-key", message)
    elif step.finish_key == "*" and step.type == "money":
        message = "star is the decimal point of money; end the entry with pound"
        yield fault((*loc, "finish_key"), "clashing-key", message)


def _confirmation(outline: Outline, loc: Loc, step: Collect) -> Iterator[Finding]:
    prompt = outline.book.prompts.get(step.confirm or "")
    if prompt is None or step.secret:
        return
    if not any(slot.name == step.into for slot in outline.slots_in(prompt.text)):
        message = f"{step.confirm!r} does not speak {step.into!r}, so callers cannot tell whether it is right"
        yield advice((*loc, "confirm"), "unspoken-value", message)


def recordings(outline: Outline) -> Iterator[Finding]:
    """Recordings that end before they count."""
    for name, step in outline.book.steps.items():
        if isinstance(step, Record):
            loc: Loc = ("steps", name)
            if step.least_s >= step.longest_s:
                message = (
                    f"recordings end after {step.longest_s:g} s, and shorter ones than {step.least_s:g} s do not count"
                )
                yield fault((*loc, "least_s"), "bad-bounds", f"{message}; lower least_s")
            elif step.silence_s >= step.longest_s:
                message = f"recordings end after {step.longest_s:g} s, so {step.silence_s:g} s of silence never end one"
                yield advice((*loc, "silence_s"), "bad-bounds", f"{message}; lower silence_s")


def callbacks(outline: Outline, known: Known) -> Iterator[Finding]:
    """Callbacks at a time that nobody told, or in the place of a caller who has none."""
    for name, step in outline.book.steps.items():
        if not isinstance(step, Callback):
            continue
        loc: Loc = ("steps", name, "time")
        if step.time == "at" and step.at is None:
            yield fault(loc, "half-written", "time: at needs `at`, the value with the wished time of day")
        elif step.at is not None and step.time != "at":
            yield fault((*loc[:2], "at"), "half-written", "`at` is looked at with time: at only; write it too")
        elif step.time == "keep_place" and not known.at(name, QUEUED):
            message = f"the caller has no place in a queue {known.without(name, QUEUED)}; lead here from a route"
            yield advice(loc, "no-place", message)


def unsaid_recording(book: MenuBook, recording: Mapping[str, str]) -> Iterator[Finding]:
    """Queues that record conversations, in a book that does not say so to their callers."""
    for name, step in book.steps.items():
        how = recording.get(step.queue, "never") if isinstance(step, Route | Callback) else "never"
        if how != "never" and getattr(book.recorded, how, None) is None:
            message = f"the queue's conversations are recorded ({how}), and nobody is told; write `recorded: {how}:`"
            yield fault(("steps", name, "queue"), "unsaid-recording", message)


def surveys(outline: Outline) -> Iterator[Finding]:
    """Two questions of a survey under one name."""
    for name, step in outline.book.steps.items():
        if isinstance(step, Survey):
            seen: set[str] = set()
            for index, question in enumerate(step.questions):
                if question.id in seen:
                    loc: Loc = ("steps", name, "questions", index, "id")
                    yield fault(loc, "duplicate-id", f"{question.id!r} stands twice in this survey; rename one")
                seen.add(question.id)
