"""What a person or a script does in `ivr call`: keys one by one in a terminal, lines from a pipe."""

import asyncio
import os
import sys
import termios
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

from ivr.rehearsal.telephone import BETWEEN_KEYS_S, Telephone
from ivr.rehearsal.words import Wanted, names_of
from menus.schema import MenuBook

PATIENCE_S = 120.0  #: for a prompt, or the tone of a recording
SPEAKS_S = 4.0  #: that the key s speaks into a recording
KEYS = frozenset("0123456789*#")
ADVICE = "write keys, wait SECONDS, say SECONDS, hear WORDS, or h to hang up"

Say = Callable[[str], None]


@contextmanager
def typing(telephone: Telephone, did: Say) -> Iterator[None]:
    """Take single keys from the terminal: 0-9 * # are pressed, s speaks, h, Ctrl-C and Ctrl-D hang up."""
    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    loop = asyncio.get_running_loop()

    def typed() -> None:
        for sign in os.read(stdin, 64).decode("ascii", "replace").lower():
            if sign in KEYS:
                did(f"presses {sign}")
                telephone.press(sign)
            elif sign == "s" and telephone.recording:
                did(f"speaks for {SPEAKS_S:g} s")
                telephone.speak(SPEAKS_S)
            elif sign in "hq\x03\x04":
                did("hangs up")
                telephone.hang_up()

    tty.setcbreak(stdin)
    mode = termios.tcgetattr(stdin)
    mode[3] &= ~termios.ISIG  # Ctrl-C hangs up; the engine's side ends in order
    termios.tcsetattr(stdin, termios.TCSANOW, mode)
    loop.add_reader(stdin, typed)
    try:
        yield
    finally:
        loop.remove_reader(stdin)
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


async def lines_as_they_come() -> AsyncIterator[str]:
    """Lines of standard input, without holding up anybody else."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    threading.Thread(target=_read, args=(sys.stdin.fileno(), loop, lines), daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def _read(stdin: int, loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str | None]") -> None:
    """In a thread of its own; reads the bare descriptor, so that nobody waits for it when the program ends."""
    with suppress(RuntimeError):  # the loop is closed: the call is over
        rest = b""
        while got := os.read(stdin, 4096):
            *whole, rest = (rest + got).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace"))
        if rest:
            loop.call_soon_threadsafe(lines.put_nowait, rest.decode("utf-8", "replace"))
        loop.call_soon_threadsafe(lines.put_nowait, None)


async def all_lines(text: str) -> AsyncIterator[str]:
    """The lines of a text."""
    for line in text.splitlines():
        yield line


async def follow(lines: AsyncIterator[str], telephone: Telephone, book: MenuBook, did: Say, wrong: Say) -> None:
    """Do what the lines say, one after the other. After the last the caller stays on the line and is silent."""
    async for line in lines:
        word, _, rest = line.strip().partition(" ")
        if telephone.ended:
            return
        if word in ("h", "hangup"):
            did("hangs up")
            telephone.hang_up()
        elif word and set(line.replace(" ", "").strip()) <= KEYS:
            for index, key in enumerate(line.replace(" ", "").strip()):
                await asyncio.sleep(BETWEEN_KEYS_S if index else 0)
                did(f"presses {key}")
                telephone.press(key)
        elif word in ("wait", "say") and (seconds := _seconds(rest)) is not None:
            await _wait_or_say(word, seconds, telephone, did)
        elif word == "hear" and rest:
            want = Wanted(rest, rest in names_of(book))
            if not await _until(telephone, lambda: _said(telephone, want)):  # noqa: B023 - awaited before the next line
                wrong(f"{rest!r} was not said within {PATIENCE_S:g} s")
        elif word:
            wrong(f"{line.strip()[:40]!r} is not understood: {ADVICE}")


async def _wait_or_say(word: str, seconds: float, telephone: Telephone, did: Say) -> None:
    if word == "say":
        await _until(telephone, lambda: telephone.recording)
        did(f"speaks for {seconds:g} s")
        telephone.speak(seconds)
    await asyncio.sleep(seconds)


async def _until(telephone: Telephone, true: Callable[[], bool]) -> bool:
    until_s = telephone.now_s() + PATIENCE_S
    while not true():
        if telephone.ended or telephone.now_s() >= until_s:
            return False
        await telephone.noticed(1.0)
    return True


def _said(telephone: Telephone, want: Wanted) -> bool:
    return any(want.is_in(piece.prompt, piece.text) and piece.heard_s is not None for piece in telephone.pieces)


def _seconds(written: str) -> float | None:
    try:
        seconds = float(written.removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 3600 else None
