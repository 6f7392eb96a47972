"""What a scenario means by `main.transfer` or by some words: which pieces of a call are that."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from menus.phrases import option_text
from menus.prompt_text import Slot, segments
from menus.schema import Menu, MenuBook
from menus.yaml_shape import close_match

_LIKE_A_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that is to be heard."""

    written: str
    is_name: bool

    def is_in(self, prompt: str, text: str) -> bool:
        """Whether a piece of a call with this name and text is it."""
        return prompt == self.written if self.is_name else _bare(self.written) in _bare(text)


def wanted(book: MenuBook, written: str) -> Wanted:
    """What is meant: a name of the book, else words."""
    return Wanted(written, written in names_of(book))


def names_of(book: MenuBook) -> frozenset[str]:
    """Everything that can be said, by name: prompts, and options as MENU.OPTION."""
    options = (
        f"{name}.{option.id}" for name, step in book.steps.items() if isinstance(step, Menu) for option in step.options
    )
    return frozenset({*book.prompts, *options})


def fault_of(book: MenuBook, written: str) -> str | None:
    """What is wrong with a name or words; None when they may be said in some call."""
    known = names_of(book)
    if written in known or not _LIKE_A_NAME.fullmatch(written):
        return None  # words may be put together from values, which nobody knows beforehand
    if any(_bare(written) in _bare(text) for text in _texts(book)):
        return None
    return f"nothing in the book is called {written!r} or says so{close_match(written, known)}"


def _texts(book: MenuBook) -> Iterator[str]:
    for prompt in book.prompts.values():
        for text in prompt.text.values():
            yield from (piece for piece in segments(text) if not isinstance(piece, Slot))
    for step in book.steps.values():
        if isinstance(step, Menu):
            yield from (
                option_text(book, option, language) for language in book.languages for option in step.offered(language)
            )


def _bare(text: str) -> str:
    return "".join(text.casefold().split())
