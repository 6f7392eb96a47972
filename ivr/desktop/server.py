"""The web side of the engine: the app with all its routes, and the server that runs it in the engine's own loop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config, Server

from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.hub import Hub
from ivr.desktop.menu_pages import MenuPages
from ivr.desktop.origins import Origins
from ivr.desktop.sessions import Sessions, Tickets
from ivr.desktop.sign_in import SignIn
from ivr.desktop.socket import Sockets
from ivr.desktop.wall_pages import WallPages
from ivr.desktop.window import Limits
from ivr.desktop.wire import SocketProtocol
from ivr.errors import Misconfigured
from ivr.looking import Looking
from ivr.ports import Clock, RecordingPauses, Roster
from ivr.ports.handling import Handling
from ivr.settings import Web
from ivr.supervising import Supervising

STATIC = Path(__file__).parent / "static"
LARGEST_BODY = 4 * 1024  #: bytes of a form
LARGEST_MESSAGE = 16 * 1024  #: bytes of a message on the socket
MOST_CONNECTIONS = 4000
HEALTH_S = 2.0
STOP_S = 3.0

#: What each part of the engine says of itself: "ok", or what is wrong.
Health = Callable[[], Awaitable[Mapping[str, str]]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{nodes}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def build_app(
    roster: Roster,
    hub: Hub,
    clock: Clock,
    web: Web,
    secret: str,
    *,
    metrics: CollectorRegistry | None = None,
    health: Health | None = None,
    limits: Limits | None = None,
    looking: Looking | None = None,
    pauses: RecordingPauses | None = None,
    cases: CaseDesk | None = None,
    supervising: Supervising | None = None,
    handling: Handling,
) -> Starlette:
    """The web app; without `metrics` there is no `/metrics`, without `looking` no `/menus`, without `pauses` nothing is
    recorded, without `supervising` no `/wall`.

    Raises Misconfigured for a secret that is too short.
    """
    sessions, tickets, origins = Sessions(secret, clock), Tickets(clock), Origins((*web.origins, *web.nodes))
    pages = SignIn(roster, hub, clock, sessions, tickets, origins, web, STATIC)
    sockets = Sockets(roster, hub, clock, sessions, tickets, origins, limits or Limits(), handling, pauses, cases)
    routes = [
        Route("/", pages.desktop),
        Route("/sign-in", pages.form, methods=["GET"]),
        Route("/sign-in", pages.sign_in, methods=["POST"]),
        Route("/sign-out", pages.sign_out, methods=["POST"]),
        Route("/ticket", pages.ticket, methods=["POST"]),
        WebSocketRoute("/socket", sockets.endpoint),
        Route("/healthz", _healthz(health)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", _metrics(metrics)))
    if supervising is not None:
        routes += WallPages(pages, supervising, origins, STATIC).routes()
    if looking is not None:
        routes += MenuPages(pages, looking, STATIC).routes()
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(_SafeHeaders, nodes=web.nodes),
            Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY),
        ],
    )


def _healthz(health: Health | None) -> Callable[[Request], Awaitable[Response]]:
    async def healthz(request: Request) -> Response:
        try:
            async with asyncio.timeout(HEALTH_S):
                parts = dict(await health()) if health else {"desktop": "ok"}
        except TimeoutError:
            parts = {"health": f"no answer within {HEALTH_S:g} s"}
        return JSONResponse(parts, 200 if all(said == "ok" for said in parts.values()) else 503)

    return healthz


def _metrics(registry: CollectorRegistry) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


class _SafeHeaders:
    """Adds to every answer what a browser must know to protect the agent.

    A page of another node may read the answers: it goes on here when its own node has failed.
    """

    def __init__(self, app: ASGIApp, nodes: Iterable[str]) -> None:
        self._app = app
        self._nodes = frozenset(node.rstrip("/").lower() for node in nodes)
        sources = [source for node in sorted(self._nodes) for source in (node, "ws" + node.removeprefix("http"))]
        self._headers = {
            "content-security-policy": _POLICY.format(nodes="".join(f" {source}" for source in sources)),
            **_HEADERS,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # a picture has a stricter policy of its own
                origin = Headers(scope=scope).get("origin", "")
                if origin.lower() in self._nodes:
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-allow-credentials"] = "true"
                    headers.add_vary_header("Origin")
                headers["cache-control"] = "no-cache" if scope["path"].startswith("/static/") else "no-store"
            await send(message)

        await self._app(scope, receive, send_safely)


class _QuietServer(Server):
    """A uvicorn server that leaves the process's signals to the engine."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.tried = asyncio.Event()  #: to listen

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.tried.set()


class DesktopServer:
    """Serves the app on one address, inside the running loop."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server = _QuietServer(
            Config(
                app,
                http="h11",
                ws=SocketProtocol,
                ws_max_size=LARGEST_MESSAGE,
                ws_per_message_deflate=False,
                ws_ping_interval=None,  # the page's own code is pinged (`socket.py`)
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=int(STOP_S),
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen and return the port (0 asks for any free one). Raises Misconfigured when the address cannot be had."""
        listener = _listen(self._host, self._port)
        port: int = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="desktop")
        await self._server.tried.wait()
        if not self._server.started:
            await self._serving
        return port

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.server_state.connections)

    async def stop(self) -> None:
        """Take no more connections, close those there are, and return."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._serving = None


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as fault:
        raise Misconfigured(f"web.host {host!r} is not an address of this machine: {fault.strerror}") from fault
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as fault:
        listener.close()
        raise Misconfigured(_refusal(host, port, fault)) from fault
    return listener


def _refusal(host: str, port: int, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; stop it, or set web.port to a free port"
    if fault.errno == errno.EACCES:
        return f"port {port} needs more rights than we have; set web.port to a port above 1023"
    return f"cannot listen on {host} port {port}: {fault.strerror}"
