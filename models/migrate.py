"""Bring a database to the newest schema, and say how far one is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from models.database import create_engine, store_faults

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
    await _on_connection(url, lambda connection: _upgrade(connection, revisions))


async def revision_state(url: str) -> RevisionState:
    """How far a database is. Raises StoreAway or BadAddress."""
    found = await _on_connection(url, lambda connection: MigrationContext.configure(connection).get_current_revision())
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None, "the package has revisions"
    return RevisionState(found, head)


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


async def _on_connection(url: str, work: Callable[[Connection], Result]) -> Result:
    engine = create_engine(url, lock_s=PATIENCE_S, statement_s=PATIENCE_S)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _foreign_keys_off)
    try:
        with store_faults():
            async with engine.execution_options(writes=True).begin() as connection:
                return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _foreign_keys_off(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A table that is rebuilt is dropped for a moment; what refers to it must survive that.
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()
