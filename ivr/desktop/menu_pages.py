"""`/menus`: the published menu book for people who would rather look than read YAML; for who has signed in."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ivr.desktop.sign_in import SignIn
from ivr.errors import Misconfigured
from ivr.looking import Looking
from menus.graph.svg import STYLE
from routing.errors import StoreAway

log = structlog.get_logger(__name__)

ANSWER_S = 10.0  #: longest time that an answer may take
MOST_AT_ONCE = 4  #: answers that are worked out at the same time; each takes a core for a moment

_STYLE_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
#: A picture that is opened by itself has its look within it; nothing else may be in it.
PICTURE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"


class MenuPages:
    """The page and what it asks for."""

    def __init__(self, sign_in: SignIn, looking: Looking, pages: Path) -> None:
        self._sign_in, self._looking = sign_in, looking
        self._page = (pages / "menus.html").read_text(encoding="utf-8")
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    def routes(self) -> list[Route]:
        """Where everything is found."""
        return [
            Route("/menus", self._menus),
            Route("/menus/versions", self._told(lambda request: self._looking.versions())),
            Route("/menus/book", self._told(lambda request: self._looking.view(_number(request, "version")))),
            Route("/menus/difference", self._told(self._difference)),
            Route("/menus/picture.svg", self._picture),
            Route("/menus/picture.css", self._style),
        ]

    async def _menus(self, request: Request) -> Response:
        if await self._sign_in.signed_in(request):
            return HTMLResponse(self._page)
        return RedirectResponse("/sign-in", 303)

    async def _difference(self, request: Request) -> Any:
        return await self._looking.difference(_number(request, "old"), _number(request, "new"))

    async def _picture(self, request: Request) -> Response:
        asked = request.query_params
        language, menu, styled = asked.get("language"), asked.get("menu") or None, asked.get("look") != "none"

        async def work() -> Response:
            picture = await self._looking.picture(_number(request, "version"), language, menu, styled=styled)
            return Response(picture, media_type="image/svg+xml", headers={"content-security-policy": PICTURE_POLICY})

        return await self._answer(request, work)

    async def _style(self, request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    def _told(self, tell: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            async def work() -> Response:
                return JSONResponse(await tell(request))

            return await self._answer(request, work)

        return endpoint

    async def _answer(self, request: Request, work: Callable[[], Awaitable[Response]]) -> Response:
        """What `work` gives, for who has signed in and within the time; a sentence when it cannot be had."""
        if not await self._sign_in.signed_in(request):
            return JSONResponse({}, 401)
        try:
            async with asyncio.timeout(ANSWER_S), self._at_once:
                return await work()
        except Misconfigured as wrong:
            return JSONResponse({"wrong": str(wrong)}, 404)
        except (StoreAway, TimeoutError):
            log.warning("menus.not_told", path=request.url.path)
            return JSONResponse({"wrong": "away"}, 503)


def _number(request: Request, name: str) -> int:
    written = request.query_params.get(name, "")
    if not (written.isascii() and written.isdecimal() and len(written) < 10):
        raise Misconfigured(f"{name} is the number of a version")
    return int(written)
