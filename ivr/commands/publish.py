"""`ivr publish`, `reload`, `rollback`, `canary`: which version of the menu book callers hear."""

import asyncio
import getpass
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.options import SettingsFile, settings_of
from ivr.errors import Misconfigured
from models.choices import Change, Choice, NoSuchChoice, canary_share, for_everybody, for_share, promote, stop

if TYPE_CHECKING:
    from ivr.shelf import Shelf
    from models.books import Books

DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and change nothing.")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why, for the record.")]


def publish(
    message: Annotated[str, typer.Option("--message", "-m", help="What has changed, for the record.")],
    canary: Annotated[
        float | None, typer.Option("--canary", metavar="PERCENT", help="Only for so many percent of callers.")
    ] = None,
    dry_run: DryRun = False,
    settings: SettingsFile = None,
) -> None:
    """Check the menu book, render its prompts and publish it; running engines take it over for new calls."""
    from ivr.editions import editions_of
    from ivr.shelf import Shelf
    from models.books import Books
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> list[str]:
        async with opened(read.database_url) as database:
            books = Books(database)
            editions = editions_of(read, books)
            share = None if canary is None else _share(str(canary))
            if dry_run:
                files = (await editions.in_folder())[1]
                return await _would_publish(files, books, Shelf(books, read), share)
            number = await editions.publish(message, by=_who(), share=share)
            choice = await books.choice()
            assert choice is not None, "it was just published"
            return [f"published version {number}", told(choice)]

    _print(asyncio.run(work()))


def reload(message: Message = "reload", dry_run: DryRun = False, settings: SettingsFile = None) -> None:
    """Publish the menu folder if it is sound and new; otherwise what is in use goes on. Tells what happened."""
    from ivr.editions import Came, editions_of
    from models.books import Books
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> list[str]:
        async with opened(read.database_url) as database:
            books = Books(database)
            try:
                reloaded = await editions_of(read, books).reload(message, by=_who(), dry_run=dry_run)
            except Misconfigured as faults:
                choice = await books.choice()
                rest = "nothing is published" if choice is None else f"not published: {told(choice)} still"
                raise Misconfigured(f"{faults}\n{rest}") from faults
            if reloaded.came is Came.SAME:
                return [f"the folder is version {reloaded.version}, which is in use: nothing to do"]
            if reloaded.came is Came.SET_ASIDE:
                return [
                    f"the folder is version {reloaded.version}, which was published before and is not in use: left so",
                    told(reloaded.choice),
                    "`ivr publish` puts the folder into use",
                ]
            if dry_run:
                return [f"would publish version {reloaded.version} for everybody; nothing was changed"]
            return [f"published version {reloaded.version}", told(reloaded.choice)]

    _print(asyncio.run(work()))


def rollback(
    version: Annotated[int, typer.Argument(help="The version to go back to; `ivr books` lists them.", min=1)],
    message: Message = "",
    dry_run: DryRun = False,
    settings: SettingsFile = None,
) -> None:
    """Put an earlier version into use again, for everybody; a canary ends. No version is ever lost."""
    _choose(for_everybody(version), message or f"rollback to {version}", dry_run=dry_run, settings=settings)


def canary(
    what: Annotated[
        str, typer.Argument(metavar="PERCENT|promote|stop", help="Another share, for everybody, or for nobody.")
    ],
    message: Message = "",
    dry_run: DryRun = False,
    settings: SettingsFile = None,
) -> None:
    """Give the canary to more or fewer callers, to everybody (promote) or to nobody (stop)."""
    change: Change
    if what == "promote":
        change = promote
    elif what == "stop":
        change = stop
    else:
        change = canary_share(_share(what))
    _choose(change, message or f"canary {what}", dry_run=dry_run, settings=settings)


def told(choice: Choice) -> str:
    """What callers hear, in a sentence."""
    if choice.canary is None:
        return f"everybody hears version {choice.stable}"
    share = f"{choice.share * 100:.4g} %"
    return f"{share} of callers hear version {choice.canary}, the others version {choice.stable}"


def _choose(change: Change, message: str, *, dry_run: bool, settings: SettingsFile) -> None:
    from ivr.editions import editions_of
    from models.books import Books
    from models.migrate import opened

    read = settings_of(settings)

    async def work() -> list[str]:
        async with opened(read.database_url) as database:
            books = Books(database)
            before = await books.choice()
            after = await editions_of(read, books).choose(change, message, by=_who(), dry_run=dry_run)
            if before is not None and (before.versions, before.share) == (after.versions, after.share):
                return [f"{told(after)} already: nothing to do"]
            if dry_run:
                return [f"would be: {told(after)}; nothing was changed"]
            return [told(after)]

    _print(asyncio.run(work()))


async def _would_publish(files: Mapping[str, str], books: "Books", shelf: "Shelf", share: float | None) -> list[str]:
    """What publishing the folder, which is sound, would do."""
    from ivr.shelf import changes

    choice, latest = await books.choice(), await books.latest()
    if choice is None or latest is None:
        if share is not None:
            raise NoSuchChoice("nothing was published yet: the first version is for everybody")
        return ["would publish version 1 for everybody; nothing was changed"]
    version = latest.version + (latest.files != files)
    after = for_everybody(version)(choice) if share is None else for_share(version, share)(choice)
    lines = [f"would publish version {version}: {told(after)}; nothing was changed"]
    return [*lines, *(f"  {change}" for change in changes(await shelf.stable(), await shelf.folder()))]


def _share(written: str) -> float:
    """0.1 from 10 or 10%. Raises NoSuchChoice."""
    try:
        share = float(written.removesuffix("%")) / 100
    except ValueError:
        raise NoSuchChoice(f"{written!r} is no share of callers: write percent, such as 10") from None
    canary_share(share)(Choice(1, 2, 1.0))
    return share


def _who() -> str:
    """Who gives the command: the person behind sudo if there is one."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"uid {os.getuid()}"


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line)
