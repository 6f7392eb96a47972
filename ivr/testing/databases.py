"""Fresh migrated databases for tests: an SQLite file or a database on a private PostgreSQL server, copied from one."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from ivr.lab.postgresql import shared_server
from models.database import Database
from models.migrate import migrate

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@cache
def _sqlite_template() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ringwise-sqlite-")


_postgresql_template: list[str] = []


async def fresh_file(file: Path) -> str:
    """The address of a migrated, empty SQLite database in this file."""
    template = Path(_sqlite_template().name) / "template.db"
    if not template.exists():
        await migrate(f"sqlite:///{template}")
    shutil.copyfile(template, file)
    return f"sqlite:///{file}"


@asynccontextmanager
async def fresh_url(kind: str, folder: Path) -> AsyncIterator[str]:
    """The address of a migrated, empty database for the time of a block; `folder` is where an SQLite file may live."""
    if kind == SQLITE:
        yield await fresh_file(folder / "ringwise.db")
        return
    server = shared_server()
    if not _postgresql_template:
        name = await server.create_database()
        await migrate(server.url(name))
        _postgresql_template.append(name)
    name = await server.create_database(_postgresql_template[0])
    try:
        yield server.url(name)
    finally:
        await server.drop_database(name)


@asynccontextmanager
async def fresh_database(kind: str, folder: Path) -> AsyncIterator[Database]:
    """A migrated, empty database for the time of a block."""
    async with fresh_url(kind, folder) as url, Database.opened(url) as database:
        yield database
