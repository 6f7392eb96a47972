"""One browser window's socket: who may open it, what it may say, and when it is closed."""

import asyncio
from dataclasses import dataclass

import structlog
from pydantic import BaseModel
from starlette.websockets import WebSocket, WebSocketDisconnect

from ivr.desktop.hub import SIGNED_OUT, Hub
from ivr.desktop.messages import (
    Alive,
    ClientMessage,
    Error,
    Hello,
    NotAMessage,
    Pause,
    Ping,
    Ready,
    Saved,
    Shown,
    WrapUp,
    read,
    speaks_other_version,
)
from ivr.desktop.origins import Origins
from ivr.desktop.outbox import Closing, Outbox
from ivr.desktop.sessions import COOKIE, Session, Sessions, Tickets
from ivr.desktop.views import note_text
from ivr.ports import Clock, Roster
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove, StoreAway

log = structlog.get_logger(__name__)

BAD_MESSAGE, TOO_MANY, TICKET_REFUSED, TOO_SLOW, OTHER_VERSION = 4400, 4429, 4403, 4408, 4426  #: close codes


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a socket waits, and how much a page may say."""

    hello_s: float = 5.0  #: time for the first message
    ping_s: float = 5.0  #: between two of our signs of life
    silence_s: float = 10.0  #: a page that has neither read nor said anything for that long is closed
    act_s: float = 5.0  #: longest time to carry out what the agent said
    seen_every_s: float = 10.0  #: how often a sign of life goes to the database
    windows: int = 8  #: of one agent
    burst: int = 30  #: messages that a page may send at once
    per_s: float = 10.0  #: messages that a page may send in the long run


class _Over(Exception):
    """This socket ends with a close code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(str(code))


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
    ) -> None:
        self._limits = limits
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
        except _Over as over:
            code = over.code
        except (WebSocketDisconnect, TimeoutError):
            code = TOO_SLOW
        except Exception:
            log.exception("desktop.socket_failed", agent_id=session.agent_id)
            code = 1011
        self._hub.measures.closed.labels(str(code)).inc()
        await _close(websocket, code)

    async def _admit(self, websocket: WebSocket, session: Session) -> None:
        """Take the first message, which must bring a ticket."""
        async with asyncio.timeout(self._limits.hello_s):
            hello = _read(await websocket.receive())
        if not isinstance(hello, Hello) or not self._tickets.redeem(hello.ticket, session):
            log.warning("desktop.ticket_refused", agent_id=session.agent_id)
            raise _Over(TICKET_REFUSED)
        if self._hub.windows(session.agent_id) >= self._limits.windows:
            raise _Over(TOO_MANY)

    async def _serve(self, websocket: WebSocket, session: Session) -> int:
        window = _Window(self._roster, self._hub, self._clock, self._sessions, websocket, session, self._limits)
        self._hub.join(session.agent_id, window.outbox)
        code = 1000
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(window.write())
                tasks.create_task(window.beat())
                tasks.create_task(window.listen())
        except* _Over as overs:
            code = next(over.code for over in _leaves(overs) if isinstance(over, _Over))
        except* WebSocketDisconnect:
            pass  # the browser is gone already
        finally:
            self._hub.leave(session.agent_id, window.outbox)
        return code


class _Window:
    """The three tasks of one socket: write what waits, send signs of life, listen."""

    def __init__(
        self,
        roster: Roster,
        hub: Hub,
        clock: Clock,
        sessions: Sessions,
        websocket: WebSocket,
        session: Session,
        limits: Limits,
    ) -> None:
        self.outbox = Outbox()
        self._limits = limits
        self._roster = roster
        self._hub = hub
        self._clock = clock
        self._sessions = sessions
        self._websocket = websocket
        self._session = session
        self._agent_id = session.agent_id
        self._heard_at = clock.monotonic()
        self._seen_at = -limits.seen_every_s
        self._allowance = float(limits.burst)

    async def write(self) -> None:
        """Send what waits; a browser that takes nothing for too long is given up."""
        while True:
            message = await self.outbox.next()
            if isinstance(message, Closing):
                raise _Over(message.code)
            try:
                async with asyncio.timeout(self._limits.silence_s):
                    await _send(self._websocket, message)
            except TimeoutError:
                raise _Over(TOO_SLOW) from None

    async def beat(self) -> None:
        """Ping the page's own code, and end the socket when it is silent or its session over."""
        while True:
            await asyncio.sleep(self._limits.ping_s)
            if self._clock.monotonic() - self._heard_at > self._limits.silence_s:
                raise _Over(TOO_SLOW)
            if not self._sessions.open_still(self._session):
                raise _Over(SIGNED_OUT)
            self.outbox.post(Ping(now=self._clock.now()))

    async def listen(self) -> None:
        """Carry out what the page says, one message after the other."""
        while True:
            event = await self._websocket.receive()
            self._take_allowance()
            message = _read(event)
            try:
                async with asyncio.timeout(self._limits.act_s):
                    await self._act(message)
            except IllegalMove:
                self.outbox.post(Error(code="not_now", about=message.type))
            except (TimeoutError, StoreAway):
                self.outbox.post(Error(code="store_away", about=message.type))
            if isinstance(message, Ready | Pause | WrapUp):
                self._hub.changed(self._agent_id)

    def _take_allowance(self) -> None:
        now = self._clock.monotonic()
        earned = (now - self._heard_at) * self._limits.per_s
        self._allowance = min(self._limits.burst, self._allowance + earned) - 1
        self._heard_at = now
        if self._allowance < 0:
            log.warning("desktop.too_many_messages", agent_id=self._agent_id)
            raise _Over(TOO_MANY)

    async def _act(self, message: ClientMessage) -> None:
        match message:
            case Alive():
                await self._seen()
            case Shown():
                self._hub.shown(self._agent_id, message.offer_id, message.fence)
            case Ready():
                await self._ready()
            case Pause():
                await self._say(AgentEvent.PAUSE, message.reason)
            case WrapUp():
                await self._wrap_up(message)
            case Hello():
                raise _Over(BAD_MESSAGE)

    async def _seen(self) -> None:
        if self._clock.monotonic() - self._seen_at >= self._limits.seen_every_s:
            await self._roster.seen(self._agent_id, now=self._clock.now())
            self._seen_at = self._clock.monotonic()

    async def _say(self, event: AgentEvent, reason: str | None = None) -> None:
        card = await self._roster.say(self._agent_id, event, now=self._clock.now(), reason=reason)
        log.info("desktop.said", agent_id=self._agent_id, said=event, reason=reason, state=card.state)

    async def _ready(self) -> None:
        """Say ready; to be ready already is as good (two windows, or the wrap-up ran out meanwhile)."""
        try:
            await self._say(AgentEvent.READY)
        except IllegalMove:
            card = await self._roster.card(self._agent_id)
            if card is None or card.state not in (AgentState.READY, AgentState.OFFERED):
                raise

    async def _wrap_up(self, message: WrapUp) -> None:
        stored = await self._roster.wrap_up(
            self._agent_id,
            message.offer_id,
            disposition=message.disposition,
            note=note_text(message.note),
            now=self._clock.now(),
        )
        if not stored:
            log.warning("desktop.not_yours", agent_id=self._agent_id, offer_id=message.offer_id)
            self.outbox.post(Error(code="not_yours", about=message.type))
            return
        self.outbox.post(Saved(offer_id=message.offer_id))
        if message.then == "ready":
            await self._ready()
        elif message.then == "pause":
            await self._say(AgentEvent.PAUSE, message.reason)


def _read(event: object) -> ClientMessage:
    """The message of a socket event. Raises WebSocketDisconnect when there is none, _Over when it is none of ours."""
    assert isinstance(event, dict)
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1006))
    text = event.get("text")
    if text is None:
        raise _Over(BAD_MESSAGE)
    try:
        return read(text)
    except NotAMessage as fault:
        log.warning("desktop.not_a_message", fault=str(fault)[:200])
        raise _Over(OTHER_VERSION if speaks_other_version(text) else BAD_MESSAGE) from None


async def _send(websocket: WebSocket, message: BaseModel) -> None:
    await websocket.send_text(message.model_dump_json())


async def _close(websocket: WebSocket, code: int) -> None:
    """Close politely; a browser that does not read is cut off by the protocol (`wire.py`)."""
    try:
        async with asyncio.timeout(1.0):
            await websocket.close(code)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        pass


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for part in group.exceptions
        for leaf in (_leaves(part) if isinstance(part, BaseExceptionGroup) else [part])
    ]
