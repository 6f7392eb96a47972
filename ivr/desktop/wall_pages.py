"""`/wall`: queues and agents for supervisors. Who asks is looked up each time: a role that was taken away is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ivr.desktop.origins import Origins
from ivr.desktop.sign_in import SignIn
from ivr.desktop.views import LONGEST_NAME, plain
from ivr.listening import NotListening
from ivr.ports import AgentCard
from ivr.supervising import MOVES, Supervising, WallPicture
from routing.agent import AgentState
from routing.errors import IllegalMove, StoreAway
from routing.listening import ListeningMode
from routing.skills import LANGUAGE

log = structlog.get_logger(__name__)

ACT_S = 8.0  #: longest time that an act may take
_LARGEST_ID = 2**53


class _Act(BaseModel):
    """What a supervisor wishes to do to an agent, or in their conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    act: Literal["pause", "sign_out", "listen", "whisper", "barge", "stop"]
    agent: Annotated[int, Field(ge=1, le=_LARGEST_ID)]


_ACT: TypeAdapter[_Act] = TypeAdapter(_Act)


class WallPages:
    """The page and what it asks for."""

    def __init__(self, sign_in: SignIn, supervising: Supervising, origins: Origins, pages: Path) -> None:
        self._sign_in, self._supervising, self._origins = sign_in, supervising, origins
        self._page = sign_in.with_nodes((pages / "wall.html").read_text(encoding="utf-8"))

    def routes(self) -> list[Route]:
        """Where everything is found."""
        return [
            Route("/wall", self._wall),
            Route("/wall/state", self._state),
            Route("/wall/act", self._act, methods=["POST"]),
        ]

    async def _wall(self, request: Request) -> Response:
        try:
            card = await self._sign_in.card(request)
        except (TimeoutError, StoreAway):
            return PlainTextResponse("The database does not answer. Please try again.\n", 503)
        if card is None or card.state is AgentState.LOGGED_OUT:
            return RedirectResponse("/sign-in", 303)
        if not card.supervisor:
            return PlainTextResponse("This page is for supervisors: `ivr agent role NAME supervisor`.\n", 403)
        return HTMLResponse(self._page)

    async def _state(self, request: Request) -> Response:
        async def work(card: AgentCard) -> Any:
            return {"me": card.id, **told(await self._supervising.picture())}

        return await self._for_supervisor(request, work)

    async def _act(self, request: Request) -> Response:
        if not self._origins.own(request):
            log.warning("wall.foreign_origin", origin=request.headers.get("origin"))
            return JSONResponse({"error": "foreign"}, 403)
        try:
            wanted = _ACT.validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"error": "not_an_act"}, 400)

        async def work(card: AgentCard) -> Any:
            async with asyncio.timeout(ACT_S):
                if wanted.act in MOVES:
                    await self._supervising.move(card.id, wanted.act, wanted.agent)
                else:
                    mode = None if wanted.act == "stop" else ListeningMode(wanted.act)
                    await self._supervising.be_heard(card, wanted.agent, mode)
            return {}

        return await self._for_supervisor(request, work)

    async def _for_supervisor(self, request: Request, work: Callable[[AgentCard], Awaitable[Any]]) -> Response:
        """What the work says, for a supervisor who is signed in; else a status and a code for the page."""
        try:
            card = await self._sign_in.card(request)
            if card is None or card.state is AgentState.LOGGED_OUT:
                return JSONResponse({"error": "signed_out"}, 401)
            if not card.supervisor:
                log.warning("wall.not_a_supervisor", agent_id=card.id, path=request.url.path)
                return JSONResponse({"error": "not_supervisor"}, 403)
            return JSONResponse(await work(card))
        except IllegalMove as refused:
            log.info("wall.not_now", why=str(refused))
            return JSONResponse({"error": "not_now"}, 409)
        except NotListening as refused:
            return JSONResponse({"error": refused.why}, 409)
        except (TimeoutError, StoreAway):
            return JSONResponse({"error": "store_away"}, 503)


def told(picture: WallPicture) -> dict[str, Any]:
    """The picture as the page takes it. Who leads a team is told by their full name while they are signed in."""
    leaders = {one.name: one.full_name for one in picture.agents}
    return {
        "now": picture.now,
        "queues": [
            {
                "queue": plain(one.queue, LONGEST_NAME),
                "waiting": one.counts.waiting,
                "waiting_since": one.counts.waiting_since,
                "talking": one.counts.talking,
                "callbacks": one.counts.callbacks,
                "came": one.counts.came,
                "answered": one.counts.answered,
                "abandoned": one.counts.abandoned,
                "service_level": one.service_level,
                "goal_s": one.goal_s,
                "open": one.is_open,
                "ready": one.ready,
                "busy": one.busy,
                "wrap_up": one.wrap_up,
                "paused": one.paused,
                "alarms": [str(alarm) for alarm in one.alarms],
            }
            for one in picture.queues
        ],
        "agents": [
            {
                "id": one.id,
                "full_name": plain(one.full_name, LONGEST_NAME),
                "team": one.team,
                "skills": {skill: level for skill, level in one.skills.items() if not skill.startswith(LANGUAGE)},
                "state": str(one.state),
                "since": one.talking_since or one.since,
                "pause_reason": one.pause_reason,
                "pause_after": one.pause_after,
                "set_aside": one.set_aside,
                "queue": plain(one.queue, LONGEST_NAME) if one.queue else None,
                "talks": one.talking_since is not None,
                "listening": [
                    {
                        "by": plain(heard.supervisor, LONGEST_NAME),
                        "id": heard.supervisor_id,
                        "mode": str(heard.mode),
                        "rings": heard.began_at is None,
                    }
                    for heard in one.listening
                ],
            }
            for one in picture.agents
        ],
        "pauses": {
            reason: {"words": dict(one.name), "most_minutes": one.most_minutes}
            for reason, one in picture.staff.pauses.items()
        },
        "teams": {
            name: {"words": dict(one.name), "leader": plain(leaders[one.supervisor], LONGEST_NAME)}
            if one.supervisor in leaders
            else {"words": dict(one.name), "leader": one.supervisor}
            for name, one in picture.staff.teams.items()
        },
        "skills": {skill: dict(words) for skill, words in picture.staff.skills.items()},
        "cases": [
            {
                "number": plain(one.number, LONGEST_NAME),
                "subject": plain(one.subject),
                "tier": one.tier,
                "handler": plain(one.handler, LONGEST_NAME) if one.handler else None,
                "due_at": one.due_at,
            }
            for one in picture.cases
        ],
    }
