"""Rules on names and words: everything that is referred to exists, in every language."""

from collections.abc import Collection, Iterator, Mapping

from menus.prompt_text import SlotKind, slots
from menus.rules.finding import Finding, Loc, advice, fault, unknown
from menus.rules.places import options_of, prompts_used, targets_of
from menus.schema import MenuBook, Route, SetLanguage
from menus.spoken import LANGUAGES

_NUMERIC = (SlotKind.NUMBER, SlotKind.COUNT, SlotKind.ORDINAL)


def unknown_steps(book: MenuBook) -> Iterator[Finding]:
    """A step that is gone to and does not exist."""
    if book.entry not in book.steps:
        yield unknown(("entry",), "unknown-step", "step", book.entry, book.steps)
    if book.calling_back is not None:
        for role in ("then", "otherwise"):
            if (target := getattr(book.calling_back, role)) not in book.steps:
                yield unknown(("calling_back", role), "unknown-step", "step", target, book.steps)
    for name, step in book.steps.items():
        for loc, target in targets_of(step):
            if target not in book.steps:
                yield unknown(("steps", name, *loc), "unknown-step", "step", target, book.steps)


def unknown_prompts(book: MenuBook) -> Iterator[Finding]:
    """A prompt that is named and does not exist, and one that is never said."""
    said = set()
    for loc, name in prompts_used(book):
        said.add(name)
        if name not in book.prompts:
            yield unknown(loc, "unknown-prompt", "prompt", name, book.prompts)
    for name in book.prompts:
        if name not in said:
            yield advice(("prompts", name), "unused-prompt", f"{name!r} is never said")


def unknown_tasks(book: MenuBook) -> Iterator[Finding]:
    """An option whose task the book does not declare."""
    for loc, option in options_of(book):
        if option.task is not None and option.task not in book.tasks:
            yield unknown((*loc, "task"), "unknown-task", "task", option.task, book.tasks)


def unknown_queues(book: MenuBook, queues: Collection[str]) -> Iterator[Finding]:
    """A queue that no one serves."""
    for name, step in book.steps.items():
        if isinstance(step, Route) and step.queue not in queues:
            yield unknown(("steps", name, "queue"), "unknown-queue", "queue", step.queue, queues)


def other_time_zone(book: MenuBook, time_zone: str) -> Iterator[Finding]:
    """A time zone that is not the site's, in which a caller's day begins."""
    if book.time_zone != time_zone:
        message = f"the book says {book.time_zone}, the settings {time_zone}; a site has one time zone"
        yield fault(("time_zone",), "other-time-zone", message)


def unknown_languages(book: MenuBook) -> Iterator[Finding]:
    """A language that is not the book's, stands twice, or whose numbers nobody can speak."""
    for index, language in enumerate(book.languages):
        if language not in LANGUAGES:
            yield unknown(("languages", index), "unknown-language", "spoken language", language, LANGUAGES)
        if language in book.languages[:index]:
            yield fault(("languages", index), "duplicate-language", f"{language} stands here twice")
    used: list[tuple[Loc, str]] = [
        (("steps", name, "language"), step.language)
        for name, step in book.steps.items()
        if isinstance(step, SetLanguage)
    ]
    for loc, option in options_of(book):
        used += [((*loc, "only_in", index), language) for index, language in enumerate(option.only_in)]
        used += [((*loc, "spoken_in"), option.spoken_in)] if option.spoken_in else []
    for loc, words, _ in _words(book):
        used += [((*loc, language), language) for language in words]
    for loc, language in used:
        if language not in book.languages:
            yield unknown(loc, "unknown-language", "language of this book", language, book.languages)


def missing_languages(book: MenuBook) -> Iterator[Finding]:
    """Words that a caller of this language would need and that nobody wrote."""
    for loc, words, needed in _words(book):
        for language in needed:
            if language not in words:
                yield fault(loc, "missing-language", f"the words in {language!r} are missing")


def _words(book: MenuBook) -> Iterator[tuple[Loc, Mapping[str, str], Collection[str]]]:
    """Every mapping from language to words or a recording, and the languages it must have."""
    yield ("option_phrase",), book.option_phrase, book.languages
    for task, words in book.tasks.items():
        yield ("tasks", task), words, book.languages
    for name, prompt in book.prompts.items():
        yield ("prompts", name, "text"), prompt.text, book.languages
        yield ("prompts", name, "recording"), prompt.recording, ()
    for loc, option in options_of(book):
        voices = dict.fromkeys(option.voice_in(language) for language in book.languages if option.offered_in(language))
        yield (*loc, "label"), option.label, tuple(voices)
        yield (*loc, "recording"), option.recording, ()


def recordings_used(book: MenuBook) -> Iterator[tuple[Loc, str]]:
    """Every recording that the book refers to."""
    for name, prompt in book.prompts.items():
        yield from ((("prompts", name, "recording", language), file) for language, file in prompt.recording.items())
    for loc, option in options_of(book):
        yield from (((*loc, "recording", language), file) for language, file in option.recording.items())


def misplaced_slots(book: MenuBook) -> Iterator[Finding]:
    """Slots where nothing fills them, or a position announcement without the position."""
    for loc, name in prompts_used(book):
        allowed = {"position"} if loc == ("waiting", "position") else set()
        for language, text in book.prompts[name].text.items() if name in book.prompts else ():
            where: Loc = ("prompts", name, "text", language)
            found = {slot.name: slot.kind for slot in slots(text)}
            for slot, kind in found.items():
                if slot not in allowed:
                    yield fault(where, "unfilled-slot", f"nothing fills {{{slot}}} where this prompt is said")
                elif kind not in _NUMERIC:
                    yield fault(where, "wrong-slot", f"{{{slot}}} is a number; its kind is {', '.join(_NUMERIC)}")
            if allowed - found.keys():
                yield fault(where, "missing-slot", "the slot {position:number} is missing")
