"""Published menu books in memory: the newest for new calls, older ones for calls that started on them."""

import asyncio
import json
from collections.abc import Mapping

import structlog

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.parts import Edition
from ivr.ports import Clock
from ivr.prompts.catalogue import Catalogue, recorded, render
from ivr.prompts.speech import EspeakSpeech, Speech
from ivr.queues import Queues
from ivr.queues import load as load_queues
from ivr.settings import Settings
from menus.loader import examine_folder, parse_book
from menus.schema import MenuBook
from menus.yaml_source import Faults
from models.books import Books
from models.migrate import opened

log = structlog.get_logger()

#: Editions kept in memory; a call on an older one is given the newest instead.
MOST_KEPT = 8
#: Seconds between two looks for a newly published version.
LOOK_EVERY_S = 2.0
#: Kept among the files of a version: what each recording held when it was published, so that the version stays itself.
RECORDINGS = "recordings.json"


class Editions:
    """Loads published versions; a broken book never replaces a good one."""

    def __init__(self, books: Books, settings: Settings, queues: Queues, speech: Speech, clock: Clock) -> None:
        self._books, self._queues, self._speech, self._clock = books, queues, speech, clock
        self._prompts, self._folder = settings.prompts, settings.book.folder
        self._zone = settings.time_zone
        self._kept: dict[int, Edition] = {}

    def get(self, version: int | None) -> Edition:
        """The edition of that version if it is still kept, else the newest."""
        if version is not None and version in self._kept:
            return self._kept[version]
        return self._kept[max(self._kept)]

    async def start(self) -> None:
        """Load the newest published version; publish the folder when nothing has been published yet.

        Raises Misconfigured with every fault when there is no good version at all.
        """
        latest = await self._books.latest()
        if latest is None:
            await self.publish("first start")
            return
        try:
            await self._load(latest.version, latest.files)
        except Faults as faults:
            raise Misconfigured(f"version {latest.version}, published before, is broken now:\n{faults}") from faults
        try:
            differs = (await self._in_folder())[1] != latest.files
        except Misconfigured as faults:
            for fault in str(faults).splitlines():
                log.error("the menu folder is broken; the published version goes on", fault=fault)
            return
        if differs:
            log.warning("the menu folder differs from the published version; `ivr publish` takes it over")

    async def publish(self, message: str) -> int:
        """Check, render and publish the folder; answers with its version. Raises Misconfigured with every fault."""
        book, files = await self._in_folder()
        await self._render(book, files)
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

    async def _in_folder(self) -> tuple[MenuBook, dict[str, str]]:
        """The book in the folder, and the files that it is published as. Raises Misconfigured with every fault."""
        examined = await asyncio.to_thread(
            examine_folder, self._folder, queues=self._queues.queues, time_zone=self._zone
        )
        if examined.book is None:
            raise Misconfigured("\n".join(map(str, examined.faults)))
        digests = await asyncio.to_thread(recorded, examined.book, self._folder / "recordings")
        listed = {RECORDINGS: json.dumps(digests, indent=1)} if digests else {}
        return examined.book, {**examined.files, **listed}

    async def _render(self, book: MenuBook, files: Mapping[str, str]) -> Catalogue:
        """The book's sounds; what was rendered before is found again."""
        prompts = self._prompts
        listed = files.get(RECORDINGS)
        return await asyncio.to_thread(
            render,
            book,
            prompts.folder,
            self._speech,
            sound_prefix=prompts.seen_by_asterisk,
            recordings=self._folder / "recordings",
            digests=None if listed is None else json.loads(listed),
        )

    async def _load(self, version: int, files: Mapping[str, str]) -> None:
        texts = {name: text for name, text in files.items() if name != RECORDINGS}
        book = await asyncio.to_thread(parse_book, texts, queues=self._queues.queues, time_zone=self._zone)
        self._kept[version] = Edition.of(version, book, await self._render(book, files))
        while len(self._kept) > MOST_KEPT:
            del self._kept[min(self._kept)]


async def publish_folder(settings: Settings, message: str) -> int:
    """Publish the menu folder of these settings from outside the engine. Raises Misconfigured with every fault."""
    async with opened(settings.database_url) as database:
        queues = load_queues(settings.book.queues)
        return await Editions(Books(database), settings, queues, EspeakSpeech(), SystemClock()).publish(message)
