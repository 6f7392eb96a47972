"""`ivr messages`: text messages on their way, and who wants none."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.numbers import e164, masked
from ivr.settings import Settings

if TYPE_CHECKING:
    from models.database import Database
    from models.outbox import Outbox

messages = typer.Typer(name="messages", help="Text messages.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="A telephone number, as in +8613800000001.")]


class State(StrEnum):
    """What has become of a message."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@messages.callback()
def _noun() -> None:
    """Text messages."""


@messages.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    settings: SettingsFile = None,
) -> None:
    """Messages without their words, the newest first: time, receiver, template, state, tries, fault."""
    read = settings_of(settings)

    async def work() -> list[str]:
        from models.migrate import opened

        async with opened(read.database_url) as database:
            found = await _outbox(database, read).newest(most, state=state)
        return [
            f"{datetime.fromtimestamp(one.made_at, read.zone):%Y-%m-%d %H:%M}  {masked(one.to):<10}  "
            f"{one.template:<20}  {one.state:<7}  {one.tries:>2}  {one.fault or ''}".rstrip()
            for one in found
        ]

    for line in asyncio.run(work()) or ("there is no such message",):
        print(line)


@messages.command("opt-out")
def opt_out(number: Number, settings: SettingsFile = None) -> None:
    """Send this number no messages any more; what still waits for it is given up."""
    read = settings_of(settings)
    whole = _whole(number, read)

    async def work() -> int:
        from models.migrate import opened

        async with opened(read.database_url) as database:
            return await _outbox(database, read).opt_out(whole, now=await database.time() + read.clock_ahead_s)

    given_up = asyncio.run(work())
    print(f"{whole} is sent no messages any more" + (f"; {given_up} that waited were given up" if given_up else ""))


@messages.command("opt-in")
def opt_in(number: Number, settings: SettingsFile = None) -> None:
    """Send this number messages again."""
    read = settings_of(settings)
    whole = _whole(number, read)

    async def work() -> bool:
        from models.migrate import opened

        async with opened(read.database_url) as database:
            return await _outbox(database, read).opt_in(whole)

    print(f"{whole} is sent messages again" if asyncio.run(work()) else f"{whole} had not opted out")


def _whole(number: str, settings: Settings) -> str:
    whole = e164(number, settings.country)
    if whole is None:
        raise Misconfigured(f"{number!r} is no telephone number; write it as +8613800000001")
    return whole


def _outbox(database: "Database", settings: Settings) -> "Outbox":
    from models.outbox import Outbox

    return Outbox(database, settings.node)
