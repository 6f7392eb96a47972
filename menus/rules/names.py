"""Rules on names: everything that is referred to exists, and everything that exists is referred to."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from menus.rules.finding import Finding, Loc, advice, fault, unknown
from menus.rules.outline import Outline
from menus.rules.places import options_of, prompts_used, targets_of
from menus.schema import (
    AGENT_TASK,
    COMPLAINT_TASK,
    Callback,
    Collect,
    MenuBook,
    OpenCase,
    Option,
    Route,
    Send,
    Transfer,
)


def unknown_steps(outline: Outline) -> Iterator[Finding]:
    """A step that is gone to and does not exist."""
    book = outline.book
    begun: list[tuple[Loc, str]] = [(("entry",), book.entry)]
    begun += [(("entries", name, "then"), entry.then) for name, entry in book.entries.items()]
    if book.calling_back is not None:
        begun += [(("calling_back", role), getattr(book.calling_back, role)) for role in ("then", "otherwise")]
    for name, step in book.steps.items():
        begun += [(("steps", name, *loc), to) for loc, to in targets_of(step)]
    yield from _unknown(begun, "step", book.steps)


def unknown_prompts(outline: Outline) -> Iterator[Finding]:
    """A prompt that is named and does not exist, and one that is never said."""
    said = list(prompts_used(outline.book))
    yield from _unknown(said, "prompt", outline.book.prompts)
    yield from _unused("prompts", said, "prompt", outline.book.prompts, "said")


def unknown_tasks(outline: Outline) -> Iterator[Finding]:
    """An option whose task the book does not declare."""
    tasks = [((*loc, "task"), option.task) for loc, option in options_of(outline.book) if option.task is not None]
    yield from _unknown(tasks, "task", outline.book.tasks)


def unknown_segments(outline: Outline) -> Iterator[Finding]:
    """A segment that options are promoted for and that the book does not declare."""
    promoted = [
        ((*loc, "promote_for", index), segment)
        for loc, option in options_of(outline.book)
        for index, segment in enumerate(option.promote_for)
    ]
    yield from _unknown(promoted, "segment", outline.book.segments)


def unknown_templates(outline: Outline) -> Iterator[Finding]:
    """A text message that is sent and does not exist, and one that is never sent."""
    sent: list[tuple[Loc, str]] = [
        (("steps", name, "template"), step.template)
        for name, step in outline.book.steps.items()
        if isinstance(step, Send)
    ]
    yield from _unknown(sent, "template", outline.book.templates)
    yield from _unused("templates", sent, "template", outline.book.templates, "sent")


def unknown_numbers(outline: Outline) -> Iterator[Finding]:
    """An outside number that is called and does not exist, and one that is never called."""
    called: list[tuple[Loc, str]] = [
        (("steps", name, "to"), step.to) for name, step in outline.book.steps.items() if isinstance(step, Transfer)
    ]
    yield from _unknown(called, "number", outline.book.numbers)
    yield from _unused("numbers", called, "number", outline.book.numbers, "called")


def unknown_hours(outline: Outline) -> Iterator[Finding]:
    """Opening hours that a step names and that the calendar lacks."""
    named: list[tuple[Loc, str]] = [
        (("steps", name, "hours"), step.hours)
        for name, step in outline.book.steps.items()
        if isinstance(step, Collect | Callback) and step.hours is not None
    ]
    yield from _unknown(named, "hours", outline.book.calendar.hours, said="opening hours of the calendar")


def unknown_queues(book: MenuBook, queues: Collection[str]) -> Iterator[Finding]:
    """A queue that no one serves."""
    waited: list[tuple[Loc, str]] = [
        (("steps", name, "queue"), step.queue)
        for name, step in book.steps.items()
        if isinstance(step, Route | Callback)
    ]
    yield from _unknown(waited, "queue", queues)


def unknown_skills(book: MenuBook, skills: Collection[str]) -> Iterator[Finding]:
    """A skill that the site has not declared; languages need no declaration."""
    needed: list[tuple[Loc, str]] = [
        (("steps", name, "needs", skill), skill)
        for name, step in book.steps.items()
        if isinstance(step, Route | Callback)
        for skill in step.needs
        if not skill.startswith("lang:")
    ]
    yield from _unknown(needed, "skill", skills)


def unknown_tiers(book: MenuBook, tiers: int) -> Iterator[Finding]:
    """A tier of complaints above the highest that there is."""
    for name, step in book.steps.items():
        if isinstance(step, Route | Callback | OpenCase) and step.tier > tiers:
            yield fault(("steps", name, "tier"), "unknown-tier", f"there are {tiers} tiers in `complaints.tiers`")


def waits_nobody_tells(book: MenuBook, telling_waits: Collection[str]) -> Iterator[Finding]:
    """Queues that tell the expected wait, in a book without words for it."""
    if telling_waits and book.waiting.between is None:
        message = f"{', '.join(telling_waits)} announce the expected wait, and here are no words for it; name prompts "
        message += "as `less_than`, `between` and `more_than`"
        yield advice(("waiting",), "no-wait-words", message)


def other_time_zone(book: MenuBook, time_zone: str) -> Iterator[Finding]:
    """A time zone that is not the site's, in which a caller's day begins."""
    if book.time_zone != time_zone:
        message = f"the book says {book.time_zone}, the settings {time_zone}; a site has one time zone"
        yield fault(("time_zone",), "other-time-zone", message)


def recordings_used(book: MenuBook) -> Iterator[tuple[Loc, str]]:
    """Every recording that the book refers to."""
    for name, prompt in book.prompts.items():
        yield from ((("prompts", name, "recording", language), file) for language, file in prompt.recording.items())
    for loc, option in options_of(book):
        yield from (((*loc, "recording", language), file) for language, file in option.recording.items())


def never_promoted(outline: Outline) -> Iterator[Finding]:
    """Options that ask to be spoken earlier where nothing is, and personal menus in which nothing can be."""
    for name, menu in outline.menus.items():
        for index, option in enumerate(menu.options):
            explored = option.explore and option.task not in (AGENT_TASK, COMPLAINT_TASK)  # that is a fault of its own
            field = "promote_when" if option.promote_when else "promote_for" if option.promote_for else "explore"
            why = "the menu has no order: personal" if menu.order == "fixed" else "the option is pinned"
            loc: Loc = ("steps", name, "options", index)
            if (option.promote_when or option.promote_for or explored) and (menu.order == "fixed" or option.pinned):
                yield advice((*loc, field), "never-promoted", f"this does nothing, because {why}")
            elif explored and (menu.gate or outline.book.gate).explore == 0:
                message = "this does nothing, because explore of the gate is 0; write a share of customers there"
                yield advice((*loc, "explore"), "never-promoted", message)
        if menu.order == "personal" and not any(map(_can_be_promoted, menu.options)):
            message = "nothing here can be spoken earlier; options need a task, promote_when, promote_for or explore"
            yield advice(("steps", name, "order"), "never-promoted", message)


def _can_be_promoted(option: Option) -> bool:
    return not option.stays and bool(option.task or option.promote_when or option.promote_for or option.explore)


def _unknown(
    named: Iterable[tuple[Loc, str]], what: str, known: Collection[str], said: str | None = None
) -> Iterator[Finding]:
    for loc, name in named:
        if name not in known:
            yield unknown(loc, f"unknown-{what}", said or what, name, known)


def _unused(
    section: str, used: Iterable[tuple[Loc, str]], what: str, known: Mapping[str, object], how: str
) -> Iterator[Finding]:
    names = {name for _, name in used}
    for name in known:
        if name not in names:
            yield advice((section, name), f"unused-{what}", f"{name!r} is never {how}; take it away")
