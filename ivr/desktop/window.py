"""One browser window's socket once it is open: what waits is written, signs of life go out, the agent is heard."""

import asyncio
from dataclasses import dataclass

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.hub import SIGNED_OUT, Hub
from ivr.desktop.messages import (
    Alive,
    Case,
    Choose,
    ClientMessage,
    Draft,
    Error,
    Extend,
    Handle,
    Hello,
    NotAMessage,
    Pause,
    Ping,
    Ready,
    RecordingPause,
    Refuse,
    Saved,
    Shown,
    Targets,
    WrapUp,
    read,
    speaks_other_version,
)
from ivr.desktop.outbox import Closing, Outbox
from ivr.desktop.parts import AgentChoicePart, QueueChoicePart, SkillChoicePart
from ivr.desktop.sessions import Session, Sessions
from ivr.desktop.views import LONGEST_NAME, note_text, plain
from ivr.ports import Clock, RecordingPauses, Roster
from ivr.ports.handling import Choices, Handling
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove, StoreAway
from routing.talk import TalkEvent, Target, TargetKind

log = structlog.get_logger(__name__)

#: Close codes, besides SIGNED_OUT.
BAD_MESSAGE, TICKET_REFUSED, TOO_SLOW, CROWDED, OTHER_VERSION, TOO_MANY = 4400, 4403, 4408, 4409, 4426, 4429


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a socket waits, and how much a page may say."""

    hello_s: float = 5.0  #: time for the first message
    ping_s: float = 5.0  #: between two of our signs of life
    silence_s: float = 10.0  #: a page that has neither read nor said anything for that long is closed
    act_s: float = 5.0  #: longest time to carry out what the agent said
    handle_s: float = 60.0  #: the same of a conversation: another engine may have to take the call over first
    seen_every_s: float = 10.0  #: how often a sign of life goes to the database
    windows: int = 8  #: of one agent
    burst: int = 30  #: messages that a page may send at once
    per_s: float = 10.0  #: messages that a page may send in the long run


class Over(Exception):
    """This socket ends with a close code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(str(code))


class Window:
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
        handling: Handling,
        pauses: RecordingPauses | None = None,
        cases: CaseDesk | None = None,
    ) -> None:
        self._pauses, self._cases = pauses, cases
        self.outbox = Outbox(session.number)
        self._limits, self._handling = limits, handling
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
                raise Over(message.code)
            try:
                async with asyncio.timeout(self._limits.silence_s):
                    await self._websocket.send_text(message.model_dump_json())
            except TimeoutError:
                raise Over(TOO_SLOW) from None
            except RuntimeError as fault:  # uvicorn has closed it by itself
                raise WebSocketDisconnect(1006) from fault

    async def beat(self) -> None:
        """Ping the page's own code, and end the socket when it is silent or its session over."""
        while True:
            await asyncio.sleep(self._limits.ping_s)
            if self._clock.monotonic() - self._heard_at > self._limits.silence_s:
                raise Over(TOO_SLOW)
            if not self._sessions.open_still(self._session):
                raise Over(SIGNED_OUT)
            self.outbox.post(Ping(now=self._clock.now()))

    async def listen(self) -> None:
        """Carry out what the page says, one message after the other; beside them one act with the conversation."""
        handling: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as acts:
            while True:
                message = await receive(self._websocket)
                self._take_allowance()
                if not isinstance(message, Handle):
                    await self._carry_out(message, self._limits.act_s)
                elif handling is None or handling.done():
                    handling = acts.create_task(self._carry_out(message, self._limits.handle_s))
                else:
                    self.outbox.post(Error(code="not_now", about=message.type))

    async def _carry_out(self, message: ClientMessage, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._act(message)
        except IllegalMove:
            self.outbox.post(Error(code="not_now", about=message.type))
        except (TimeoutError, StoreAway):
            self.outbox.post(Error(code="store_away", about=message.type))
        if isinstance(message, Ready | Pause | Refuse | Extend | WrapUp | Handle):
            self._hub.said(self._agent_id)

    def _take_allowance(self) -> None:
        now = self._clock.monotonic()
        earned = (now - self._heard_at) * self._limits.per_s
        self._allowance = min(self._limits.burst, self._allowance + earned) - 1
        self._heard_at = now
        if self._allowance < 0:
            log.warning("desktop.too_many_messages", agent_id=self._agent_id)
            raise Over(TOO_MANY)

    async def _act(self, message: ClientMessage) -> None:
        match message:
            case Alive():
                await self._seen()
            case Shown():
                await self._hub.shown(self._agent_id, message.offer_id, message.fence)
            case Ready():
                await self._ready()
            case Pause():
                await self._say(AgentEvent.PAUSE, self._known(message.reason))
            case RecordingPause():
                if self._pauses is None:
                    raise IllegalMove("recording", "none", "pause")
                await self._pauses.ask(self._agent_id, message.offer_id, paused=message.paused)
            case Refuse():
                await self._refuse(message)
            case Draft():
                await self._draft(message)
            case Extend():
                if not await self._hub.extend(self._agent_id, message.offer_id):
                    self.outbox.post(Error(code="not_now", about=message.type))
            case WrapUp():
                await self._wrap_up(message)
            case Case():
                await self._case(message)
            case Choose():
                self._choices(await self._handling.choices(self._agent_id))
            case Handle():
                await self._handle(message)
            case Hello():
                raise Over(BAD_MESSAGE)

    def _choices(self, choices: Choices) -> None:
        self.outbox.post(
            Targets(
                queues=tuple(QueueChoicePart(queue=q.queue, waiting=q.waiting, ready=q.ready) for q in choices.queues),
                agents=tuple(
                    AgentChoicePart(name=a.name, full_name=plain(a.full_name, LONGEST_NAME), state=a.state)
                    for a in choices.agents
                ),
                numbers=choices.numbers,
                tier=choices.tier,
                skills=tuple(SkillChoicePart(skill=s.skill, at_work=s.at_work, ready=s.ready) for s in choices.skills),
            )
        )

    async def _handle(self, message: Handle) -> None:
        target = None
        if message.target is not None:
            target = Target(TargetKind(message.target.kind), message.target.name)
        refusal = await self._handling.do(
            self._agent_id, message.offer_id, TalkEvent(message.do), target, note_text(message.note)
        )
        if refusal is not None:
            log.info("desktop.not_handled", agent_id=self._agent_id, does=message.do, why=str(refusal))
            self.outbox.post(Error(code=refusal.value, about=message.type))

    async def _seen(self) -> None:
        if self._clock.monotonic() - self._seen_at >= self._limits.seen_every_s:
            await self._roster.seen(self._agent_id, now=self._clock.now())
            self._seen_at = self._clock.monotonic()

    async def _say(self, event: AgentEvent, reason: str | None = None) -> None:
        card = await self._roster.say(self._agent_id, event, now=self._clock.now(), reason=reason)
        log.info("desktop.said", agent_id=self._agent_id, said=event, reason=reason, state=card.state)

    def _known(self, reason: str | None) -> str | None:
        """A reason of a pause that the site has; any other is no message of ours."""
        if reason is not None and reason not in self._hub.pauses:
            raise Over(BAD_MESSAGE)
        return reason

    async def _ready(self) -> None:
        """Say ready; to be ready already is as good (two windows, or the wrap-up ran out meanwhile)."""
        try:
            await self._say(AgentEvent.READY)
        except IllegalMove:
            card = await self._roster.card(self._agent_id)
            if card is None or card.state not in (AgentState.READY, AgentState.OFFERED):
                raise

    async def _case(self, message: Case) -> None:
        if self._cases is None:
            self.outbox.post(Error(code="not_now", about=message.type))
            return
        self.outbox.post(await self._cases.act(self._agent_id, message))
        self._hub.pop_changed(self._agent_id)

    async def _refuse(self, message: Refuse) -> None:
        """Refuse the offered call. One that was answered, withdrawn or missed at that moment stays as it is."""
        if not await self._hub.refuse(self._agent_id, message.offer_id, message.fence, message.reason):
            self.outbox.post(Error(code="not_now", about=message.type))
            return
        log.info("desktop.refused", agent_id=self._agent_id, offer_id=message.offer_id, reason=message.reason)

    async def _draft(self, message: Draft) -> None:
        """Keep what was entered. One that comes after the outcome, or for a call of somebody else, is passed over."""
        await self._roster.draft(
            self._agent_id, message.offer_id, disposition=message.disposition, note=note_text(message.note)
        )

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
            await self._say(AgentEvent.PAUSE, self._known(message.reason))


async def receive(websocket: WebSocket) -> ClientMessage:
    """The next message. Raises WebSocketDisconnect when the browser is gone, Over when it said something else."""
    event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1006))
    text = event.get("text")
    if text is None:
        raise Over(BAD_MESSAGE)
    try:
        return read(text)
    except NotAMessage as fault:
        log.warning("desktop.not_a_message", fault=str(fault)[:200])
        raise Over(OTHER_VERSION if speaks_other_version(text) else BAD_MESSAGE) from None
