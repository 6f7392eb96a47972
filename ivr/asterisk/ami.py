"""The manager link: panoramisk's Manager and AMIProtocol under one supervising coroutine.

The stock manager replays unanswered actions, trusts a silent peer and lets a callback drop the link. Here `run` owns
the link's life: connect, log in, wait until Asterisk is ready, watch it, come back after a growing delay. An action is
sent at most once; what was unanswered when the link broke raises ActionUnknown.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message
from pydantic import SecretStr

from ivr.asterisk.errors import LoginRefused, Refused
from ivr.asterisk.translate import Packet
from ivr.asterisk.wire import check_field
from ivr.errors import ActionUnknown, Misconfigured, SwitchAway
from ivr.settings import Ami

log = structlog.get_logger()

CONNECT_S: Final = 3.0
LOGIN_S: Final = 5.0
#: Asterisk may take its time to load before it says FullyBooted.
BOOT_S: Final = 60.0
ACTION_S: Final = 5.0
#: Events of 22.10 and older may be stuck until something is written to the link (asterisk/asterisk#2145).
PING_EVERY_S: Final = 1.0
#: Three unanswered looks of 2 s each: the peer is dead.
SILENCE_S: Final = 6.0
#: First and longest pause before a new attempt; a pause is cut by up to a half at random.
RETRY_S: Final = (0.2, 2.0)
#: The same after a refused login, which only a person can mend.
REFUSED_S: Final = (5.0, 60.0)
#: A link that held for so long starts again with the first pause.
STEADY_S: Final = 5.0
#: Longest single message; a true one has at most a few kB.
MOST_MESSAGE_BYTES: Final = 256 * 1024

_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"


class _Everything:
    """Contains whatever is asked for: panoramisk forgets instead of replaying every action named in here."""

    def __contains__(self, item: object) -> bool:
        return True


class PendingAction(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action on its way: ends at its answer, or at the end of its list; never judged by English words."""

    def __repr__(self) -> str:
        return f"<{self['action']} {self['actionid']}>"

    def add_message(self, message: Message) -> bool:
        """Take one message that carries this action's id; True when it was the last."""
        self.responses.append(message)
        if "response" in message:
            over = not self.as_list or message["response"] != "Success" or message.get("eventlist") != "start"
        else:
            over = str(message.get("eventlist", "")).lower() in ("complete", "cancelled")
        if over and not self.future.done():
            self.future.set_result(self.responses)
        return over


class AmiProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One TCP connection: bytes to messages, with limits, and nothing left waiting when it ends."""

    def __init__(self, link: "AmiLink") -> None:
        self._link = link
        self._buffer = bytearray()
        self.booted = False
        self.changed = asyncio.Event()  #: set when `booted` or `closed` has changed
        self.heard_at = 0.0  #: loop time of the last byte

    def connection_made(self, transport: Any) -> None:
        """The connection stands."""
        super().connection_made(transport)
        self.version: str | None = None
        self.factory = self._link
        self.heard_at = self._link.loop.time()

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages. Only whole messages are decoded, so no character is ever split."""
        self.heard_at = self._link.loop.time()
        searched = max(0, len(self._buffer) - len(_END) + 1)
        self._buffer += data
        if self.version is None:
            if not self._greeted():
                return
            searched = 0
        start = 0
        while not self.closed and (end := self._buffer.find(_END, max(start, searched))) >= 0:
            self._take(bytes(self._buffer[start:end]))
            start = end + len(_END)
        del self._buffer[:start]
        if len(self._buffer) > MOST_MESSAGE_BYTES:
            self.drop("a message without end")

    def _greeted(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            if not _GREETING.startswith(line[: len(_GREETING)]) or len(line) > 200:
                self.drop("what answers there is no manager interface")
            return False
        if not line.startswith(_GREETING):
            self.drop("what answers there is no manager interface")
            return False
        self.version = line[len(_GREETING) :].decode("ascii", "replace")
        self._buffer = rest
        return True

    def _take(self, block: bytes) -> None:
        try:
            message = Message.from_line(block.decode("utf-8", "replace").strip())
            if message is not None:
                self.handle_message(message)
        except Exception:
            log.exception("a message of the switch could not be taken")

    def drop(self, why: str) -> None:
        """End this connection at once; the link comes back by itself."""
        if not self.closed:
            log.warning("the manager link is dropped", why=why)
            self.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The peer closed, or the network did."""
        self.close()

    def close(self) -> None:
        """Fail what waits, forget it, and abort the connection. Harmless when repeated."""
        for action in list(self.responses.values()):
            if not action.future.done():
                action.future.set_exception(ActionUnknown(f"the link broke before {action['action']} was answered"))
        super().close()
        self.transport.abort()
        self.changed.set()


class AmiLink(Manager):  # type: ignore[misc]  # panoramisk has no types
    """The link as long as the engine lives. To be built inside the running loop.

    `on_event` gets each event in order, `on_up` the news that the link stands (True when the switch is a new process),
    `on_down` that it does not. They are called from the reader, so they may only note and queue.
    """

    def __init__(
        self,
        settings: Ami,
        secret: str,
        *,
        on_event: Callable[[Packet], None],
        on_up: Callable[[bool], None],
        on_down: Callable[[], None],
        silence_s: float = SILENCE_S,
        retry_s: tuple[float, float] = RETRY_S,
        refused_s: tuple[float, float] = REFUSED_S,
        boot_s: float = BOOT_S,
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            check_field("Secret", secret)
        except Refused as fault:
            raise Misconfigured(f"the AMI secret cannot be used: {fault}") from None
        super().__init__(host=settings.host, port=settings.port, loop=loop, forgetable_actions=_Everything())
        self.up = False
        self._user = settings.user
        self._secret = SecretStr(secret)
        self._on_event, self._on_up, self._on_down = on_event, on_up, on_down
        self._silence_s, self._retry_s, self._refused_s, self._boot_s = silence_s, retry_s, refused_s, boot_s
        self._started: tuple[str, str] | None = None

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        retries = refusals = 0
        while True:
            began = self.loop.time()
            try:
                await self._session()
            except LoginRefused as fault:
                refusals += 1
                log.error("the manager login was refused", user=self._user, why=str(fault), attempts=refusals)
                await asyncio.sleep(_pause(self._refused_s, refusals))
                continue
            except (OSError, SwitchAway, ActionUnknown) as fault:
                log.warning("the manager link is down", why=str(fault) or type(fault).__name__)
            except Exception:
                log.exception("the manager link failed")
            refusals = 0
            retries = 1 if self.loop.time() - began > STEADY_S else retries + 1
            await asyncio.sleep(_pause(self._retry_s, retries))

    async def act(
        self,
        name: str,
        fields: Mapping[str, str] | None = None,
        *,
        as_list: bool = False,
        deadline_s: float = ACTION_S,
    ) -> list[Packet]:
        """Carry out one action, at most once; its answer, or with `as_list` its answer and all lines of its list.

        Raises Refused before anything is written, SwitchAway when the link is down, ActionUnknown when the answer did
        not come: then look at the state.
        """
        if not self.up:
            raise SwitchAway
        return await self._send(self.protocol, name, fields or {}, as_list=as_list, deadline_s=deadline_s)

    def send_action(self, *_: object, **__: object) -> None:
        """Closed: `act` is the only way out. Always raises TypeError."""
        raise TypeError("actions are sent by AmiLink.act")

    def drop(self, why: str) -> None:
        """Break the link on purpose, so that everything is read afresh."""
        if self.protocol is not None:
            self.protocol.drop(why)

    def dispatch(self, event: Message) -> list[str]:
        """Hand one event on, detached; a fault in taking it costs this event alone."""
        packet = Packet.of(event)
        if packet.name == "FullyBooted":
            self.protocol.booted = True
            self.protocol.changed.set()
        try:
            self._on_event(packet)
        except Exception:
            log.exception("an event of the switch could not be taken", event_name=packet.name)
        return []

    async def _session(self) -> None:
        """One connection from its start to its end."""
        async with asyncio.timeout(CONNECT_S):
            _, protocol = await self.loop.create_connection(
                lambda: AmiProtocol(self), self.config["host"], self.config["port"]
            )
        self.protocol = protocol
        try:
            await self._log_in(protocol)
            await self._await_boot(protocol)
            restarted = await self._restarted(protocol)
            self.up = True
            log.info("the manager link is up", version=protocol.version, restarted=restarted)
            self._on_up(restarted)
            await self._watch(protocol)
        finally:
            protocol.close()
            if self.up:
                self.up = False
                self._on_down()

    async def _log_in(self, protocol: AmiProtocol) -> None:
        fields = {"Username": self._user, "Secret": self._secret.get_secret_value(), "Events": "on"}
        answer = (await self._send(protocol, "Login", fields, deadline_s=LOGIN_S))[0]
        if answer.get("Response") != "Success":
            raise LoginRefused(answer.get("Message") or "no reason given")

    async def _await_boot(self, protocol: AmiProtocol) -> None:
        try:
            async with asyncio.timeout(self._boot_s):
                await self._watch(protocol, until_booted=True)
        except TimeoutError:
            raise SwitchAway(
                f"no FullyBooted within {self._boot_s} s: is `system` among the user's read classes?"
            ) from None
        if protocol.closed:
            raise SwitchAway("the link broke before Asterisk was fully booted")

    async def _restarted(self, protocol: AmiProtocol) -> bool:
        """Whether the switch is another process than at the last login."""
        answer = (await self._send(protocol, "CoreStatus", {}))[0]
        if answer.get("Response") != "Success":
            raise LoginRefused(f"CoreStatus: {answer.get('Message')}: is `reporting` among the user's write classes?")
        before = self._started
        self._started = (answer["CoreStartupDate"], answer["CoreStartupTime"])
        return before is not None and before != self._started

    async def _watch(self, protocol: AmiProtocol, *, until_booted: bool = False) -> None:
        """Ping until the connection ends, and end it when the peer has been silent for too long."""
        while not protocol.closed and not (until_booted and protocol.booted):
            protocol.changed.clear()
            if self.loop.time() - protocol.heard_at > self._silence_s:
                protocol.drop(f"nothing was heard for {self._silence_s} s")
                return
            ping = PendingAction({"Action": "Ping"})
            ping.future.add_done_callback(lambda future: future.cancelled() or future.exception())
            protocol.send(ping, as_list=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(PING_EVERY_S, self._silence_s / 3)):
                    await protocol.changed.wait()

    async def _send(
        self,
        protocol: AmiProtocol,
        name: str,
        fields: Mapping[str, str],
        *,
        as_list: bool = False,
        deadline_s: float = ACTION_S,
    ) -> list[Packet]:
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError("the manager link may only be used from its own event loop")
        for key, value in fields.items():
            check_field(key, value)
        if protocol.closed:
            raise SwitchAway
        action = PendingAction({"Action": name, **fields})
        future = protocol.send(action, as_list=as_list)
        try:
            async with asyncio.timeout(deadline_s):
                return [Packet.of(message) for message in await future]
        except TimeoutError:
            raise ActionUnknown(f"{name}: no answer within {deadline_s} s") from None
        finally:
            protocol.responses.pop(action.id, None)


def _pause(limits: tuple[float, float], attempt: int) -> float:
    """Seconds before the next attempt: doubled each time up to the longest, cut by up to a half at random."""
    first, longest = limits
    return min(longest, first * 2.0 ** min(attempt - 1, 16)) * random.uniform(0.5, 1.0)
