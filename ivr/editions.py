"""Published menu books in memory: those in use for new calls, older ones for calls that began on them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog

from ivr.clock import SystemClock
from ivr.errors import Misconfigured
from ivr.pacing import durations_of
from ivr.parts import Edition
from ivr.ports import Clock
from ivr.prompts.catalogue import Catalogue, recorded, render
from ivr.prompts.speech import EspeakSpeech, Speech
from ivr.queues import Queues
from ivr.queues import load as load_queues
from ivr.settings import Settings
from ivr.site import site_of
from menus.loader import examine_folder, parse_book
from menus.pace import Durations
from menus.schema import MenuBook
from menus.yaml_source import Faults
from models.books import RECORDINGS, Books
from models.choices import Change, Choice
from models.migrate import opened

log = structlog.get_logger()

#: Editions kept in memory, those in use included; a call on another one waits until it is loaded again.
MOST_KEPT = 8
#: Seconds between two looks for what is in use.
LOOK_EVERY_S = 2.0
#: Seconds until versions that could not be loaded are tried again.
TRY_AGAIN_S = 60.0
#: Seconds in which the version of a call that came back must be there.
RECALL_S = 2.0


class Came(StrEnum):
    """What came of a reload."""

    PUBLISHED = "published"
    SAME = "same"  # the folder is in use already
    SET_ASIDE = "set_aside"  # the folder was published before, and another version was put into use since


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload, and what is in use now."""

    came: Came
    version: int  #: of the folder
    choice: Choice


class Editions:
    """Loads published versions; a broken book never replaces a good one."""

    def __init__(self, books: Books, settings: Settings, queues: Queues, speech: Speech, clock: Clock) -> None:
        self._books, self._speech, self._clock = books, speech, clock
        self._site = site_of(settings, queues)
        self._prompts, self._folder = settings.prompts, settings.book.folder
        self._node = settings.node
        self._kept: dict[int, Edition] = {}  #: the one used least recently first
        self._loading: dict[int, asyncio.Task[Edition]] = {}
        self._choice = Choice(0)  #: what this node goes by
        self._seen: Choice | None = None  #: the newest choice that was looked at, good or not
        self._seen_at = 0.0

    @property
    def choice(self) -> Choice:
        """What this node goes by."""
        return self._choice

    def get(self, version: int | None) -> Edition:
        """The edition of that version if it is kept, else the one for everybody."""
        edition = self._kept.get(self._choice.stable if version is None else version)
        return self._kept[self._choice.stable] if edition is None else edition

    def for_caller(self, caller: str) -> Edition:
        """The edition for a new call of this caller: always the same one while a canary is running."""
        return self.get(self._choice.version_for(caller))

    def durations(self, version: int) -> Durations | None:
        """How long that version takes to say, if it is kept."""
        edition = self._kept.get(version)
        return None if edition is None else durations_of(edition.catalogue, edition.book)

    async def recall(self, version: int) -> Edition | None:
        """The edition that a call began on, loaded again if it is not kept; None when it cannot be had in time."""
        if version in self._kept:
            self._kept[version] = self._kept.pop(version)
            return self._kept[version]
        loading = self._loading.get(version)
        if loading is None:
            loading = self._loading[version] = asyncio.create_task(self._load(version), name=f"book {version}")
            loading.add_done_callback(lambda done: self._loaded(version, done))
        await asyncio.wait([loading], timeout=RECALL_S)  # it goes on past the deadline: for the next call
        if not loading.done() or loading.cancelled() or loading.exception() is not None:
            return None
        return loading.result()

    def _loaded(self, version: int, done: asyncio.Task[Edition]) -> None:
        del self._loading[version]
        if not done.cancelled() and (fault := done.exception()) is not None:
            log.warning("a menu book that a call began on could not be loaded", version=version, why=str(fault))

    async def start(self) -> None:
        """Load what is in use; publish the folder when nothing has been published yet.

        Raises Misconfigured with every fault when there is no good version at all.
        """
        choice = await self._books.choice()
        if choice is None:
            await self.publish("first start")
            return
        try:
            await self._load(choice.stable)
        except Faults as faults:
            raise Misconfigured(f"version {choice.stable}, published before, is broken now:\n{faults}") from faults
        await self.look()
        latest = await self._books.latest()
        try:
            differs = latest is not None and (await self.in_folder())[1] != latest.files
        except Misconfigured as faults:
            for fault in str(faults).splitlines():
                log.error("the menu folder is broken; the published version goes on", fault=fault)
            return
        if differs:
            log.warning("the menu folder differs from the published version; `ivr publish` takes it over")

    async def publish(self, message: str, *, by: str | None = None, share: float | None = None) -> int:
        """Check, render and publish the folder, for everybody or a share of callers; answers with its version.

        Raises Misconfigured with every fault, and NoSuchChoice.
        """
        book, files = await self.in_folder()
        await self._render(book, files)
        by = self._node if by is None else by
        version = await self._books.publish(files, message=message, now=self._clock.now(), by=by, share=share)
        await self.look()
        return version

    async def reload(self, message: str, *, by: str | None = None, dry_run: bool = False) -> Reloaded:
        """Publish the folder if it is sound and was not published yet. Raises Misconfigured with every fault."""
        files = (await self.in_folder())[1]
        latest = await self._books.latest()
        choice = await self._books.choice()
        if latest is not None and choice is not None and latest.files == files:
            came = Came.SAME if latest.version in choice.versions else Came.SET_ASIDE
            return Reloaded(came, latest.version, choice)
        if dry_run:
            version = 1 if latest is None else latest.version + 1
            return Reloaded(Came.PUBLISHED, version, choice or Choice(version))
        version = await self.publish(message, by=by)
        return Reloaded(Came.PUBLISHED, version, self._choice)

    async def choose(self, change: Change, message: str, *, by: str | None = None, dry_run: bool = False) -> Choice:
        """Put other published versions into use, once it is seen that they can still be used.

        Raises NoSuchChoice, and Misconfigured when one of them cannot be used any more.
        """
        wished = await self._books.wished(change)
        for version in wished.versions:
            try:
                await self._load(version, keep=False)
            except Faults as faults:
                raise Misconfigured(f"version {version} cannot be used any more:\n{faults}") from faults
        if dry_run:
            return wished
        by = self._node if by is None else by
        return await self._books.choose(change, message=message, now=self._clock.now(), by=by)

    async def follow(self) -> None:
        """Take over what is put into use, here or by others, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                if await self.look():
                    now = self._choice
                    log.info("other menu books are in use", stable=now.stable, canary=now.canary, share=now.share)
            except Exception:
                log.exception("what is in use could not be looked up; the book in use goes on")

    async def look(self) -> bool:
        """Take over what is in use now; whether anything changed. What cannot be loaded changes nothing."""
        choice = await self._books.choice()
        seen_s = self._clock.monotonic() - self._seen_at
        if choice is None or choice == self._choice or (choice == self._seen and seen_s < TRY_AGAIN_S):
            return False
        self._seen, self._seen_at = choice, self._clock.monotonic()
        usable = choice
        for version in choice.versions:
            try:
                if version not in self._kept:
                    await self._load(version)
            except Exception:
                if version == choice.stable:
                    log.exception("a published menu book could not be loaded; the one in use goes on", version=version)
                    return False
                log.exception("the canary could not be loaded; everybody hears the other book", version=version)
                usable = Choice(choice.stable)
        changed = (usable.versions, usable.share) != (self._choice.versions, self._choice.share)
        self._choice = usable
        self._bound()
        return changed

    async def in_folder(self) -> tuple[MenuBook, dict[str, str]]:
        """The book in the folder, and the files that it is published as. Raises Misconfigured with every fault."""
        examined = await asyncio.to_thread(examine_folder, self._folder, **self._site)
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

    async def _load(self, version: int, *, keep: bool = True) -> Edition:
        """That version out of the database. Raises Faults, Misconfigured, StoreAway."""
        published = await self._books.get(version)
        if published is None:
            raise Misconfigured(f"there is no version {version}")
        book = await asyncio.to_thread(parse_book, published.texts, **self._site)
        edition = Edition.of(version, book, await self._render(book, published.files))
        if keep:
            self._kept[version] = edition
            self._bound()
        return edition

    def _bound(self) -> None:
        """Forget the editions used least recently; never one that is in use, or is just being taken into use."""
        needed = {*self._choice.versions, *(self._seen.versions if self._seen else ())}
        for version in [version for version in self._kept if version not in needed]:
            if len(self._kept) <= MOST_KEPT:
                return
            del self._kept[version]


async def publish_folder(settings: Settings, message: str) -> int:
    """Publish the menu folder of these settings from outside the engine. Raises Misconfigured with every fault."""
    async with opened(settings.database_url) as database:
        return await editions_of(settings, Books(database)).publish(message)


def editions_of(settings: Settings, books: Books) -> Editions:
    """Editions for a command, which works from outside the engine. Raises Misconfigured."""
    queues = load_queues(settings.book.queues)
    return Editions(books, settings, queues, EspeakSpeech(), SystemClock(settings.clock_ahead_s))
