"""`ivr books` and `ivr diff`: which menu books were published, which are in use, and what differs between two."""

import asyncio
import json
import sys
from datetime import datetime
from typing import Annotated

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.commands.publish import told
from ivr.errors import EngineFault
from ivr.settings import Settings
from menus.yaml_source import Faults
from models.choices import Choice
from models.errors import ModelsError
from routing.errors import RoutingError

#: Lines of the log of choices that `ivr books` tells.
MOST_TOLD = 20
#: Exit status of `ivr diff` when it cannot compare, as that of diff.
TROUBLE = 2


def books(settings: SettingsFile = None) -> None:
    """Published versions of the menu book, which are in use for whom, and who put what into use when."""
    for line in asyncio.run(_published(settings_of(settings))):
        print(line)


async def _published(settings: Settings) -> list[str]:
    """What to print. Raises what `opened` raises."""
    from models.books import Books
    from models.migrate import opened

    async with opened(settings.database_url) as database:
        shelf = Books(database)
        versions, choice, log = await shelf.all(), await shelf.choice(), await shelf.choices(MOST_TOLD)
    if choice is None:
        return ["nothing was published yet; `ivr publish` does it"]

    def moment(at: float) -> str:
        return f"{datetime.fromtimestamp(at, settings.zone):%Y-%m-%d %H:%M}"

    lines = [
        f"{book.version:>5}  {moment(book.published_at)}  {_role(choice, book.version):<14}  {book.message}".rstrip()
        for book in versions
    ]
    lines += ["", f"{told(choice)}; what was put into use, the newest first:"] if log else []
    width = max((len(one.by) for one in log), default=0)
    return lines + [f"       {moment(one.at)}  {one.by:<{width}}  {told(one)}  ({one.message})" for one in log]


def _role(choice: Choice, version: int) -> str:
    if version == choice.stable:
        return "stable"
    return f"canary {choice.share * 100:.4g} %" if version == choice.canary else ""


def diff(
    old: Annotated[
        str | None, typer.Argument(metavar="A", help="A version's number, or folder; default what everybody hears.")
    ] = None,
    new: Annotated[str, typer.Argument(metavar="B", help="A version's number, or folder.")] = "folder",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    settings: SettingsFile = None,
) -> None:
    """What differs between two menu books, in the words of menus. Exit status: 0 the same, 1 differs, 2 trouble."""
    from ivr.shelf import Shelf, changes
    from models.books import Books
    from models.migrate import opened

    async def work() -> tuple[str, str, list[dict[str, object]]]:
        read = settings_of(settings)
        async with opened(read.database_url) as database:
            shelf = Shelf(Books(database), read)
            a = await (shelf.stable() if old is None else shelf.named(old))
            b = await shelf.named(new)
        return a.title, b.title, [change.to_json() for change in await asyncio.to_thread(changes, a, b)]

    try:
        a, b, found = asyncio.run(work())
    except (EngineFault, RoutingError, ModelsError, Faults) as fault:
        print(fault, file=sys.stderr)
        raise typer.Exit(TROUBLE) from None
    if as_json:
        print(json.dumps({"old": a, "new": b, "changes": found}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(str(change["text"]) for change in found) or f"{a} and {b} are the same")
    raise typer.Exit(1 if found else 0)
