"""`ivr agent sync`: make the agents of the database as a file declares them, and say what changes."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.agents_file import AGENTS_FILE, AgentsFile, Change, changes, load
from ivr.commands.options import SettingsFile, settings_of
from ivr.queues import load as load_queues

if TYPE_CHECKING:
    from models.agents import Agents
    from routing.views import AgentCard


def sync(
    file: Annotated[
        Path | None, typer.Option("--file", help="File that declares the agents; else agents.yaml beside the queues.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    settings: SettingsFile = None,
) -> None:
    """Make the agents as a file declares them. A new agent gets a password, which is shown once.

    Agents that the file does not name stay as they are, and are told. An agent in a call keeps the phone: nothing of
    theirs is changed, and the exit status is 1.
    """
    from models.migrate import opened

    read = settings_of(settings)
    staff = load_queues(read.book.queues).staff
    declared = load(file or read.book.queues.with_name(AGENTS_FILE), staff)

    async def work() -> int:
        from models.agents import Agents

        async with opened(read.database_url) as database:
            roster = Agents(database)
            cards = await roster.all()
            wanted = changes(declared, staff, cards)
            failed = 0
            for change in wanted:
                failed += not await _carry_out(roster, change, dry_run=dry_run)
            _tell_others(declared, cards, wanted)
            return failed

    if asyncio.run(work()):
        raise typer.Exit(1)


async def _carry_out(roster: "Agents", change: Change, *, dry_run: bool) -> bool:
    """Change one agent, all of it or nothing; whether that could be done."""
    from models.errors import AgentInCall, NameTaken

    password = secrets.token_urlsafe(12) if change.is_new and not dry_run else None
    try:
        if password is not None:
            agent = change.declared
            await roster.add(change.name, agent.full_name, password, agent.phone, change.levels, team=agent.team)
        elif not dry_run:
            agent = change.declared
            await roster.set_all(
                change.name, agent.full_name, agent.phone, agent.team, change.levels, without=change.without
            )
    except (AgentInCall, NameTaken) as refused:
        print(f"{change.name}: not changed: {refused}")
        return False
    for line in change.told:
        print(f"{change.name}: {line}")
    if password is not None:
        print(f"{change.name}: password: {password}   (shown only now)")
    return True


def _tell_others(declared: AgentsFile, cards: "Sequence[AgentCard]", wanted: Sequence[Change]) -> None:
    if not wanted:
        print("every agent of the file is as it says")
    for card in cards:
        if card.name not in declared.agents:
            print(f"{card.name}: not in the file; stays as they are")
