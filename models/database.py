"""One database: connections, transactions, retries; the only place that knows SQLite from PostgreSQL."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from weakref import WeakSet

import aiosqlite
import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from models.errors import BadAddress, StoreBusy
from routing.errors import StoreAway

Result = TypeVar("Result")

#: How often a transaction is tried that others stood in the way of (locked, deadlock, serialisation), and for how long:
#: callers wait for it in silence.
TRIES, TRYING_S = 3, 2.0
#: Longest pause before another try, drawn at random: two that stood in each other's way would meet again in step.
APART_S = 0.1
#: Seconds that one statement waits for a lock of another process.
LOCK_S = 0.5
#: Seconds to wait for a free connection, or on SQLite for this process's turn to write.
TURN_S = 1.0
#: Several who open a new SQLite file at once refuse each other without waiting: how often it is tried again, and after
#: how many seconds.
WAL_TRIES, WAL_PAUSE_S = 50, 0.02
#: Seconds to reach PostgreSQL, and seconds that one of its statements may take before the connection is given up.
CONNECT_S, STATEMENT_S = 2.0, 5.0
CONNECTIONS = 20
#: Seconds that closing waits for the threads of connections to SQLite to end.
LAST_THREAD_S = 2.0

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_AWAY = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
#: serialisation failure, deadlock, lock not available
_PG_BUSY = {"40001", "40P01", "55P03"}
#: too many connections, shutting down, crashed, starting up, a replica that cannot be written to, statement cancelled,
#: disk full, no privilege
_PG_AWAY = {"53300", "57P01", "57P02", "57P03", "25006", "57014", "53100", "42501"}
#: What connecting raises before SQLAlchemy wraps anything.
_CANNOT_CONNECT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, PoolTimeout)

#: The time of day by PostgreSQL, and by SQLite, to the millisecond.
_TIME = {
    True: text("SELECT extract(epoch FROM clock_timestamp())"),
    False: text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}


def address(url: str) -> URL:
    """The address with the driver that we use. Raises BadAddress; its message never shows a password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadAddress("not a database address; write sqlite:///path/to/file.db or postgresql://…") from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+asyncpg"):
        return parsed.set(drivername="postgresql+asyncpg")
    if parsed.drivername not in ("sqlite", "sqlite+aiosqlite"):
        raise BadAddress(f"{parsed.render_as_string()}: only sqlite and postgresql can be used")
    if not parsed.database or parsed.database == ":memory:":
        raise BadAddress("SQLite needs a file: a database in memory is not shared between connections")
    return parsed.set(drivername="sqlite+aiosqlite")


def create_engine(
    url: str, *, lock_s: float = LOCK_S, statement_s: float = STATEMENT_S, threads: WeakSet[Thread] | None = None
) -> AsyncEngine:
    """An engine with our settings for either database; creates the folder of an SQLite file.

    The thread of each connection to SQLite is put into `threads`.
    """
    where = address(url)

    def connection(*arguments: Any, **options: Any) -> aiosqlite.Connection:
        made = aiosqlite.connect(*arguments, **options)
        made._thread.daemon = True
        if threads is not None:
            threads.add(made._thread)
        return made

    if where.drivername == "postgresql+asyncpg":
        return create_async_engine(
            where,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=TURN_S,
            hide_parameters=True,
            connect_args={
                "timeout": CONNECT_S,
                "command_timeout": statement_s,
                "server_settings": {
                    "application_name": "ringwise",
                    "jit": "off",
                    "lock_timeout": str(int(lock_s * 1000)),
                    "idle_in_transaction_session_timeout": "30000",
                },
            },
        )
    Path(str(where.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        where,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=TURN_S,
        hide_parameters=True,  # faults are logged; customers' numbers are not
        connect_args={"timeout": lock_s, "async_creator_fn": connection},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    _change_to_wal(connection, cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _change_to_wal(connection: Any, cursor: Any) -> None:
    """Nothing happens to a file that has been changed before."""
    for tries_left in reversed(range(WAL_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as fault:
            if not tries_left or fault.sqlite_errorcode & 0xFF not in _SQLITE_BUSY:
                raise
        connection.run_async(lambda _: asyncio.sleep(WAL_PAUSE_S))


def _begin_sqlite(connection: Any) -> None:
    # A writer takes the lock at once: a transaction that began by reading could not be upgraded, only refused.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _verdict(fault: BaseException) -> StoreAway | None:
    """StoreBusy or StoreAway when the database is to blame, None when the statement itself is wrong."""
    if isinstance(fault, _CANNOT_CONNECT):
        return StoreAway(f"the database cannot be reached: {fault}")
    if not isinstance(fault, DBAPIError):
        return None
    code = getattr(fault.orig, "sqlstate", None) or ""
    primary = getattr(fault.orig, "sqlite_errorcode", 0) & 0xFF
    if code in _PG_BUSY or primary in _SQLITE_BUSY:
        return StoreBusy(f"the database is busy: {fault.orig}")
    if fault.connection_invalidated or code in _PG_AWAY or code[:2] == "08" or primary in _SQLITE_AWAY:
        return StoreAway(f"the database cannot be used: {fault.orig}")
    return None


@contextmanager
def store_faults() -> Iterator[None]:
    """Turns what a driver raises into StoreAway or StoreBusy when the database is to blame."""
    try:
        yield
    except (DBAPIError, *_CANNOT_CONNECT) as fault:
        verdict = _verdict(fault)
        if verdict is None:
            raise
        raise verdict from fault


def _join(threads: Sequence[Thread]) -> None:
    for thread in threads:
        thread.join(LAST_THREAD_S / len(threads))


class Database:
    """Connections to one database, for the life of a process. Every verb raises StoreAway when it cannot be used."""

    def __init__(self, url: str) -> None:
        self.url = address(url)
        self._threads: WeakSet[Thread] = WeakSet()
        self._engine = create_engine(url, threads=self._threads)
        self._writer = self._engine.execution_options(writes=True)
        self._reader = self._engine
        if self.on_postgresql:
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite has one writer. Within the process they queue here, fairly and without polling for the lock.
        self._turn: asyncio.Lock | None = None if self.on_postgresql else asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> "Database":
        """A database that has answered once. Raises StoreAway or BadAddress."""
        try:
            database = cls(url)
        except OSError as fault:
            raise StoreAway(f"the folder of the database cannot be made: {fault}") from fault
        try:
            async with database.read() as session:
                await session.execute(text("SELECT 1"))
        except BaseException:
            await database.dispose()
            raise
        return database

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator["Database"]:
        """A database for the time of a block. Raises StoreAway or BadAddress."""
        database = await cls.open(url)
        try:
            yield database
        finally:
            await database.dispose()

    @property
    def on_postgresql(self) -> bool:
        """True for PostgreSQL, False for SQLite."""
        return self.url.drivername == "postgresql+asyncpg"

    async def dispose(self) -> None:
        """Close every connection, and wait for their threads: one that ends after its loop would raise there."""
        await self._engine.dispose()
        if left := [thread for thread in self._threads if thread.is_alive()]:
            await asyncio.to_thread(_join, left)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One consistent picture: everything read inside is of the same moment. Nothing can be written."""
        with store_faults():
            async with AsyncSession(self._reader, expire_on_commit=False, autoflush=False) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it."""
        async with self._my_turn():
            with store_faults():
                async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
                    yield session

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction of its own, committed with it. PostgreSQL only."""
        with store_faults():
            async with self._alone.connect() as connection:
                yield connection

    async def time(self) -> float:
        """UTC seconds of the epoch by the clock of the database's machine, which for SQLite is this one."""
        async with self.read() as session:
            return float((await session.execute(_TIME[self.on_postgresql])).scalar_one())

    async def transact(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        """Do `work` in one transaction, again from the start when others stood in the way. Raises StoreBusy at last.

        A connection that breaks raises StoreAway at once: at commit the outcome is unknown.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + TRYING_S
        for left in reversed(range(TRIES)):
            try:
                async with self.write() as session:
                    return await work(session)
            except StoreBusy:
                if not left or clock() >= until:
                    raise
            await asyncio.sleep(random.uniform(0, APART_S))
        raise AssertionError("unreachable: the last try returns or raises")

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreBusy("other writers of this process took too long") from None
        try:
            yield
        finally:
            self._turn.release()
