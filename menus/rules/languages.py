"""Rules on languages: every caller finds every word in theirs."""

from collections.abc import Collection, Iterator, Mapping

from menus.rules.finding import Finding, Loc, fault, unknown
from menus.rules.outline import Outline
from menus.rules.places import options_of
from menus.schema import MenuBook, SetLanguage
from menus.spoken import LANGUAGES


def unknown_languages(outline: Outline) -> Iterator[Finding]:
    """A language that is not the book's, stands twice, or whose numbers nobody can speak."""
    book = outline.book
    for index, language in enumerate(book.languages):
        if language not in LANGUAGES:
            yield unknown(("languages", index), "unknown-language", "spoken language", language, LANGUAGES)
        if language in book.languages[:index]:
            yield fault(("languages", index), "duplicate-language", f"{language} stands here twice; take one away")
    for loc, language in _named(book):
        if language not in book.languages:
            yield unknown(loc, "unknown-language", "language of this book", language, book.languages)


def _named(book: MenuBook) -> Iterator[tuple[Loc, str]]:
    for name, entry in book.entries.items():
        if entry.language is not None:
            yield ("entries", name, "language"), entry.language
    for name, step in book.steps.items():
        if isinstance(step, SetLanguage):
            yield ("steps", name, "language"), step.language
    for loc, option in options_of(book):
        yield from (((*loc, "only_in", index), language) for index, language in enumerate(option.only_in))
        if option.spoken_in is not None:
            yield (*loc, "spoken_in"), option.spoken_in
    for loc, words, _ in _words(book):
        yield from (((*loc, language), language) for language in words)


def missing_languages(outline: Outline) -> Iterator[Finding]:
    """Words that a caller of this language would need and that nobody wrote."""
    for loc, words, needed in _words(outline.book):
        for language in needed:
            if language not in words:
                yield fault(
                    loc, "missing-language", f"the words in {language!r} are missing; write them beside the others"
                )


def _words(book: MenuBook) -> Iterator[tuple[Loc, Mapping[str, str], Collection[str]]]:
    """Every mapping from language to words or a recording, and the languages it must have."""
    yield ("option_phrase",), book.option_phrase, book.languages
    for task, words in book.tasks.items():
        yield ("tasks", task), words, book.languages
    for name, template in book.templates.items():
        yield ("templates", name, "text"), template.text, book.languages
    for name, prompt in book.prompts.items():
        yield ("prompts", name, "text"), prompt.text, book.languages
        yield ("prompts", name, "recording"), prompt.recording, ()
    for loc, option in options_of(book):
        voices = dict.fromkeys(option.voice_in(language) for language in book.languages if option.offered_in(language))
        yield (*loc, "label"), option.label, tuple(voices)
        if option.recording:
            yield (*loc, "recording"), option.recording, ()
