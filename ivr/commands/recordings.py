"""`ivr recordings`: what callers said, and where it lies."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from ivr.settings import Settings

recordings = typer.Typer(name="recordings", help="What callers said and was recorded.", no_args_is_help=True)


class Purpose(StrEnum):
    """What a recording is for."""

    VOICEMAIL = "voicemail"
    COMPLAINT = "complaint"
    COMMENT = "comment"
    CONVERSATION = "conversation"


@recordings.callback()
def _noun() -> None:
    """What callers said and was recorded."""


@recordings.command("list")
def list_(
    purpose: Annotated[Purpose | None, typer.Option(help="Only those for this.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    settings: SettingsFile = None,
) -> None:
    """Recordings, the newest first: time, purpose, length, customer, file."""
    lines = asyncio.run(_lines(settings_of(settings), purpose, most))
    for line in lines or ("nothing was recorded yet",):
        print(line)


@recordings.command("path")
def path(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `ivr recordings list` names it, or a case does.")],
    settings: SettingsFile = None,
) -> None:
    """The file of one recording."""
    file = settings_of(settings).recordings.folder / f"{id_}.wav"
    if "/" in id_ or not file.is_file():
        raise Misconfigured(f"{file}: there is no such recording on this machine")
    print(file.resolve())


async def _lines(settings: Settings, purpose: Purpose | None, most: int) -> list[str]:
    from models.migrate import opened
    from models.recordings import Recordings

    async with opened(settings.database_url) as database:
        found = await Recordings(database).newest(most, purpose=purpose)
    return [
        f"{datetime.fromtimestamp(one.at, settings.zone):%Y-%m-%d %H:%M}  {one.purpose:<12}  {one.seconds:6.1f} s  "
        f"{one.customer_id or '-':>8}  {one.id}"
        for one in found
    ]
