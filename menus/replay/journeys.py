"""The record of a call → its journeys: from menu to menu until what the caller wanted was chosen."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Steps that lie between two menus without being what the caller came for.
PASSED = frozenset({"menu", "say", "goto", "set", "language", "matters", "verify", "collect", "dip"})


@dataclass(frozen=True, slots=True)
class Visit:
    """A menu in which an option was chosen."""

    menu: str
    option: str
    task: str | None
    key: str  #: the one that was pressed
    record: Mapping[str, Any] | None  #: the decision record; None when nothing was said, or it is not kept any more
    listened_s: float | None = None  #: from the first word of the menu until the key


@dataclass(frozen=True, slots=True)
class Journey:
    """One wish of a caller, and the menus on the way to it."""

    visits: tuple[Visit, ...]  #: the last one chose the wish

    @property
    def wish(self) -> Visit:
        """Where what the caller wanted was chosen."""
        return self.visits[-1]


def journeys(events: Iterable[tuple[float, str, Mapping[str, Any]]], menus: Container[str]) -> Iterator[Journey]:
    """The journeys of one call, from its events (at, kind, data), oldest first; `menus`: names of the book's menus.

    Menus that were left without an option, by silence or a wrong key, are no part of them; going back gives up the
    menu that was left. Coming to a menu again, as after a change of language, begins another journey.
    """
    way: list[Visit] = []
    spoken: tuple[float, Mapping[str, Any]] | None = None
    for at, kind, data in events:
        if kind == "menu":
            spoken = at, data
        elif kind == "step" and data.get("does") not in PASSED:
            if way:
                yield Journey(tuple(way))
            way = []
        elif kind == "back" and way:
            way.pop()
        elif kind == "key" and (menu := data.get("menu")) in menus and isinstance(data.get("option"), str):
            heard = spoken if spoken is not None and spoken[1].get("menu") == menu else None
            record = heard[1].get("record") if heard else None
            task = data.get("task")
            if any(one.menu == menu for one in way):
                yield Journey(tuple(way))
                way = []
            way.append(
                Visit(
                    str(menu),
                    data["option"],
                    task if isinstance(task, str) else None,
                    str(data.get("key", "")),
                    record if isinstance(record, Mapping) else None,
                    at - heard[0] if heard else None,
                )
            )
            spoken = None
    if way:
        yield Journey(tuple(way))
