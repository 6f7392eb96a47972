"""Values as people say them: numbers, money, dates and keys → words that were rendered beforehand.

A language is a file of this folder named by its two letters; docs/languages.md tells what it must define.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from types import ModuleType
from typing import Any

from menus.errors import UnfitValue
from menus.prompt_text import SlotKind
from menus.spoken.discovery import languages_in
from menus.spoken.groups import grouped
from menus.spoken.money import Money

#: Languages that values can be spoken in.
LANGUAGES: Mapping[str, ModuleType] = languages_in(__path__, __name__)

_TAKES: dict[SlotKind, type | tuple[type, ...]] = {
    SlotKind.NUMBER: int,
    SlotKind.COUNT: int,
    SlotKind.ORDINAL: int,
    SlotKind.DIGITS: str,
    SlotKind.GROUPS: str,
    SlotKind.MONEY: Money,
    SlotKind.DATE: date,
    SlotKind.TIME: (time, datetime),
}


def spoken(kind: SlotKind, value: Any, language: str) -> tuple[str, ...]:
    """The words of a value, each of them in `vocabulary`. Raises UnfitValue when it cannot be spoken that way."""
    if not fits(kind, value):
        raise UnfitValue(f"{type(value).__name__} cannot be spoken as {kind}")
    say: Callable[[Any], tuple[str, ...]] = getattr(LANGUAGES[language], kind.value)
    return say(value)


def fits(kind: SlotKind, value: Any) -> bool:
    """Whether a value may stand in a slot of this kind."""
    return isinstance(value, _TAKES[kind]) and not isinstance(value, bool)


def key_word(key: str, language: str) -> str:
    """What a telephone key is called."""
    words: Mapping[str, str] = LANGUAGES[language].KEYS
    return words[key]


def habit_text(task: str, day: int, language: str) -> str:
    """What an agent reads of someone who does a task on a day of the month; `task` in this language."""
    text: str = LANGUAGES[language].habit(task, day)
    return text


def vocabulary(kind: SlotKind, language: str) -> tuple[str, ...]:
    """Every word that `spoken` can use for this kind of value."""
    words: tuple[str, ...] = LANGUAGES[language].VOCABULARY[kind]
    return words


__all__ = ["LANGUAGES", "Money", "fits", "grouped", "habit_text", "key_word", "spoken", "vocabulary"]
