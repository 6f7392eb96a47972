"""Trained models as files: how one is published, and how an engine takes over the newest without a restart."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from menus.errors import BadModel

log = structlog.get_logger()

T = TypeVar("T")

#: Seconds between two looks for a newly published model.
LOOK_EVERY_S = 5.0


class Followed(Generic[T]):
    """What the file of a published model holds by now. Reading it never stops what is served."""

    def __init__(self, file: Path, read: Callable[[Path], T], *, what: str, instead: str, needed: bool = True) -> None:
        self._file, self._read, self._what, self._instead = file, read, what, instead
        self._needed = needed  #: a file that is not there is a fault
        self._seen: tuple[int, int, int] | None = None
        self._told = ""
        self.now: T | None = None  #: None while there is none that can be served

    async def look(self) -> bool:
        """Take over the model in the file if it is another one, else none; says whether anything has changed."""
        try:
            state = await asyncio.to_thread(self._file.stat)
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if seen == self._seen:
                return False
            self._seen = seen
            self.now = await asyncio.to_thread(self._read, self._file)
        except (OSError, BadModel) as fault:
            if isinstance(fault, OSError):
                self._seen = None
            had, self.now = self.now is not None, None
            self._tell(f"no {self._what} can be served: {_why(fault)}", quiet=self._may_lack(fault))
            return had
        self._told = ""
        return True

    def _may_lack(self, fault: Exception) -> bool:
        return not self._needed and isinstance(fault, FileNotFoundError)

    def _tell(self, what: str, *, quiet: bool) -> None:
        if what != self._told:
            tell = log.info if quiet else log.error
            tell(what, file=str(self._file), instead=self._instead)
        self._told = what


def publish(content: bytes, kept: Path, current: Path) -> None:
    """Keep a model under its own name and let it be the one that is served: all of it or nothing."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    for target in (kept, current):
        fresh = target.with_name(f"{target.name}.new")
        fresh.write_bytes(content)
        fresh.replace(target)


def verdict(objections: Sequence[str], published: Path | None, *, dry_run: bool) -> list[str]:
    """What was decided about a model that was trained, in lines to print."""
    if objections:
        return ["not published:", *(f"  {objection}" for objection in objections)]
    if dry_run:
        return ["not published: a dry run; nothing speaks against it"]
    return [f"published {published}: running engines take it over within seconds"]


def _why(fault: Exception) -> str:
    return fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)
