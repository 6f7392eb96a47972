"""`ivr cases`: complaints being handled, and the end of one."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.clock import SystemClock
from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of
from ivr.numbers import masked
from ivr.settings import Settings

if TYPE_CHECKING:
    from models.cases import CaseListed

cases = typer.Typer(name="cases", help="Complaints being handled.", no_args_is_help=True)
HEAD = ("case", "about", "tier", "number", "opened", "due", "")


@cases.command("list")
def list_(
    numbers: Annotated[bool, typer.Option("--numbers", help="Show whole numbers.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Every open case, the one that is due first before the others."""
    from models.cases import CaseBook
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> "tuple[CaseListed, ...]":
        async with opened(read.database_url) as database:
            return await CaseBook(database, read.zone).unfinished()

    found, now = asyncio.run(work()), SystemClock(read.clock_ahead_s).now()
    if not found:
        print("no case is open")
        return
    for line in aligned([HEAD, *(_row(one, read, numbers, now) for one in found)]):
        print(line)


@cases.command("close")
def close(number: Annotated[str, typer.Argument(help="Number of the case.")], settings: SettingsFile = None) -> None:
    """Close a case: it raises no tier, no priority and no word to the caller any more."""
    from models.cases import CaseBook
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> bool:
        async with opened(read.database_url) as database:
            return await CaseBook(database, read.zone).close(number, now=SystemClock(read.clock_ahead_s).now())

    print(f"case {number} is closed" if asyncio.run(work()) else f"case {number} was closed before")


def _row(one: "CaseListed", settings: Settings, numbers: bool, now: float) -> tuple[str, ...]:
    def day(moment: float | None) -> str:
        return "–" if moment is None else f"{datetime.fromtimestamp(moment, settings.zone):%Y-%m-%d}"

    ani = "–" if one.ani is None else one.ani if numbers else masked(one.ani)
    overdue = "overdue" if one.due_at is not None and one.due_at < now else ""
    return (one.number, one.subject, str(one.tier), ani, day(one.opened_at), day(one.due_at), overdue)
