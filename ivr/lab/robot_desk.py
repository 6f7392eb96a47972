"""An agent's desktop without a screen: a client of the desktop's protocol that takes calls by itself."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

STEP_S = 15.0  #: for the next state
PAINT_S = 2 / 60


class RobotDesk:
    """One agent's page. Moments are seconds of the epoch. `paint_s` is what a page takes to paint a pop: two frames."""

    def __init__(self, cookie: str, socket: ClientConnection, *, paint_s: float = PAINT_S) -> None:
        self.cookie = cookie  #: of the session; another node takes it too
        self.afterwards: Literal["ready", "pause"] = "pause"  #: what the agent does once a conversation is over
        self.popped: dict[int, float] = {}  #: offer → when its pop came
        self.shown: dict[int, float] = {}  #: offer → when we said that it stands
        self.offer_id = 0  #: the newest offer
        self.state = ""
        self.told: dict[str, Any] = {}  #: the newest `state` of the desktop
        self.refused: asyncio.Queue[str] = asyncio.Queue()  #: codes of what was asked for and not done
        self._socket = socket
        self.paint_s = paint_s
        self._wrapped_up = 0
        self._changed = asyncio.Condition()
        self._tasks = {asyncio.create_task(self._listen())}

    @classmethod
    async def sign_in(cls, url: str, name: str, password: str) -> Self:
        """Sign in at this desktop and open the socket."""
        form = {"name": name, "password": password}
        cookie = (await asyncio.to_thread(_post, url, "/sign-in", form, ""))[0].split(";")[0]
        return await cls.opened(url, cookie)

    @classmethod
    async def opened(cls, url: str, cookie: str) -> Self:
        """Open a socket at this desktop with the cookie of a session, wherever it began."""
        ticket = json.loads((await asyncio.to_thread(_post, url, "/ticket", None, cookie))[1])["ticket"]
        socket = await connect(
            f"{url.replace('http', 'ws', 1)}/socket",
            origin=url,  # type: ignore[arg-type]
            additional_headers={"cookie": cookie},
            proxy=None,
        )
        desk = cls(cookie, socket)
        await desk.say("hello", ticket=ticket)
        return desk

    async def close(self) -> None:
        """Close the page."""
        await self._socket.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def say(self, kind: str, **fields: object) -> None:
        """Send a message."""
        await self._socket.send(json.dumps({"v": 1, "type": kind, **fields}))

    async def until(self, *states: str) -> None:
        """Until the agent is in one of these states. Raises TimeoutError."""
        async with asyncio.timeout(STEP_S), self._changed:
            await self._changed.wait_for(lambda: self.state in states)

    async def follow(self, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """What the desktop shows, as soon as it is so. Raises TimeoutError."""
        async with asyncio.timeout(STEP_S), self._changed:
            await self._changed.wait_for(lambda: bool(self.told) and true(self.told))
        return self.told

    async def talk_is(self, where: str) -> None:
        """Until the desktop says that the caller is there: line, held, room, ringing, consult, conference."""
        await self.follow(lambda told: ((told["offer"] or {}).get("talk") or {}).get("state") == where)

    async def handle(self, act: str, **fields: object) -> None:
        """Press one of the buttons of the conversation."""
        await self.say("handle", offer_id=self.told["offer"]["offer_id"], do=act, **fields)

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                await self._take(json.loads(text), time.time())

    async def _take(self, message: dict[str, Any], now: float) -> None:
        if message["type"] == "ping":
            await self.say("alive")
        if message["type"] == "error":
            self.refused.put_nowait(message["code"])
        if message["type"] in ("pop", "state") and message["offer"] is not None and message["pop"] is not None:
            self._pop(message["offer"], now)
        if message["type"] != "state":
            return
        async with self._changed:
            self.state, self.told = message["agent"]["state"], message
            self._changed.notify_all()
        if self.state == "wrap_up" and message["offer"] is not None:
            await self._wrap_up(message["offer"]["offer_id"])

    def _pop(self, offer: dict[str, Any], now: float) -> None:
        if offer["offer_id"] not in self.popped and offer["closed_at"] is None:
            self.popped[offer["offer_id"]] = now
            self.offer_id = offer["offer_id"]
            task = asyncio.create_task(self._show(offer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _show(self, offer: dict[str, Any]) -> None:
        await asyncio.sleep(self.paint_s)
        self.shown[offer["offer_id"]] = time.time()
        await self.say("shown", offer_id=offer["offer_id"], fence=offer["fence"])

    async def _wrap_up(self, offer_id: int) -> None:
        """Once for each conversation."""
        if self._wrapped_up == offer_id:
            return
        self._wrapped_up = offer_id
        reason = {"reason": "break"} if self.afterwards == "pause" else {}
        await self.say("wrap_up", offer_id=offer_id, disposition="resolved", note="", then=self.afterwards, **reason)


def _post(url: str, path: str, form: dict[str, str] | None, cookie: str) -> tuple[str, str]:
    """The cookie that came back, and the body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"origin": url, "cookie": cookie, "content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status not in (200, 303):
            raise RuntimeError(f"{path} was answered with {answer.status}")
        return answer.getheader("set-cookie") or "", body
    finally:
        connection.close()
