"""Wake-ups that say that something changed, never what: in the process, and between nodes on PostgreSQL.

They may be lost; every reader polls as well. On SQLite there is one engine process, and other processes are silent.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.engine import URL

from models.database import CONNECT_S, Database

log = logging.getLogger(__name__)

CHANNEL = "ringwise_hints"
#: Seconds between two tries to reach PostgreSQL again: the first, and the longest.
RETRY_S, RETRY_MOST_S = 0.1, 5.0
#: Seconds of silence after which the connection is tried.
PING_S = 15.0
#: What an address may say to SQLAlchemy alone.
_OF_SQLALCHEMY = frozenset(
    {"prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback", "async_creator_fn"}
)


class Hints:
    """Hints inside one process."""

    def __init__(self) -> None:
        self._nudged: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._ears: dict[str, Callable[[str], None]] = {}

    def nudge(self, topic: str) -> None:
        """Wake who waits for this topic; a reader who is busy finds it at the next wait."""
        self._nudged[topic].set()

    async def wait(self, topic: str, *, seconds: float) -> bool:
        """True when nudged, False when the time has passed."""
        nudged = self._nudged[topic]
        try:
            async with asyncio.timeout(seconds):
                await nudged.wait()
        except TimeoutError:
            return False
        nudged.clear()
        return True

    def tell(self, kind: str, about: str) -> None:
        """Tell the other nodes whose state has changed; within one process there are none. Never waits or raises."""

    def listen(self, kind: str, hear: Callable[[str], None]) -> None:
        """Have `hear` called with what other nodes `tell` of this kind; it must neither wait nor raise."""
        self._ears[kind] = hear


class SharedHints(Hints):
    """Hints between nodes, over a connection of their own: NOTIFY serialises commits, so no claim ever carries one."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._how = _connect_arguments(url)
        self._due: dict[str, None] = {}  # what other nodes are to hear, each once, in order
        self._send = asyncio.Event()
        self.connected = asyncio.Event()  #: set while other nodes are heard

    def nudge(self, topic: str) -> None:
        """Wake who waits for this topic, here at once and on the other nodes soon."""
        super().nudge(topic)
        self._due[topic] = None
        self._send.set()

    def tell(self, kind: str, about: str) -> None:
        """Tell the other nodes whose state has changed. Never waits or raises."""
        self._due[f"{kind}:{about}"] = None
        self._send.set()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        pause_s = RETRY_S
        while True:
            try:
                connection = await asyncpg.connect(**self._how)
                try:
                    await connection.add_listener(CHANNEL, self._heard)
                    self.connected.set()
                    pause_s = RETRY_S
                    await self._send_forever(connection)
                finally:
                    self.connected.clear()
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
                log.warning("hints between nodes are down, polling does it: %s", fault)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_MOST_S)

    async def _send_forever(self, connection: Any) -> None:
        while True:
            try:
                async with asyncio.timeout(PING_S):
                    await self._send.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")
                continue
            self._send.clear()
            due, self._due = self._due, {}
            for topic in due:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)

    def _heard(self, connection: Any, sender: int, _channel: str, topic: str) -> None:
        if sender == connection.get_server_pid():
            return
        kind, _, about = topic.partition(":")
        if not about:
            super().nudge(topic)
        elif (hear := self._ears.get(kind)) is not None:
            hear(about)


def _connect_arguments(url: URL) -> dict[str, Any]:
    """What asyncpg is told for this address, like for the database's own connections: an address may say `?ssl=…`."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    ours = {name: value for name, value in arguments.items() if name not in _OF_SQLALCHEMY}
    return {**ours, "timeout": CONNECT_S, "command_timeout": CONNECT_S}


@asynccontextmanager
async def open_hints(database: Database) -> AsyncIterator[Hints]:
    """Hints that fit the database, for the time of a block."""
    if not database.on_postgresql:
        yield Hints()
        return
    hints = SharedHints(database.url)
    task = asyncio.create_task(hints.run(), name="hints")
    try:
        yield hints
    finally:
        task.cancel()
        await asyncio.wait([task])
