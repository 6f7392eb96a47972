"""An engine node as a process of its own: start, wait until ready, stop, kill, freeze."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ivr.errors import Misconfigured

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 45.0
_POLL_S = 0.05


class EngineProcess:
    """`ivr serve` with one settings file."""

    def __init__(self, settings: Path, *, web_port: int, secrets: Mapping[str, str], log: Path) -> None:
        self.web_port = web_port
        self.log = log
        self._settings = settings
        self._secrets = dict(secrets)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of the agents' desktop."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and do not wait for anything."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                [sys.executable, "-m", "ivr", "serve", "--json", "--settings", str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._secrets},
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        return self._process

    async def start(self) -> None:
        """Return once it is healthy and reaches the switch. Raises Misconfigured with its last words otherwise."""
        process = self.launch()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while (await self.health()).get("switch") != "ok":
            if process.poll() is not None:
                raise Misconfigured(f"the engine ended with status {process.returncode}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise Misconfigured(f"the engine was not ready after {READY_TIMEOUT_S:.0f} s:\n{self.last_words()}")
            await asyncio.sleep(_POLL_S)

    async def health(self) -> dict[str, Any]:
        """What its health check says while all is well; empty otherwise."""
        with suppress(OSError, ValueError):
            return await asyncio.to_thread(self._health)
        return {}

    def _health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 - http on loopback
            found: dict[str, Any] = json.load(answer)
            return found

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def say(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs: SIGHUP reloads, SIGSTOP freezes, SIGCONT lets it go on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.say(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    async def stop(self) -> None:
        """End it at once but in order. Does nothing when it is not running."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(self._process.wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
