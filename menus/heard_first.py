"""What a caller has just heard first, and why, for the agent: in every language of the book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from menus.arrangement import Why
from menus.facts import CallerFacts
from menus.personalise import habit_of
from menus.schema import Menu, MenuBook


@dataclass(frozen=True, slots=True)
class HeardFirst:
    """An option that was put in front."""

    menu: str
    why: Why
    label: Mapping[str, str]  #: language → what the option is called
    because: Mapping[str, str] = field(default_factory=dict)  #: language → "usually transfers money on the 1st"


def heard_first(
    book: MenuBook, records: Sequence[Mapping[str, Any]], facts: CallerFacts, now: datetime
) -> HeardFirst | None:
    """Of a call's decision records, oldest first: what the latest menu with something in front had there, and why.

    None when nothing was put in front, or when the book no longer knows the option.
    """
    for record in reversed(records):
        menu, promoted = book.steps.get(str(record.get("menu"))), record.get("promoted")
        if not isinstance(menu, Menu) or not promoted:
            continue
        option = next((one for one in menu.options if one.id == promoted[0]), None)
        why = record.get("why", {}).get(promoted[0])
        if option is None or why not in set(Why):
            return None
        because = {}
        if why == Why.HABIT and option.task is not None:
            lines = {language: habit_of(book, facts, option.task, now, language) for language in book.languages}
            because = {language: line for language, line in lines.items() if line}
        label = {language: text for language in book.languages if (text := option.label.get(option.voice_in(language)))}
        return HeardFirst(str(record["menu"]), Why(why), label, because)
    return None
