"""What must be said for a book: each piece of text or recording once, with the pause after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from menus.errors import UnfitValue, UnknownPrompt
from menus.phrases import option_text
from menus.prompt_text import Slot, SlotKind, segments
from menus.schema import Menu, MenuBook, Option
from menus.spoken import grouped, spoken, vocabulary

PHRASE_PAUSE_MS = 350  #: after a sentence or an option; half a second between options with the player's own gap
PIECE_PAUSE_MS = 60  #: within a sentence that is put together
GROUP_PAUSE_MS = 300  #: between groups of digits: long enough to write them down


@dataclass(frozen=True, slots=True, order=True)
class Utterance:
    """One sound file to be."""

    language: str
    text: str
    pause_ms: int = PHRASE_PAUSE_MS
    recording: str = ""  #: name of a recorded file that is played instead of speech


def of_prompt(book: MenuBook, name: str, language: str, **values: Any) -> tuple[Utterance, ...]:
    """The pieces of a prompt, its slots filled. Raises UnknownPrompt, UnfitValue."""
    prompt = book.prompts.get(name)
    if prompt is None or language not in prompt.text:
        raise UnknownPrompt(f"the book has no prompt {name!r} in {language!r}")
    text = prompt.text[language]
    if language in prompt.recording:
        return (Utterance(language, text, recording=prompt.recording[language]),)
    said: list[Utterance] = []
    for piece in _pieces(language, text):
        if isinstance(piece, Slot):
            if piece.name not in values:
                raise UnfitValue(f"{name}: the value of {{{piece.name}}} is missing")
            words = spoken(piece.kind, values[piece.name], language)
            pauses = _pauses(piece.kind, values[piece.name], len(words))
            said += [Utterance(language, word, pause_ms) for word, pause_ms in zip(words, pauses, strict=True)]
        else:
            said.append(piece)
    return tuple(said)


def _pauses(kind: SlotKind, value: Any, words: int) -> list[int]:
    """The pause after each word of a value: longer after the last digit of a group that another one follows."""
    pauses = [PIECE_PAUSE_MS] * words
    if kind is SlotKind.GROUPS:
        end = 0
        for group in grouped(value)[:-1]:
            end += len(group)
            pauses[end - 1] = GROUP_PAUSE_MS
    return pauses


def _pieces(language: str, text: str) -> list[Utterance | Slot]:
    cut = segments(text)
    return [
        piece
        if isinstance(piece, Slot)
        else Utterance(language, piece, PHRASE_PAUSE_MS if index == len(cut) else PIECE_PAUSE_MS)
        for index, piece in enumerate(cut, start=1)
    ]


def of_option(book: MenuBook, option: Option, language: str, key: str | None = None) -> Utterance:
    """The sentence of an option during a call in this language, on its own key or another.

    A recording says the option's own key, so that speech takes its place on another.
    """
    voice = option.voice_in(language)
    recording = option.recording.get(voice, "") if key in (None, option.key) else ""
    return Utterance(voice, option_text(book, option, language, key), recording=recording)


def all_of(book: MenuBook) -> list[Utterance]:
    """Everything that the book can say, sorted."""
    return sorted(set(_all(book)))


def _all(book: MenuBook) -> Iterator[Utterance]:
    for language in book.languages:
        for name, prompt in book.prompts.items():
            if language in prompt.recording:
                yield from of_prompt(book, name, language)
                continue
            for piece in _pieces(language, prompt.text[language]):
                if isinstance(piece, Slot):
                    words = vocabulary(piece.kind, language)
                    yield from (Utterance(language, word, PIECE_PAUSE_MS) for word in words)
                    if piece.kind is SlotKind.GROUPS:
                        yield from (Utterance(language, word, GROUP_PAUSE_MS) for word in words)
                else:
                    yield piece
        for step in book.steps.values():
            if isinstance(step, Menu):
                for option in step.offered(language):
                    yield from (of_option(book, option, language, key) for key in step.keys_for(option, language))
