"""The book that is rehearsed: that of the folder or a published version, with queues, and sounds if they are there."""

from pathlib import Path

from ivr.errors import Misconfigured
from ivr.parts import Edition
from ivr.prompts.catalogue import Catalogue, MissingSounds
from ivr.queues import Queue
from ivr.queues import load as load_queues
from ivr.rehearsal.node import Scene, rehearsed
from ivr.settings import Settings
from ivr.testing.stage import silent_catalogue
from menus.loader import load_book, parse_book
from menus.schema import MenuBook
from models.books import RECORDINGS, Books
from models.migrate import opened


def of_folder(settings: Settings) -> Scene:
    """The book as it lies in the folder. Raises Misconfigured or Faults with everything that is wrong."""
    queues = load_queues(settings.book.queues).table(settings.time_zone)
    book = load_book(settings.book.folder, queues=queues, time_zone=settings.time_zone)
    return _scene(settings, book, queues, version=1)


async def of_version(settings: Settings, version: int) -> Scene:
    """A version that was published. Raises Misconfigured when there is none, Faults when it does not fit any more."""
    queues = load_queues(settings.book.queues).table(settings.time_zone)
    async with opened(settings.database_url) as database:
        published = await Books(database).get(version)
    if published is None:
        raise Misconfigured(f"no version {version} was published; `ivr books` lists those that were")
    texts = {name: text for name, text in published.files.items() if name != RECORDINGS}
    return _scene(settings, parse_book(texts, queues=queues, time_zone=settings.time_zone), queues, version)


def _scene(settings: Settings, book: MenuBook, queues: dict[str, Queue], version: int) -> Scene:
    return Scene(Edition.of(version, book, _catalogue(settings.prompts.folder, book)), queues, rehearsed(settings))


def _catalogue(folder: Path, book: MenuBook) -> Catalogue:
    """Prompts as long as they sound, or as their words would take where nothing was rendered yet."""
    try:
        return Catalogue.load(folder, book)
    except MissingSounds:
        return silent_catalogue(book)
