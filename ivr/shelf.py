"""Published books and the folder's, for looking at: no sounds are made, no rules are asked, nothing is changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import Misconfigured
from ivr.prompts.catalogue import recorded
from ivr.settings import Settings
from menus.difference import Change, difference
from menus.loader import examine_folder, read_book
from menus.schema import MenuBook
from menus.yaml_source import Faults
from models.books import Books

#: Versions that are kept after they were read: they never change.
MOST_KEPT = 8


@dataclass(frozen=True, slots=True)
class Volume:
    """One book as it is looked at."""

    version: int | None  #: None is the folder's
    book: MenuBook
    recordings: Mapping[str, str] = field(default_factory=dict)  #: recording → digest of what it holds

    @property
    def title(self) -> str:
        """As people call it."""
        return "the folder" if self.version is None else f"version {self.version}"


def of_folder(folder: Path) -> Volume:
    """The book in a folder. Raises Misconfigured with every fault."""
    examined = examine_folder(folder)
    if examined.book is None:
        raise Misconfigured("\n".join(map(str, examined.faults)))
    return Volume(None, examined.book, recorded(examined.book, folder / "recordings"))


class Shelf:
    """Where books are taken from to be looked at."""

    def __init__(self, books: Books, settings: Settings) -> None:
        self._books, self._folder = books, settings.book.folder
        self._kept: OrderedDict[int, Volume] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def nothing_published(self) -> bool:
        """Whether there is no published version yet."""
        return await self._books.choice() is None

    async def stable(self) -> Volume:
        """The version that everybody hears. Raises Misconfigured."""
        choice = await self._books.choice()
        if choice is None:
            raise Misconfigured("nothing was published yet; `ivr publish` does it")
        return await self.version(choice.stable)

    async def version(self, number: int) -> Volume:
        """A published version. Raises Misconfigured when there is none, or when it cannot be read any more."""
        async with self._one_at_a_time:  # reading takes a core for a moment
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
            published = await self._books.get(number)
            if published is None:
                raise Misconfigured(f"there is no version {number}; `ivr books` lists them")
            try:
                book = await asyncio.to_thread(read_book, published.texts)
            except Faults as faults:
                raise Misconfigured(f"version {number} cannot be read any more:\n{faults}") from faults
            volume = self._kept[number] = Volume(number, book, published.recordings)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return volume

    async def folder(self) -> Volume:
        """The book in the folder. Raises Misconfigured with every fault."""
        return await asyncio.to_thread(of_folder, self._folder)

    async def named(self, name: str) -> Volume:
        """A version by its number, or `folder`. Raises Misconfigured."""
        if name == "folder":
            return await self.folder()
        if name.isascii() and name.isdecimal() and len(name) < 10:
            return await self.version(int(name))
        raise Misconfigured(f"{name!r} is no book: write the number of a version, or folder")


def changes(old: Volume, new: Volume) -> tuple[Change, ...]:
    """What differs between two volumes."""
    return difference(old.book, new.book, old_recordings=old.recordings, new_recordings=new.recordings)
