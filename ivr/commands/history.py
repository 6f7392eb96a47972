"""`ivr history`: what personal menus are learned from."""

import asyncio

import typer

from ivr.commands.options import SettingsFile, settings_of

history = typer.Typer(name="history", help="What personal menus are learned from.", no_args_is_help=True)


@history.callback()
def _noun() -> None:
    """What personal menus are learned from."""


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
