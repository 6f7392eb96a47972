"""Published menu books: immutable versions, numbered from 1."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.database import Database
from models.tables import MenuBookRow
from models.texts import stored


@dataclass(frozen=True, slots=True)
class PublishedBook:
    """One version of all menu files."""

    version: int
    published_at: float
    message: str
    files: Mapping[str, str]  #: file name → text


@dataclass(frozen=True, slots=True)
class Publication:
    """When a version was published, and what was said of it."""

    version: int
    published_at: float
    message: str


class Books:
    """Every version that was ever published."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, files: Mapping[str, str], *, message: str, now: float) -> int:
        """The version of these files: the newest one if it holds just the same, otherwise a new one."""
        digest = hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()

        async def work(session: AsyncSession) -> int:
            newest = await session.scalar(select(MenuBookRow).order_by(MenuBookRow.version.desc()).limit(1))
            if newest is not None and newest.digest == digest:
                return newest.version
            version = 1 if newest is None else newest.version + 1
            session.add(
                MenuBookRow(
                    version=version, published_at=now, message=stored(message, 500), digest=digest, files=dict(files)
                )
            )
            return version

        try:
            return await self._database.transact(work)
        except IntegrityError:  # another node took this number at the same moment
            return await self._database.transact(work)

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


def _book_of(row: MenuBookRow) -> PublishedBook:
    return PublishedBook(row.version, row.published_at, row.message, row.files)
