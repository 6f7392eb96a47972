"""The text of a prompt: plain words with slots such as `{position:number}`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class SlotKind(StrEnum):
    """How a value is spoken."""

    NUMBER = "number"  # 105: one hundred and five; 2 is 二
    COUNT = "count"  # before a thing that is counted; 2 is 两
    ORDINAL = "ordinal"  # third, 第三
    DIGITS = "digits"  # one digit after the other
    GROUPS = "groups"  # the same, in groups with a pause between: cards, accounts, phones
    MONEY = "money"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a prompt where a value is spoken."""

    name: str
    kind: SlotKind


_SLOT = re.compile(r"\{([a-z][a-z0-9_]{0,30}):([a-z]+)\}")
_SPEAKABLE = re.compile(r"\w")


def segments(text: str) -> tuple[str | Slot, ...]:
    """The text cut at its slots; pieces without a letter or digit are left out. Raises ValueError for stray braces."""
    pieces: list[str | Slot] = []
    end = 0
    for found in _SLOT.finditer(text):
        pieces.append(text[end : found.start()])
        if found[2] not in list(SlotKind):
            raise ValueError(f"{found[0]} has no kind of value that can be spoken; known are {', '.join(SlotKind)}")
        pieces.append(Slot(found[1], SlotKind(found[2])))
        end = found.end()
    pieces.append(text[end:])
    kept = tuple(piece.strip() if isinstance(piece, str) else piece for piece in pieces)
    if any(isinstance(piece, str) and re.search(r"[{}]", piece) for piece in kept):
        raise ValueError("braces stand only around a slot, as in {position:number}")
    return tuple(piece for piece in kept if isinstance(piece, Slot) or _SPEAKABLE.search(piece))


def slots(text: str) -> frozenset[Slot]:
    """The slots of a text."""
    return frozenset(piece for piece in segments(text) if isinstance(piece, Slot))


def filled(text: str, write: Callable[[str, SlotKind], str]) -> str:
    """The text with each slot replaced by what `write` makes of its name and kind."""
    return _SLOT.sub(lambda found: write(found[1], SlotKind(found[2])), text)
