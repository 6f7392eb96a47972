"""`ivr call`: a telephone in the terminal, on the book as it lies in the folder or was published. No Asterisk."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.rehearsal import books
from ivr.rehearsal.identity import Identity, identify
from ivr.rehearsal.keys import all_lines, follow, lines_as_they_come, typing
from ivr.rehearsal.loops import run_virtually
from ivr.rehearsal.node import Logged, Rehearsal, Scene, everybody, logged
from ivr.rehearsal.schema import Crowd
from ivr.rehearsal.screen import Screen
from ivr.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What call is wanted."""

    who: str | None = None
    at: datetime | None = None
    language: str | None = None
    dial: str = "95599"
    version: int | None = None
    agents: bool = True
    fast: bool = False
    ahead: int | None = None  #: others who wait before the caller in every queue


def run(settings: Settings, wish: Wish) -> int:
    """Make the call; answers with the exit status: 1 when the conversation failed."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    scene = books.of_folder(settings) if wish.version is None else asyncio.run(books.of_version(settings, wish.version))
    book = scene.edition.book
    if wish.language is not None and wish.language not in book.languages:
        raise Misconfigured(f"--lang {wish.language}: the book speaks {', '.join(book.languages)}")
    at = (wish.at or datetime.fromtimestamp(SystemClock(settings.clock_ahead_s).now(), book.zone)).replace(
        tzinfo=book.zone
    )
    who = asyncio.run(identify(settings, wish.who, settings.book.folder / "tests", at))
    what = f"version {wish.version}" if wish.version is not None else str(settings.book.folder)
    console.print(f"{what}, {at:%A %Y-%m-%d %H:%M}, dialling {wish.dial}")
    console.print(f"you are {who.told}")
    with logged() as kept:
        if wish.fast and not _at_a_terminal():
            run_virtually(_call(scene, who, at, wish, console, all_lines(sys.stdin.read())))
        else:
            asyncio.run(_call(scene, who, at, wish, console, None if _at_a_terminal() else _stdin()))
    return _tell_faults(console, kept)


async def _call(
    scene: Scene, who: Identity, at: datetime, wish: Wish, console: Console, lines: AsyncIterator[str] | None
) -> None:
    rehearsal = Rehearsal(scene, at, language=wish.language)
    who.move_in(rehearsal.stage, at)
    if wish.agents:
        rehearsal.hire(everybody({}))
    if wish.ahead is not None:
        rehearsal.crowd(Crowd(ahead=wish.ahead))
    telephone = rehearsal.telephone(who.ani, wish.dial)
    telephone.pace = 0.0 if wish.fast and lines is None else 1.0
    screen = Screen(rehearsal, telephone, console)
    with ExitStack() as stack:
        stack.enter_context(screen)
        hand = None
        if lines is None:
            stack.enter_context(typing(telephone, screen.did))
        else:
            hand = asyncio.create_task(
                follow(lines, telephone, scene.edition.book, screen.did, lambda wrong: print(wrong, file=sys.stderr))
            )
        try:
            await rehearsal.serve(telephone)
        finally:
            if hand is not None:
                hand.cancel()
                await asyncio.wait([hand])
    screen.summary()


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _stdin() -> AsyncIterator[str]:
    try:
        sys.stdin.fileno()
    except (OSError, ValueError):  # put in place by a program that calls us
        return all_lines(sys.stdin.read())
    return lines_as_they_come()


def _tell_faults(console: Console, kept: Logged) -> int:
    for line in dict.fromkeys(kept.lines):
        console.print(f"warning: {line}", style="yellow")
    for fault in kept.faults:
        console.print(fault, style="red")
    return 1 if kept.faults else 0
