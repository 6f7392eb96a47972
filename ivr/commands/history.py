"""`ivr history`: what personal menus are learned from: count it anew, forget a customer."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured

if TYPE_CHECKING:
    from models.forgetting import Forgotten

history = typer.Typer(name="history", help="What personal menus are learned from.", no_args_is_help=True)


@history.command("rebuild")
def rebuild(settings: SettingsFile = None) -> None:
    """Count everybody's habits anew: after events were corrected, taken out or brought in from elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from models.habits import customers_in
    from models.habits import rebuild as run
    from models.migrate import opened

    console = Console(stderr=True)
    read = settings_of(settings)

    async def work() -> int:
        done = 0
        columns = TextColumn("counting habits"), BarColumn(), MofNCompleteColumn()
        async with opened(read.database_url) as database:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
                task = bar.add_task("", total=await customers_in(database))
                async for done in run(database, read.zone):
                    bar.update(task, completed=done)
        return done

    print(f"the habits of {asyncio.run(work())} customers are counted")


@history.command("forget")
def forget(
    customer: Annotated[int, typer.Argument(help="The customer's number in the table of customers.")],
    settings: SettingsFile = None,
) -> None:
    """Take a customer out of every table and delete their recordings; records of calls stay without the person."""
    from models.forgetting import forget as run
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> "Forgotten | None":
        async with opened(read.database_url) as database:
            return await run(database, customer)

    gone = asyncio.run(work())
    if gone is None:
        raise Misconfigured(f"there is no customer {customer}; nothing was changed")
    deleted = 0
    for recording in gone.recordings:
        for file in read.recordings.folder.glob(f"{_literally(recording)}.*"):
            file.unlink(missing_ok=True)
            deleted += 1
    print(f"customer {customer} is forgotten: {gone.rows} rows and {deleted} recordings are deleted")
    print("models hold no customer's rows, only what many have in common; the next `ivr train` does without this one")


def _literally(name: str) -> str:
    """A name in which no character is a wildcard of a file pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
