"""Databases for tests of the bank: migrated and empty, on SQLite or on a PostgreSQL server that is started for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ivr.lab.postgresql import shared_server
from models.database import Database
from models.migrate import migrate


@asynccontextmanager
async def empty_database(kind: str, folder: Path) -> AsyncIterator[Database]:
    """A database of this kind, sqlite or postgresql; gone when the block is left."""
    if kind == "sqlite":
        async with _migrated(f"sqlite:///{folder / 'bank.db'}") as database:
            yield database
        return
    server = shared_server()
    name = await server.create_database()
    try:
        async with _migrated(server.url(name)) as database:
            yield database
    finally:
        await server.drop_database(name)


@asynccontextmanager
async def _migrated(url: str) -> AsyncIterator[Database]:
    await migrate(url)
    async with Database.opened(url) as database:
        yield database
