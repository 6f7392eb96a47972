"""What the page about the menu book tells: versions, steps, hours, traffic, picture, differences, as plain values."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from ivr.errors import Misconfigured
from ivr.ports import Clock
from ivr.shelf import Shelf, Volume, changes
from menus.graph import Exit, Graph, Traffic, graph_of
from menus.graph.colours import group_of
from menus.graph.svg import svg
from menus.hours import Hours
from menus.pace import Durations
from models.books import Books
from models.traffic import TrafficCounts
from routing.errors import StoreAway

#: Days of calls that are counted, and seconds for which a count is good.
TRAFFIC_DAYS, TRAFFIC_KEPT_S = 30, 60.0
#: Seconds that counting may take; without it the page tells the rest.
TRAFFIC_S = 4.0


class Looking:
    """Looks at published books for people in a browser."""

    def __init__(
        self,
        shelf: Shelf,
        books: Books,
        counts: TrafficCounts,
        clock: Clock,
        durations: Callable[[int], Durations | None] = lambda version: None,
    ) -> None:
        self._shelf, self._books, self._counts, self._clock = shelf, books, counts, clock
        self._durations = durations
        self._traffic: Traffic | None = None
        self._counted_at: float | None = None
        self._counting = asyncio.Lock()

    async def versions(self) -> dict[str, Any]:
        """Every version with its part in what is in use."""
        choice, versions = await self._books.choice(), await self._books.all()
        if choice is None:
            raise Misconfigured("nothing was published yet; `ivr publish` does it")
        return {
            "stable": choice.stable,
            "canary": choice.canary,
            "share": choice.share,
            "versions": [
                {"version": one.version, "published_at": one.published_at, "message": one.message} for one in versions
            ],
        }

    async def view(self, version: int) -> dict[str, Any]:
        """Everything that is told of one version. Raises Misconfigured, StoreAway."""
        volume = await self._shelf.version(version)
        traffic = await self._recent()
        return await asyncio.to_thread(self._view, volume, traffic)

    async def difference(self, old: int, new: int) -> list[dict[str, Any]]:
        """What differs between two versions. Raises Misconfigured, StoreAway."""
        before, now = await self._shelf.version(old), await self._shelf.version(new)
        return [change.to_json() for change in await asyncio.to_thread(changes, before, now)]

    async def picture(self, version: int, language: str | None, menu: str | None, *, styled: bool = True) -> str:
        """The picture of a version, or of one step and what it leads to; `styled` as for `svg`.

        Raises Misconfigured, StoreAway.
        """
        volume = await self._shelf.version(version)
        if menu is not None and menu not in volume.book.steps:
            raise Misconfigured(f"version {version} has no step {menu!r}")
        traffic = await self._recent()
        graph = await asyncio.to_thread(self._graph, volume, traffic, language, menu)
        calls = "" if traffic is None else f" · {sum(traffic.entries.values()):,} calls in {TRAFFIC_DAYS} days"
        return await asyncio.to_thread(svg, graph, f"{len(graph.nodes)} steps{calls}", styled=styled)

    async def _recent(self) -> Traffic | None:
        """The traffic of late, counted at most once a minute; None when it cannot be counted in time."""
        async with self._counting:
            now = self._clock.monotonic()
            if self._counted_at is None or now - self._counted_at > TRAFFIC_KEPT_S:
                self._counted_at = now
                try:
                    async with asyncio.timeout(TRAFFIC_S):
                        self._traffic = await self._counts.since(self._clock.now() - TRAFFIC_DAYS * 86_400)
                except (StoreAway, TimeoutError):
                    self._traffic = None
            return self._traffic

    def _graph(self, volume: Volume, traffic: Traffic | None, language: str | None, menu: str | None = None) -> Graph:
        title = f"{volume.book.name} · {volume.title}" + (f" · {menu}" if menu else "")
        durations = self._durations(volume.version or 0)
        return graph_of(volume.book, title=title, language=language, menu=menu, durations=durations, traffic=traffic)

    def _view(self, volume: Volume, traffic: Traffic | None) -> dict[str, Any]:
        book = volume.book
        graphs = {language: self._graph(volume, traffic, language) for language in book.languages}
        first = graphs[book.languages[0]]
        hours = Hours(book.calendar, book.zone)
        local = datetime.fromtimestamp(self._clock.now(), book.zone)
        today = hours.today(local)
        return {
            "name": book.name,
            "languages": list(book.languages),
            "time_zone": book.time_zone,
            "traffic_days": None if traffic is None else TRAFFIC_DAYS,
            "measured": first.measured,
            "holiday": today.holiday,
            "special": today.special,
            "hours": [
                {
                    "name": name,
                    "text": text,
                    "open": today.hours[name],
                    "next": None if opens is None else f"{opens:%Y-%m-%d %H:%M}",
                }
                for name, text in book.calendar.hours.items()
                for opens in [None if today.hours[name] else hours.next_open(name, local)]
            ],
            "special_days": [{"on": on, "what": what} for on, what in sorted(book.calendar.special_days.items())],
            "steps": list(_steps(graphs)),
        }


def _steps(graphs: dict[str, Graph]) -> Iterator[dict[str, Any]]:
    first = next(iter(graphs.values()))
    for name, node in first.nodes.items():
        same = {language: graph.nodes[name] for language, graph in graphs.items()}
        yield {
            "name": name,
            "kind": node.kind,
            "group": group_of(node.kind).name,
            "calls": node.calls,
            "says": {language: one.says for language, one in same.items()},
            "ways": [
                _way(leaving, {language: one.exits[index] for language, one in same.items()})
                for index, leaving in enumerate(node.exits)
            ],
        }


def _way(leaving: Exit, same: dict[str, Exit]) -> dict[str, Any]:
    return {
        "to": leaving.to,
        "key": leaving.key,
        "condition": leaving.condition,
        "label": {language: one.label for language, one in same.items()},
        "heard_s": {language: one.heard_s for language, one in same.items()},
        "calls": leaving.calls,
        "share": leaving.share,
    }
