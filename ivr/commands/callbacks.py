"""`ivr callbacks`: who is to be called back, and what came of it."""

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
    from routing.callback import CallbackSeen

callbacks = typer.Typer(name="callbacks", help="Customers who want to be called back.", no_args_is_help=True)
HEAD = ("id", "number", "queue", "reason", "time", "state", "since", "not before", "tries")


@callbacks.callback()
def _noun() -> None:
    """Customers who want to be called back."""


@callbacks.command("list")
def list_(
    days: Annotated[int, typer.Option(min=0, max=3650, help="Also what was closed within so many days.")] = 0,
    numbers: Annotated[bool, typer.Option("--numbers", help="Show whole numbers.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Every open wish, the newest first; with --days also what came of earlier ones."""
    for line in asyncio.run(_lines(settings_of(settings), days, numbers)):
        print(line)


async def _lines(settings: Settings, days: int, numbers: bool) -> list[str]:
    from ivr.recordings import DAY_S
    from models.callbacks import CallbackBook
    from models.migrate import opened

    now = SystemClock(settings.clock_ahead_s).now()
    async with opened(settings.database_url) as database:
        found = await CallbackBook(database).recent(closed_since=now - days * DAY_S)
    if not found:
        return ["nobody is to be called back"]
    return aligned([HEAD, *(_row(one, settings, numbers) for one in found)])


def _row(one: "CallbackSeen", settings: Settings, numbers: bool) -> tuple[str, ...]:
    wish = one.wish

    def at(moment: float) -> str:
        return f"{datetime.fromtimestamp(moment, settings.zone):%Y-%m-%d %H:%M}"

    return (
        str(one.id),
        wish.number if numbers else masked(wish.number),
        wish.queue,
        wish.reason,
        wish.kind,
        one.outcome or str(one.state),
        at(wish.since),
        "–" if one.closed_at is not None else at(one.next_at),
        str(one.tries),
    )
