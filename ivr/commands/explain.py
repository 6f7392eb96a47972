"""`ivr explain`: why a caller heard the options in this order, and came to this agent."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.settings import Settings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from ivr.explaining import Told
    from menus.explanation import Explained, OptionExplained


def explain(
    call: Annotated[str | None, typer.Argument(metavar="CALL", help="Id of a call that was recorded.")] = None,
    number: Annotated[str | None, typer.Option("--as", metavar="NUMBER", help="Instead: a number that calls.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], help="With --as: local time; default now."),
    ] = None,
    menu: Annotated[str | None, typer.Option("--menu", help="Only this menu.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Why a caller heard the options in this order, why a complaint came to its tier, and how a call was routed.

    Of a call, each offer is told with the reasons for this agent and against the others; of a caller who waits, what
    keeps agents from them. Changes nothing.

    Exit status: 0; 1 when there is no such call or caller, or when a record is not given again bit for bit.
    """
    if (call is None) == (number is None):
        raise Misconfigured("write the id of a call, or --as and a number")
    if call is not None and at is not None:
        raise Misconfigured("--at goes with --as; a call has its own time")
    read = settings_of(settings)
    told, now = asyncio.run(_told(read, call, number, at, menu))
    if as_json:
        print(json.dumps({"sound": told.is_sound} | asdict(told), ensure_ascii=False, indent=1))
    else:
        _show(told, read.zone, now)
    for line in told.unexplained:
        print(line, file=sys.stderr)
    for one in told.menus:
        if one.differs:
            parts = ", ".join(one.differs)
            print(f"{one.menu} at {one.at} IS NOT GIVEN AGAIN by its grounds; what differs: {parts}", file=sys.stderr)
    if not told.is_sound:
        raise typer.Exit(1)


async def _told(
    settings: Settings, call: str | None, number: str | None, at: datetime | None, menu: str | None
) -> "tuple[Told, float]":
    """What is told, and the site's time by which it is."""
    from dataclasses import replace

    from ivr.explaining import of_call, of_caller
    from ivr.rankers import ranker_in_use, ranker_named
    from models.migrate import opened

    async with opened(settings.database_url) as database:
        now = await database.time() + settings.clock_ahead_s
        if call is not None:
            told = await of_call(settings, database, call, lambda name: ranker_named(settings, name), now)
            menus = tuple(one for one in told.menus if menu in (None, one.menu))
            if menu is not None and not menus and not told.unexplained:
                raise Misconfigured(f"call {call} did not hear the menu {menu!r}")
            return replace(told, menus=menus, routing=told.routing if menu is None else ()), now
        when = datetime.fromtimestamp(now, settings.zone) if at is None else at.replace(tzinfo=settings.zone)
        told = await of_caller(settings, database, number or "", when, menu, ranker_in_use(settings, when.date()))
        return told, now


def _show(told: "Told", zone: "ZoneInfo", now: float) -> None:
    from rich.console import Console

    from ivr.routing_told import lines

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    print(told.title)
    for one in told.menus:
        print()
        for line in _head(one):
            print(line)
        if console.is_terminal:
            console.print(_table(one))
        else:
            for line in _plain(one):
                print(line)
    if told.complaints:
        print()
    for line in told.complaints:
        print(line)
    for need in told.routing:
        print()
        for line in lines(need, zone, now):
            print(line)


def _head(one: "Explained") -> Iterator[str]:
    given = "given again bit for bit" if not one.differs else f"NOT GIVEN AGAIN: {', '.join(one.differs)}"
    yield f"{one.menu} ({one.language}) at {one.at}: {given}"
    scores = {
        True: "; asked again, it gives the same probabilities",
        False: "; asked again, it gives OTHER PROBABILITIES: the history has changed since, or the ranker",
        None: "",
    }[one.scores_again]
    yield f"  ranker: {one.ranker}{scores}"
    for line in one.about:
        yield f"  {line}"


def _cells(option: "OptionExplained") -> tuple[str, ...]:
    place = "–" if option.place is None else str(option.place)
    chance = "" if option.probability is None else f"{option.probability:.3f}"
    return place, option.key, f"{option.label} ({option.option})", chance, option.why


def _more(option: "OptionExplained") -> str:
    shares = " ".join(f"{share:+.3f} {name}," for name, share in option.shares if abs(share) >= 0.0005).rstrip(",")
    return "; ".join(filter(None, (option.evidence, shares)))


def _plain(one: "Explained") -> Iterator[str]:
    lines = aligned([("place", "key", "option", "chance", "why"), *map(_cells, one.options)])
    yield f"  {lines[0]}"
    for option, line in zip(one.options, lines[1:], strict=True):
        yield f"  {line}"
        if more := _more(option):
            yield f"      {more}"


def _table(one: "Explained") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("place", "key", "option", "chance", "why"):
        table.add_column(name, style="bold" if name == "option" else "")
    for option in one.options:
        *cells, why = _cells(option)
        text = Text(why, "green" if option.promoted else "")
        if more := _more(option):
            text.append(f"\n{more}", "dim")
        table.add_row(*map(Text, cells), text)
    return table
