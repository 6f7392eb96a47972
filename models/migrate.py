"""Bring a database to the newest schema, and say how far one is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from models.database import Database, address, create_engine, store_faults
from models.errors import NotMigrated

Result = TypeVar("Result")

FOLDER = Path(__file__).parent / "migrations"
#: Seconds to wait for another node that migrates, and seconds that one statement may take.
PATIENCE_S = 120.0
#: The advisory lock of PostgreSQL under which nodes migrate one after the other; any fixed number of ours.
ONE_AT_A_TIME = 0x52494E47


@dataclass(frozen=True, slots=True)
class RevisionState:
    """How far a database is."""

    found: str | None  #: revision of the database, None when it has no tables of ours
    head: str  #: revision of this code

    @property
    def current(self) -> bool:
        """Whether the database has exactly the tables that this code expects."""
        return self.found == self.head


async def migrate(url: str, *, revisions: Path = FOLDER) -> None:
    """Bring a database to the newest of the revisions, all or nothing. Raises StoreAway or BadAddress."""
    await _on_connection(url, lambda connection: _upgrade(connection, revisions), writes=True)


async def revision_state(url: str) -> RevisionState:
    """How far a database is. Raises StoreAway or BadAddress."""
    found = await _on_connection(
        url, lambda connection: MigrationContext.configure(connection).get_current_revision(), writes=False
    )
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None, "the package has revisions"
    return RevisionState(found, head)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database that has this version's tables, for the time of a block. Raises NotMigrated, StoreAway, BadAddress."""
    _require_file(address(url))
    state = await revision_state(url)
    if not state.current:
        raise NotMigrated(f"the database is at revision {state.found or 'none'}, not {state.head}: run `ivr migrate`")
    async with Database.opened(url) as database:
        yield database


def _require_file(where: URL) -> None:
    """Opening a file that is not there would make it; a misspelt path should say so instead. Raises NotMigrated."""
    if where.drivername.startswith("sqlite") and not Path(str(where.database)).exists():
        raise NotMigrated(f"the database {where.database} does not exist: run `ivr migrate`")


def config(connection: Connection | None = None, revisions: Path = FOLDER) -> Config:
    """Alembic's configuration, from the package itself: no ini file."""
    made = Config()
    made.set_main_option("script_location", str(revisions).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _upgrade(connection: Connection, revisions: Path) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    command.upgrade(config(connection, revisions), "head")


async def _on_connection(url: str, work: Callable[[Connection], Result], *, writes: bool) -> Result:
    with store_faults():
        engine = create_engine(url, lock_s=PATIENCE_S, statement_s=PATIENCE_S)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _foreign_keys_off)
    try:
        with store_faults():
            async with engine.execution_options(writes=writes).begin() as connection:
                return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _foreign_keys_off(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A table that is rebuilt is dropped for a moment; what refers to it must survive that.
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()
