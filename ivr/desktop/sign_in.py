"""Signing in and out over HTTP, and the tickets for sockets."""

import asyncio
import contextlib
import html
from pathlib import Path
from typing import Literal

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from ivr.desktop.guesses import Guesses
from ivr.desktop.hub import Hub
from ivr.desktop.origins import Origins
from ivr.desktop.sessions import COOKIE, SESSION_S, Session, Sessions, Tickets
from ivr.ports import AgentCard, Clock, Roster
from ivr.settings import Web
from models.agents import MOST_PASSWORD
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove, StoreAway

log = structlog.get_logger(__name__)

STORE_S = 5.0  #: longest wait for the database
CHECK_S = 10.0  #: longest wait for a password to be checked
CHECKERS = 2  #: passwords hashed at the same time: each costs memory and a core
MOST_WAITING = 40  #: sign-ins that wait for a checker
LONGEST_NAME = 64

Refusal = Literal["wrong", "locked", "busy"]


class SignIn:
    """The pages `/`, `/sign-in`, `/sign-out` and `/ticket`."""

    def __init__(
        self,
        roster: Roster,
        hub: Hub,
        clock: Clock,
        sessions: Sessions,
        tickets: Tickets,
        origins: Origins,
        web: Web,
        pages: Path,
    ) -> None:
        self._roster = roster
        self._hub = hub
        self._clock = clock
        self._sessions = sessions
        self._tickets = tickets
        self._origins = origins
        self._guesses = Guesses()
        self._checkers = asyncio.Semaphore(CHECKERS)
        self._waiting = 0
        self._cookie_domain = web.cookie_domain
        self._nodes = html.escape(" ".join(node.rstrip("/") for node in web.nodes))
        self._desktop_page = self.with_nodes((pages / "desktop.html").read_text(encoding="utf-8"))
        self._sign_in_page = (pages / "sign-in.html").read_text(encoding="utf-8")

    def with_nodes(self, page: str) -> str:
        """A page that knows where the other nodes are, to go on there when this one fails."""
        return page.replace('data-nodes=""', f'data-nodes="{self._nodes}"', 1)

    async def desktop(self, request: Request) -> Response:
        """The desktop, for who has signed in."""
        if await self.signed_in(request):
            return HTMLResponse(self._desktop_page)
        return RedirectResponse("/sign-in", 303)

    async def form(self, request: Request) -> Response:
        """The form to sign in."""
        if await self.signed_in(request):
            return RedirectResponse("/", 303)
        return HTMLResponse(self._sign_in_page)

    async def sign_in(self, request: Request) -> Response:
        """Check name and password."""
        if not self._origins.own(request):
            return _foreign(request)
        name, password = _fields(await request.form(max_files=0, max_fields=4))
        key, address = name.casefold(), request.client.host if request.client else ""
        wait_s = self._guesses.take(key, address, now=self._clock.monotonic())
        if wait_s > 0:
            log.warning("desktop.sign_in_locked", address=address)
            return self._refused("locked", 429, wait_s)
        try:
            card = await self._check(name, password)
        except (TimeoutError, StoreAway):
            self._guesses.unknown(key, address)
            return self._refused("busy", 503, 5)
        if card is None:
            log.warning("desktop.sign_in_wrong", address=address)
            return self._refused("wrong", 401)
        self._guesses.right(key, address)
        self._hub.measures.sign_ins.labels("right").inc()
        log.info("desktop.signed_in", agent_id=card.id, address=address)
        self._hub.changed(card.id)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            self._sessions.open(card.id, card.sessions),
            max_age=int(SESSION_S),
            domain=self._cookie_domain,
            httponly=True,
            samesite="strict",
            secure=request.headers["origin"].lower().startswith("https:"),
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End this browser's session and, unless in a call, the agent's working day."""
        if not self._origins.own(request):
            return _foreign(request)
        session = self._session(request)
        if session is not None:
            try:
                async with asyncio.timeout(STORE_S):
                    card = await self._roster.card(session.agent_id)
                    if card is not None and session.is_of(card) and card.state is not AgentState.LOGGED_OUT:
                        await self._roster.say(card.id, AgentEvent.SIGN_OUT, now=self._clock.now())
            except IllegalMove:
                return RedirectResponse("/", 303)
            except (TimeoutError, StoreAway):
                return PlainTextResponse("The database does not answer. Please try again.\n", 503)
            self._sessions.end(session)
            self._hub.changed(session.agent_id)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, domain=self._cookie_domain, httponly=True, samesite="strict")
        return response

    async def ticket(self, request: Request) -> Response:
        """A ticket for one socket."""
        if not self._origins.own(request):
            return _foreign(request)
        session = self._session(request)
        if session is None or not await self._counts(session):
            return JSONResponse({}, 401)
        return JSONResponse({"ticket": self._tickets.give(session)})

    def _session(self, request: Request) -> Session | None:
        return self._sessions.read(request.cookies.get(COOKIE))

    async def _counts(self, session: Session) -> bool:
        """Whether a session still counts; while nobody can tell, it does: a socket says nothing then."""
        try:
            async with asyncio.timeout(STORE_S):
                return session.is_of(await self._roster.card(session.agent_id))
        except (TimeoutError, StoreAway):
            return True

    async def card(self, request: Request) -> AgentCard | None:
        """Who has signed in with this browser, read afresh. Raises StoreAway and TimeoutError."""
        session = self._session(request)
        if session is None:
            return None
        async with asyncio.timeout(STORE_S):
            card = await self._roster.card(session.agent_id)
        return card if session.is_of(card) else None

    async def signed_in(self, request: Request) -> bool:
        """Whether this browser has signed in."""
        session = self._session(request)
        if session is None:
            return False
        try:
            async with asyncio.timeout(STORE_S):
                card = await self._roster.card(session.agent_id)
        except (TimeoutError, StoreAway):
            return True  # the page says itself that the database is away
        return card is not None and session.is_of(card) and card.state is not AgentState.LOGGED_OUT

    async def _check(self, name: str, password: str) -> AgentCard | None:
        """The agent, signed in. Raises TimeoutError when too many wait, or the database does not answer."""
        if self._waiting >= MOST_WAITING:
            raise TimeoutError
        self._waiting += 1
        try:
            async with asyncio.timeout(CHECK_S):
                async with self._checkers:
                    card = await self._roster.check_password(name, password)
                if card is not None and card.state is AgentState.LOGGED_OUT:
                    with contextlib.suppress(IllegalMove):  # another browser was quicker
                        card = await self._roster.say(card.id, AgentEvent.SIGN_IN, now=self._clock.now())
                if card is not None:
                    await self._roster.seen(card.id, now=self._clock.now())
                return card
        finally:
            self._waiting -= 1

    def _refused(self, why: Refusal, status: int, wait_s: float = 0.0) -> Response:
        """The form again, saying why; its script finds the words."""
        self._hub.measures.sign_ins.labels(why).inc()
        wait = int(wait_s + 0.999)
        page = self._sign_in_page.replace('data-refused=""', f'data-refused="{why}" data-wait="{wait}"', 1)
        return HTMLResponse(page, status, {"retry-after": str(wait)} if wait else None)


def _fields(form: FormData) -> tuple[str, str]:
    """Name and password of the form; one that is too long is as wrong as any other."""
    name, password = form.get("name"), form.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        return "", ""
    name = name.strip()
    return (name, password) if len(name) <= LONGEST_NAME and len(password) <= MOST_PASSWORD else (name[:64], "")


def _foreign(request: Request) -> Response:
    origin = request.headers.get("origin")
    log.warning("desktop.foreign_origin", origin=origin)
    return PlainTextResponse(
        "This page was opened under a name that is not one of ours. "
        "Open it by its address, or list the origin in web.origins of the settings.\n",
        403,
    )
