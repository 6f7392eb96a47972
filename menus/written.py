"""Values as people read them, in text messages: CNY 1,234.50, 1 December 2026, 14:05."""

from collections.abc import Callable, Mapping
from typing import Any

from menus.errors import UnfitValue
from menus.prompt_text import SlotKind
from menus.prompt_text import filled as filled_slots
from menus.spoken import LANGUAGES, fits, grouped

#: Kinds that are written alike in every language, besides digits, which are written as they are; the others are
#: functions `written_…` of the language modules.
_ALIKE: Mapping[SlotKind, Callable[[Any], str]] = {
    SlotKind.NUMBER: lambda value: f"{value:,}",
    SlotKind.COUNT: lambda value: f"{value:,}",
    SlotKind.GROUPS: lambda value: " ".join(grouped(value)),
    SlotKind.TIME: lambda value: f"{value:%H:%M}",
}


def written(kind: SlotKind, value: Any, language: str) -> str:
    """A value as it is written in this language. Raises UnfitValue when it is not of that kind."""
    if not fits(kind, value):
        raise UnfitValue(f"{type(value).__name__} cannot be written as {kind}")
    alike = _ALIKE.get(kind)
    if alike is None and isinstance(value, str):
        return value
    if alike is not None:
        return alike(value)
    write: Callable[[Any], str] = getattr(LANGUAGES[language], f"written_{kind.value}")
    return write(value)


def filled(text: str, language: str, values: Mapping[str, Any]) -> str:
    """A text with its slots filled. Raises UnfitValue when a value is missing or of another kind."""

    def write(name: str, kind: SlotKind) -> str:
        if name not in values:
            raise UnfitValue(f"the value of {{{name}}} is missing")
        return written(kind, values[name], language)

    return filled_slots(text, write)
