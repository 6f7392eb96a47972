"""An agent's desktop without a browser: signs in, says ready, and keeps every pop that comes over the socket."""

import asyncio
import json
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ivr.rehearsal.evidence import pop_text

DEADLINE_S = 10.0


class Desk:
    """One agent at work; see docs/desktop-protocol.md."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._url, self._name, self._password = url, name, password
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._shown: set[tuple[int, int]] = set()
        self.pops: list[str] = []

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(DEADLINE_S), httpx.AsyncClient(headers={"origin": self._url}) as web:
            form = {"name": self._name, "password": self._password}
            signed_in = await web.post(f"{self._url}/sign-in", data=form)
            cookie = signed_in.headers["set-cookie"].split(";")[0]
            ticket = (await web.post(f"{self._url}/ticket", headers={"cookie": cookie})).json()["ticket"]
            self._socket = await connect(
                self._url.replace("http", "ws", 1) + "/socket",
                origin=self._url,  # type: ignore[arg-type]
                additional_headers={"cookie": cookie},
                proxy=None,
            )
        await self._say("hello", ticket=ticket)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._socket.close()

    async def ready(self) -> None:
        """Take calls."""
        await self._say("ready")

    async def _say(self, kind: str, **fields: object) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps({"v": 1, "type": kind, **fields}))

    async def _read(self) -> None:
        assert self._socket is not None
        with suppress(ConnectionClosed):
            while True:
                message = json.loads(await self._socket.recv())
                if message["type"] == "ping":
                    await self._say("alive")
                elif message.get("pop") and message.get("offer"):
                    await self._show(message["offer"], message["pop"])

    async def _show(self, offer: dict[str, Any], pop: dict[str, Any]) -> None:
        place = (offer["offer_id"], offer["fence"])
        if place not in self._shown:
            self._shown.add(place)
            self.pops.append(pop_text(pop))
            await self._say("shown", offer_id=place[0], fence=place[1])
