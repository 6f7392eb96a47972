"""`ivr bank`: the demonstration bank in the configured database."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.bank.people import CUSTOMERS, SEED
from ivr.clock import SystemClock
from ivr.commands.options import SettingsFile, settings_of

if TYPE_CHECKING:
    from ivr.bank.fill import Filled

bank = typer.Typer(name="bank", help="The demonstration bank.", no_args_is_help=True)


@bank.callback()
def _noun() -> None:
    """The demonstration bank."""


@bank.command("fill")
def fill(
    seed: Annotated[int, typer.Option(help="The same seed and day give the same bank.")] = SEED,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day before which the 18 months of history end; default today."),
    ] = None,
    customers: Annotated[int, typer.Option(min=1, max=50_000)] = CUSTOMERS,
    refill: Annotated[bool, typer.Option("--refill", help="Delete every customer that is there.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Fill the database with invented customers and their history. Not while an engine takes calls."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from ivr.bank.fill import fill as run
    from models.migrate import opened

    console = Console(stderr=True)
    columns = TextColumn("filling the bank"), BarColumn(), MofNCompleteColumn()
    read = settings_of(settings)
    day = (until or datetime.fromtimestamp(SystemClock(read.clock_ahead_s).now(), read.zone)).date()

    async def work() -> "Filled":
        async with opened(read.database_url) as database:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
                task = bar.add_task("", total=customers)
                return await run(
                    database,
                    seed=seed,
                    until=day,
                    zone=read.zone,
                    customers=customers,
                    refill=refill,
                    progress=lambda done, _: bar.update(task, completed=done),
                )

    filled = asyncio.run(work())
    print(
        f"{filled.customers} customers with {filled.events} things they did before {day}"
        + ("" if filled.fresh else " were there already")
    )
