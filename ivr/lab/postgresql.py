"""A private PostgreSQL server for a while: on loopback, without a password, its files thrown away afterwards."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from ivr.errors import Misconfigured
from ivr.lab.ports import free_ports

#: Seconds for the server to come up or go down.
START_S, STOP_S = 30.0, 20.0


def find_program(name: str) -> Path | None:
    """A program of PostgreSQL, from PATH or from where distributions hide it; the newest version."""
    found = shutil.which(name)
    if found is not None:
        return Path(found).resolve()
    hidden = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), *Path("/usr").glob(f"pgsql-*/bin/{name}")]
    return max(hidden, key=lambda path: float(path.parent.parent.name.removeprefix("pgsql-")), default=None)


class PostgresqlServer:
    """One server. PostgreSQL refuses root, so root starts it as `postgres` or `nobody`. Raises Misconfigured."""

    def __init__(self) -> None:
        initdb, self._postgres = find_program("initdb"), find_program("postgres")
        if initdb is None or self._postgres is None:
            raise Misconfigured("PostgreSQL is not installed: its programs initdb and postgres were not found")
        self._folder = Path(tempfile.mkdtemp(prefix="ringwise-pg-"))
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _plain_user()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        self._run(initdb, "-D", self._data, "-U", "ringwise", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        (self.port,) = free_ports(1, socket.SOCK_STREAM)
        self.start()

    def _run(self, *words: object) -> None:
        done = subprocess.run(  # noqa: S603 - our own command line, no shell
            [str(word) for word in words],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **self._as_user,
        )
        if done.returncode != 0:
            raise Misconfigured(f"{words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")

    def start(self) -> None:
        """Start the server, or start it again on the same port."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 120,
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
        }
        words = [str(self._postgres), "-D", str(self._data)]
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                words, cwd=self._folder, stdout=log, stderr=log, **self._as_user
            )
        until = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Misconfigured(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            status = (self._data / "postmaster.pid").read_text().splitlines()[7]
        except (OSError, IndexError):
            return False
        return status.strip() == "ready"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; SIGINT ends its connections first, SIGQUIT is as if the machine had died."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_S)
            self._process = None

    def remove(self) -> None:
        """Stop the server and throw its files away."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def create_database(self, template: str = "template1") -> str:
        """A new database, as a copy of another that nobody uses just now; answers with its name."""
        name = f"ringwise_{next(self._names)}"
        await self._say(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._say(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _say(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://ringwise@127.0.0.1:{self.port}/{name}"


def _plain_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Misconfigured("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


@cache
def shared_server() -> PostgresqlServer:
    """One server for everything in this process that asks for one; removed when the process ends."""
    server = PostgresqlServer()
    atexit.register(server.remove)
    return server
