"""`ivr graph`: the menu book as a picture, with the ways that callers took."""

import asyncio
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.clock import SystemClock
from ivr.commands.options import SettingsFile, settings_of, span_s
from ivr.errors import Misconfigured
from ivr.settings import Settings
from menus.yaml_shape import close_match

if TYPE_CHECKING:
    from ivr.shelf import Volume
    from menus.graph import Graph, Traffic


class Format(StrEnum):
    """How a graph is written."""

    SVG = "svg"
    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    book: Annotated[
        str | None,
        typer.Argument(metavar="BOOK", help="A version's number, or folder; default what callers hear."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="svg is a picture; mermaid and dot are text.")] = Format.SVG,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; standard output when left out.")] = None,
    menu: Annotated[str | None, typer.Option("--menu", help="Only this step and what it leads to.")] = None,
    since: Annotated[str, typer.Option("--since", help="Calls of so long: 30d or 12h; 0 leaves them out.")] = "30d",
    language: Annotated[str | None, typer.Option("--language", help="Of labels; the book's first if left out.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Draw the menu book: steps, ways, seconds until each option is heard, and how many calls went which way."""
    from ivr.shelf import Shelf, of_folder
    from menus.graph.svg import svg
    from menus.graph.text import dot, mermaid
    from models.books import Books
    from models.errors import NotMigrated
    from models.migrate import opened
    from models.traffic import TrafficCounts

    read = settings_of(settings)
    seconds = span_s(since)

    async def work() -> "tuple[Volume, Traffic | None]":
        async with opened(read.database_url) as database:
            shelf = Shelf(Books(database), read)
            named = book or ("folder" if await shelf.nothing_published() else None)
            volume = await (shelf.stable() if named is None else shelf.named(named))
            if not seconds:
                return volume, None
            now = SystemClock(read.clock_ahead_s).now()
            return volume, await TrafficCounts(database).since(now - seconds)

    try:
        volume, traffic = asyncio.run(work())
    except NotMigrated as nothing:  # a picture of the folder needs no database
        if book not in (None, "folder"):
            raise
        print(f"{nothing}; the folder is drawn, without traffic", file=sys.stderr)
        volume, traffic = of_folder(read.book.folder), None
    drawn = _drawn(volume, traffic, menu, language, read)
    note = note_of(drawn, read, seconds, traffic, SystemClock(read.clock_ahead_s).now())
    text = svg(drawn, note) if form is Format.SVG else mermaid(drawn) if form is Format.MERMAID else dot(drawn)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
        print(f"{out}: {len(drawn.nodes)} steps of {volume.title}")


def _drawn(
    volume: "Volume", traffic: "Traffic | None", menu: str | None, language: str | None, settings: Settings
) -> "Graph":
    from ivr.pacing import rendered
    from menus.graph import graph_of

    if menu is not None and menu not in volume.book.steps:
        raise Misconfigured(f"the book has no step {menu!r}{close_match(menu, volume.book.steps)}")
    if language is not None and language not in volume.book.languages:
        raise Misconfigured(f"the book does not speak {language!r}; it speaks {', '.join(volume.book.languages)}")
    title = f"{volume.book.name} · {volume.title}" + (f" · {menu}" if menu else "")
    durations = rendered(settings.prompts.folder, volume.book)
    return graph_of(volume.book, title=title, menu=menu, language=language, traffic=traffic, durations=durations)


def note_of(drawn: "Graph", settings: Settings, seconds: float, traffic: "Traffic | None", now: float) -> str:
    """What stands under the title."""
    parts = [f"{len(drawn.nodes)} steps"]
    if traffic is not None:
        begun = datetime.fromtimestamp(now - seconds, settings.zone)
        parts.append(f"{sum(traffic.entries.values()):,} calls since {begun:%Y-%m-%d %H:%M}")
    return " · ".join(parts)
