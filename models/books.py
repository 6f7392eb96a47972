"""Published menu books: immutable versions, numbered from 1, and the log of which of them are in use."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.choices import Change, Choice, NoSuchChoice, for_everybody, for_share
from models.database import Database
from models.errors import StoreBusy
from models.tables import BookChoiceRow, MenuBookRow
from models.texts import stored

Result = TypeVar("Result")

#: How often a version or a choice is tried anew when others took its number at the same moment.
TRIES = 20
#: Kept among the files of a version: what each recording held when it was published, so that the version stays itself.
RECORDINGS = "recordings.json"


@dataclass(frozen=True, slots=True)
class PublishedBook:
    """One version of all menu files."""

    version: int
    published_at: float
    message: str
    files: Mapping[str, str]  #: file name → text

    @property
    def texts(self) -> Mapping[str, str]:
        """The menu files alone."""
        return {name: text for name, text in self.files.items() if name != RECORDINGS}

    @property
    def recordings(self) -> Mapping[str, str]:
        """Recording → the digest of what it held."""
        return dict(json.loads(self.files.get(RECORDINGS, "{}")))


@dataclass(frozen=True, slots=True)
class Publication:
    """When a version was published, and what was said of it."""

    version: int
    published_at: float
    message: str


class Books:
    """Every version that was ever published, and which are in use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(
        self, files: Mapping[str, str], *, message: str, now: float, by: str = "", share: float | None = None
    ) -> int:
        """Put these files into use, for everybody or for a share of callers; answers with their version.

        It is the newest version if that holds just the same, otherwise a new one. Raises NoSuchChoice.
        """
        digest = hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()

        async def work(session: AsyncSession) -> int:
            before = await _choice(session)
            newest = await session.scalar(select(MenuBookRow).order_by(MenuBookRow.version.desc()).limit(1))
            if newest is not None and newest.digest == digest:
                version = newest.version
            else:
                version = 1 if newest is None else newest.version + 1
                session.add(
                    MenuBookRow(
                        version=version,
                        published_at=now,
                        message=stored(message, 500),
                        digest=digest,
                        files=dict(files),
                    )
                )
                await session.flush()
            if before is None and share is not None:
                raise NoSuchChoice("nothing was published yet: the first version is for everybody")
            change = for_everybody(version) if share is None else for_share(version, share)
            _choose(session, before, change(before or Choice(version)), message=message, by=by, now=now)
            return version

        return await self._apart(work)

    async def wished(self, change: Change) -> Choice:
        """What would be in use after this change. Raises NoSuchChoice when it cannot be made."""
        async with self._database.read() as session:
            return (await _changed(session, change))[1]

    async def choose(self, change: Change, *, message: str, now: float, by: str = "") -> Choice:
        """Put other versions into use. Raises NoSuchChoice when that cannot be."""

        async def work(session: AsyncSession) -> Choice:
            before, after = await _changed(session, change)
            return _choose(session, before, after, message=message, by=by, now=now)

        return await self._apart(work)

    async def _apart(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        """Do work that takes the next number of a log, again when somebody else took it at the same moment."""
        for _ in range(TRIES):
            try:
                return await self._database.transact(work)
            except IntegrityError:
                continue
        raise StoreBusy("too many others publish at the same moment; try again")

    async def choice(self) -> Choice | None:
        """What is in use; None when nothing was ever published."""
        async with self._database.read() as session:
            return await _choice(session)

    async def choices(self, most: int) -> tuple[Choice, ...]:
        """The log of what was in use, the newest first."""
        async with self._database.read() as session:
            rows = await session.scalars(select(BookChoiceRow).order_by(BookChoiceRow.id.desc()).limit(most))
            return tuple(map(_choice_of, rows))

    async def latest(self) -> PublishedBook | None:
        """The newest version."""
        async with self._database.read() as session:
            row = await session.scalar(select(MenuBookRow).order_by(MenuBookRow.version.desc()).limit(1))
        return None if row is None else _book_of(row)

    async def all(self) -> tuple[Publication, ...]:
        """Every version, the newest first."""
        about = select(MenuBookRow.version, MenuBookRow.published_at, MenuBookRow.message)
        async with self._database.read() as session:
            return tuple(
                Publication(version, published_at, message)
                for version, published_at, message in await session.execute(about.order_by(MenuBookRow.version.desc()))
            )

    async def get(self, version: int) -> PublishedBook | None:
        """That version."""
        async with self._database.read() as session:
            row = await session.get(MenuBookRow, version)
        return None if row is None else _book_of(row)


async def _choice(session: AsyncSession) -> Choice | None:
    row = await session.scalar(select(BookChoiceRow).order_by(BookChoiceRow.id.desc()).limit(1))
    if row is not None:
        return _choice_of(row)
    # Published before there was a log of choices: the newest version was in use.
    newest = await session.scalar(select(MenuBookRow.version).order_by(MenuBookRow.version.desc()).limit(1))
    return None if newest is None else Choice(newest)


async def _changed(session: AsyncSession, change: Change) -> tuple[Choice, Choice]:
    """What is in use, and what would be. Raises NoSuchChoice."""
    before = await _choice(session)
    if before is None:
        raise NoSuchChoice("nothing was published yet; `ivr publish` does it")
    after = change(before)
    for version in after.versions:
        if await session.scalar(select(MenuBookRow.version).where(MenuBookRow.version == version)) is None:
            raise NoSuchChoice(f"there is no version {version}; `ivr books` lists them")
    return before, after


def _choose(
    session: AsyncSession, before: Choice | None, after: Choice, *, message: str, by: str, now: float
) -> Choice:
    """Write the next line of the log. Its number is the claim: two that decided on the same line cannot both write."""
    if before is not None and before.number and _used(before) == _used(after):
        return before  # nothing would change
    number = 1 if before is None else before.number + 1
    row = BookChoiceRow(
        id=number,
        at=now,
        stable=after.stable,
        canary=after.canary,
        canary_share=after.share,
        chosen_by=stored(by, 64),
        message=stored(message, 500),
    )
    session.add(row)
    return replace(after, number=number, at=now, by=row.chosen_by, message=row.message)


def _used(choice: Choice) -> tuple[int, int | None, float]:
    return choice.stable, choice.canary, choice.share


def _choice_of(row: BookChoiceRow) -> Choice:
    return Choice(row.stable, row.canary, row.canary_share, row.id, row.at, row.chosen_by, row.message)


def _book_of(row: MenuBookRow) -> PublishedBook:
    return PublishedBook(row.version, row.published_at, row.message, row.files)
