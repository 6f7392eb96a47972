"""Text that comes from outside: caller name and number, decoded once and made harmless."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

#: Longest caller name that is kept, in characters.
MOST_NAME: Final = 64

_NUMBER = re.compile(r"\+?[0-9]{3,15}")
#: Invisible characters that Unicode files under letters or marks.
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufffc")
#: Controls, formats (direction, zero width), surrogates, private use, unassigned, line and paragraph separators.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def decode(encoded: str) -> str:
    """Undo URIENCODE. Bytes that are not UTF-8 become surrogates, which `caller_name` drops."""
    return unquote_to_bytes(encoded.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def caller_name(text: str) -> str:
    """One line of visible text, at most 64 characters, without direction marks; empty when nothing is left."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    seen = "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN and c not in _FILLERS)
    return " ".join(seen.split())[:MOST_NAME].rstrip()


def caller_number(text: str) -> str | None:
    """The number when it is one: 3 to 15 ASCII digits, perhaps a plus. Never what is left of something else."""
    return text if _NUMBER.fullmatch(text) else None
