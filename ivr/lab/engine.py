"""An engine node as a process of its own: start, wait until ready, stop, kill, freeze."""

import asyncio
import json
import os
import signal
import sys
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
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Address of the agents' desktop."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Return once it is healthy and reaches the switch. Raises Misconfigured with its last words otherwise."""
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "ivr", "serve", "--json", "--settings", str(self._settings)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._secrets},
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while (await self.health()).get("switch") != "ok":
                    if self._process.returncode is not None:
                        status = self._process.returncode
                        raise Misconfigured(f"the engine ended with status {status}:\n{self.last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self.kill()
            late = f"the engine was not ready after {READY_TIMEOUT_S:.0f} s"
            raise Misconfigured(f"{late}:\n{self.last_words()}") from None

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
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it in good order. Does nothing when it is not running."""
        await self._end(number)

    async def kill(self) -> None:
        """End it as a crash would."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
