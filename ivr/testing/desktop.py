"""A desktop server on a free port of the loopback, for tests that come with real sockets or a real browser."""

import asyncio
import http.client
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from json import dumps, loads
from urllib.parse import urlencode

from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.hub import Hub
from ivr.desktop.measures import Measures
from ivr.desktop.server import DesktopServer, Health, build_app
from ivr.desktop.window import Limits
from ivr.looking import Looking
from ivr.offered import OfferedCalls
from ivr.ports import Clock, Pop, RecordingPauses
from ivr.ports.handling import Choices, Refusal
from ivr.settings import Web
from ivr.staff import Staff
from ivr.supervising import Supervising
from ivr.testing.roster import ScriptedRoster
from routing.talk import TalkEvent, Target

SECRET = "a secret of the tests, long enough"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class ScriptedHandling:
    """`ivr.ports.handling.Handling` that remembers what was asked for, and answers as the test says."""

    offered: Choices = field(default_factory=lambda: Choices((), (), numbers=False, tier=None))
    refusal: Refusal | None = None
    asked: list[tuple[int, int, TalkEvent, Target | None, str]] = field(default_factory=list)
    until: asyncio.Event | None = None  #: when what was asked for is carried out; None: at once

    async def choices(self, agent_id: int) -> Choices:
        """The same for everybody."""
        return self.offered

    async def do(
        self, agent_id: int, offer_id: int, event: TalkEvent, target: Target | None = None, note: str = ""
    ) -> Refusal | None:
        """Remember it."""
        self.asked.append((agent_id, offer_id, event, target, note))
        if self.until is not None:
            await self.until.wait()
        return self.refusal


@dataclass(slots=True)
class Browser:
    """Whoever comes to a desktop server on the loopback."""

    port: int

    @property
    def origin(self) -> str:
        """As browsers name it."""
        return f"http://127.0.0.1:{self.port}"

    async def request(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        **headers: str,
    ) -> Answer:
        """One HTTP request; `origin=""` leaves that header out, otherwise it is our own unless given."""
        sent = {name: value for name, value in {"origin": self.origin, **headers}.items() if value}
        body = None if json is None else dumps(json)
        if form is not None:
            sent["content-type"], body = "application/x-www-form-urlencoded", urlencode(form)
        return await asyncio.to_thread(self._request, method, path, body, sent)

    def _request(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()

    async def sign_in(self, name: str = "grace", password: str = "right") -> str:  # noqa: S107
        """The session cookie of an agent who signs in."""
        answer = await self.request("POST", "/sign-in", form={"name": name, "password": password})
        if answer.status != 303:
            raise RuntimeError(f"signing in was answered with {answer.status}")
        return answer.headers["set-cookie"].split(";")[0]

    async def ticket(self, cookie: str) -> str:
        """A ticket for one socket."""
        answer = await self.request("POST", "/ticket", cookie=cookie)
        return str(loads(answer.body)["ticket"])

    def knock(self, cookie: str | None, origin: str | None = None) -> connect:
        """A socket before its first message."""
        headers = {} if cookie is None else {"cookie": cookie}
        named = self.origin if origin is None else origin
        return connect(
            f"ws://127.0.0.1:{self.port}/socket",
            origin=named or None,  # type: ignore[arg-type]
            additional_headers=headers,
            proxy=None,
            max_size=None,
        )

    async def open(self, cookie: str) -> ClientConnection:
        """A socket that has said hello with a fresh ticket."""
        socket = await self.knock(cookie)
        await say(socket, "hello", ticket=await self.ticket(cookie))
        return socket


@dataclass(slots=True)
class RunningDesktop(Browser):
    """A server that listens, and the hub behind it."""

    hub: Hub
    roster: ScriptedRoster
    server: DesktopServer
    pops: dict[int, Pop] = field(default_factory=dict)  #: what a reload finds, by agent
    handling: ScriptedHandling = field(default_factory=ScriptedHandling)


async def say(socket: ClientConnection, kind: str, **fields: object) -> None:
    """Send a message as the page does."""
    await socket.send(dumps({"v": 1, "type": kind, **fields}))


async def hear(socket: ClientConnection, kind: str, *, within_s: float = 5.0) -> dict[str, object]:
    """The next message of that kind; others are passed over."""
    async with asyncio.timeout(within_s):
        while True:
            message: dict[str, object] = loads(await socket.recv())
            if message["type"] == kind:
                return message


@asynccontextmanager
async def running_desktop(
    roster: ScriptedRoster,
    clock: Clock,
    *,
    web: Web | None = None,
    limits: Limits | None = None,
    health: Health | None = None,
    port: int = 0,
    looking: Looking | None = None,
    cases: CaseDesk | None = None,
    supervising: Supervising | None = None,
    pauses: RecordingPauses | None = None,
    offered: OfferedCalls | None = None,
    about: Mapping[str, Mapping[str, str]] | None = None,
    staff: Staff | None = None,
) -> AsyncIterator[RunningDesktop]:
    """Start hub and server, and stop them."""
    registry = CollectorRegistry()
    pops: dict[int, Pop] = {}

    async def pop_of(agent_id: int) -> Pop | None:
        return pops.get(agent_id)

    hub = Hub(roster, clock, pop_of, measures=Measures(registry), offered=offered, about=about, staff=staff)
    handled = ScriptedHandling()
    app = build_app(
        roster,
        hub,
        clock,
        web or Web(),
        SECRET,
        metrics=registry,
        health=health,
        limits=limits,
        looking=looking,
        supervising=supervising,
        pauses=pauses,
        cases=cases,
        handling=handled,
    )
    server = DesktopServer(app, "127.0.0.1", port)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(hub.run())
        try:
            yield RunningDesktop(await server.start(), hub, roster, server, pops, handled)
        finally:
            await server.stop()
            running.cancel()
