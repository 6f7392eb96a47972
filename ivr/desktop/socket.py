"""The door at `/socket`: who may open a socket, and how it ends."""

import asyncio

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.hub import Hub
from ivr.desktop.messages import Hello
from ivr.desktop.origins import Origins
from ivr.desktop.sessions import COOKIE, Session, Sessions, Tickets
from ivr.desktop.window import CROWDED, TICKET_REFUSED, TOO_SLOW, Limits, Over, Window, receive
from ivr.errors import leaves
from ivr.ports import Clock, RecordingPauses, Roster
from ivr.ports.handling import Handling

log = structlog.get_logger(__name__)


class Sockets:
    """The door at `/socket`."""

    def __init__(
        self,
        roster: Roster,
        hub: Hub,
        clock: Clock,
        sessions: Sessions,
        tickets: Tickets,
        origins: Origins,
        limits: Limits,
        handling: Handling,
        pauses: RecordingPauses | None = None,
        cases: CaseDesk | None = None,
    ) -> None:
        self._limits, self._handling = limits, handling
        self._pauses, self._cases = pauses, cases
        self._roster = roster
        self._hub = hub
        self._clock = clock
        self._sessions = sessions
        self._tickets = tickets
        self._origins = origins

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one socket. Foreign pages and browsers without a session get 403 instead of a handshake."""
        session = self._sessions.read(websocket.cookies.get(COOKIE))
        if not self._origins.own(websocket) or session is None:
            log.warning("desktop.socket_refused", session=session is not None, origin=websocket.headers.get("origin"))
            await websocket.close()
            return
        await websocket.accept()
        try:
            await self._admit(websocket, session)
            code = await self._serve(websocket, session)
        except Over as over:
            code = over.code
        except WebSocketDisconnect:
            code = 1000
        except TimeoutError:
            code = TOO_SLOW
        except Exception:
            log.exception("desktop.socket_failed", agent_id=session.agent_id)
            code = 1011
        self._hub.measures.closed.labels(str(code)).inc()
        await _close(websocket, code)

    async def _admit(self, websocket: WebSocket, session: Session) -> None:
        """Take the first message, which must bring a ticket."""
        async with asyncio.timeout(self._limits.hello_s):
            hello = await receive(websocket)
        if not isinstance(hello, Hello) or not self._tickets.redeem(hello.ticket, session):
            log.warning("desktop.ticket_refused", agent_id=session.agent_id)
            raise Over(TICKET_REFUSED)
        if self._hub.windows(session.agent_id) >= self._limits.windows:
            raise Over(CROWDED)

    async def _serve(self, websocket: WebSocket, session: Session) -> int:
        window = Window(
            self._roster,
            self._hub,
            self._clock,
            self._sessions,
            websocket,
            session,
            self._limits,
            self._handling,
            self._pauses,
            self._cases,
        )
        self._hub.join(session.agent_id, window.outbox)
        code = 1000
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(window.write())
                tasks.create_task(window.beat())
                tasks.create_task(window.listen())
        except* Over as overs:
            code = next(over.code for over in leaves(overs) if isinstance(over, Over))
        except* WebSocketDisconnect:
            pass  # the browser is gone already
        finally:
            self._hub.leave(session.agent_id, window.outbox)
        return code


async def _close(websocket: WebSocket, code: int) -> None:
    """Close politely; a browser that does not read is cut off by the protocol (`wire.py`)."""
    try:
        async with asyncio.timeout(1.0):
            await websocket.close(code)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        pass
