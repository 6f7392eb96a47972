"""`ivr agent role` and `ivr agent acts`: who supervises, and what supervisors did."""

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.agent import Name
from ivr.commands.columns import aligned
from ivr.commands.options import SettingsFile, settings_of

if TYPE_CHECKING:
    from models.supervision import ActKept


class Role(StrEnum):
    """What an agent may do besides taking calls."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"


def role(
    name: Name,
    wanted: Annotated[Role, typer.Argument(metavar="agent | supervisor")],
    settings: SettingsFile = None,
) -> None:
    """Let an agent supervise (the wall, and what can be done from it), or no longer. Counts at once."""
    from models.agents import Agents
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> None:
        async with opened(read.database_url) as database:
            await Agents(database).set_supervisor(name, supervisor=wanted is Role.SUPERVISOR)

    asyncio.run(work())
    print(f"{name} is {'a supervisor' if wanted is Role.SUPERVISOR else 'an agent'}")


def acts(
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    settings: SettingsFile = None,
) -> None:
    """What supervisors did on the wall: when, who, what, to whom, in which call."""
    from models.migrate import opened
    from models.supervision import SupervisorActs

    read = settings_of(settings)

    async def work() -> "tuple[ActKept, ...]":
        async with opened(read.database_url) as database:
            return await SupervisorActs(database).newest(most)

    found = asyncio.run(work())
    if not found:
        print("supervisors did nothing yet")
    for line in aligned(
        (
            f"{datetime.fromtimestamp(one.at, read.zone):%Y-%m-%d %H:%M:%S}",
            one.supervisor,
            one.act,
            one.agent,
            one.call_id or "-",
            "" if one.done else "(not carried out)",
        )
        for one in found
    ):
        print(line.rstrip())
