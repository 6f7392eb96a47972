"""What belongs together in a picture of a book, and in which colours it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds of step that are drawn alike."""

    name: str
    colour: str  #: of its heads, dark enough for white letters
    pale: str  #: of its boxes where letters are black


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        Group("entry", "#1d4ed8", "#dbeafe"),
        Group("menu", "#4338ca", "#e0e7ff"),
        Group("says", "#475569", "#f1f5f9"),
        Group("decides", "#a16207", "#fef3c7"),
        Group("asks", "#0f766e", "#ccfbf1"),
        Group("does", "#9d174d", "#fce7f3"),
        Group("people", "#15803d", "#dcfce7"),
        Group("ends", "#1f2937", "#e5e7eb"),
    )
}
_KINDS = {
    "entry": "entry",
    "menu": "menu",
    "matters": "menu",
    "say": "says",
    "language": "says",
    "goto": "decides",
    "set": "decides",
    "dip": "decides",
    "collect": "asks",
    "verify": "asks",
    "record": "asks",
    "survey": "asks",
    "transact": "does",
    "message": "does",
    "case": "does",
    "route": "people",
    "transfer": "people",
    "callback": "people",
    "goodbye": "ends",
}


def group_of(kind: str) -> Group:
    """The group that a kind of step is drawn in; a kind that is not known is drawn like what does something."""
    return GROUPS[_KINDS.get(kind, "does")]
