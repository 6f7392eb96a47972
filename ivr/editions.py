"""Published menu books in memory: the newest for new calls, older ones for calls that started on them."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import structlog

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.parts import Edition
from ivr.ports import Clock
from ivr.prompts.catalogue import render
from ivr.prompts.speech import EspeakSpeech, Speech
from ivr.queues import Queues
from ivr.queues import load as load_queues
from ivr.settings import Prompts, Settings
from menus.loader import load_files, parse_book
from menus.rules import check_book
from menus.schema import MenuBook
from menus.yaml_source import Faults
from models.books import Books
from models.database import Database

log = structlog.get_logger()

#: Editions kept in memory; a call on an older one is given the newest instead.
MOST_KEPT = 8
#: Seconds between two looks for a newly published version.
LOOK_EVERY_S = 2.0


def checked_book(files: Mapping[str, str], queues: Queues) -> MenuBook:
    """The book of these files. Raises Faults with every fault of every file, queue prompts included."""
    book = parse_book(files)
    report = check_book(book, queues=frozenset(queues.queues))
    if report.faults:
        raise Faults(report.faults)
    return book


class Editions:
    """Loads published versions; a broken book never replaces a good one."""

    def __init__(self, books: Books, prompts: Prompts, queues: Queues, speech: Speech, clock: Clock) -> None:
        self._books, self._prompts, self._queues, self._speech, self._clock = books, prompts, queues, speech, clock
        self._kept: OrderedDict[int, Edition] = OrderedDict()

    def get(self, version: int | None) -> Edition:
        """The edition of that version if it is still kept, else the newest."""
        if version is not None and version in self._kept:
            return self._kept[version]
        return next(reversed(self._kept.values()))

    async def start(self, folder: Path) -> None:
        """Load the newest published version; publish the folder when nothing has been published yet.

        Raises Misconfigured with every fault when there is no good version at all.
        """
        latest = await self._books.latest()
        if latest is None:
            await self.publish(folder, "first start")
            return
        await self._load(latest.version, latest.files)
        try:
            files = load_files(folder)
            checked_book(files, self._queues)
        except Faults as faults:
            log.error("the menu folder is broken; the published version goes on", version=latest.version)
            for fault in faults.faults:
                log.error("fault", at=str(fault))
            return
        if files != latest.files:
            log.warning("the menu folder differs from the published version; `ivr publish` takes it over")

    async def publish(self, folder: Path, message: str) -> int:
        """Check, render and publish a folder; answers with its version. Raises Misconfigured with every fault."""
        try:
            files = load_files(folder)
            book = checked_book(files, self._queues)
        except Faults as faults:
            raise Misconfigured(str(faults)) from faults
        await asyncio.to_thread(render, book, self._prompts.folder, self._speech)
        version = await self._books.publish(files, message=message, now=self._clock.now())
        await self._load(version, files)
        return version

    async def follow(self) -> None:
        """Take over newly published versions until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                latest = await self._books.latest()
                if latest is not None and latest.version not in self._kept:
                    await self._load(latest.version, latest.files)
                    log.info("a new menu book is in use", version=latest.version)
            except Exception:
                log.exception("a published menu book could not be loaded; the one in use goes on")

    async def _load(self, version: int, files: Mapping[str, str]) -> None:
        book = await asyncio.to_thread(checked_book, files, self._queues)
        catalogue = await asyncio.to_thread(
            lambda: render(book, self._prompts.folder, self._speech, sound_prefix=self._prompts.seen_by_asterisk)
        )
        self._kept[version] = Edition(version, book, catalogue)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


async def publish_folder(settings: Settings, message: str) -> int:
    """Publish the menu folder of these settings from outside the engine. Raises Misconfigured with every fault."""
    async with Database.opened(settings.database_url) as database:
        queues = load_queues(settings.book.queues)
        editions = Editions(Books(database), settings.prompts, queues, EspeakSpeech(), SystemClock())
        return await editions.publish(settings.book.folder, message)
