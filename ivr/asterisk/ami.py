"""The manager link: panoramisk's Manager under one supervising coroutine.

The stock manager replays unanswered actions, trusts a silent peer and lets a callback drop the link. Here `run` owns
the link's life: connect, log in, wait until Asterisk is ready, watch it, come back after a growing delay. An action is
sent at most once; what was unanswered when the link broke raises ActionUnknown.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog
from panoramisk.manager import Manager
from panoramisk.message import Message
from pydantic import SecretStr

from ivr.asterisk.ami_protocol import AmiProtocol, PendingAction
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
#: What every action is answered from the order to stop on, while calls go on: no channel is made any more.
SHUTTING_DOWN: Final = "Asterisk is shutting down"
#: A link that held for so long starts again with the first pause.
STEADY_S: Final = 5.0


class _Everything:
    """Contains whatever is asked for: panoramisk forgets instead of replaying every action named in here."""

    def __contains__(self, item: object) -> bool:
        return True


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
        self._refusing = False  # the link stands, and the switch is about to stop
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
            self.up, self._refusing = True, False
            log.info("the manager link is up", version=protocol.version, restarted=restarted)
            self._on_up(restarted)
            await self._watch(protocol)
        finally:
            protocol.close()
            self._refusing = False
            if self.up:
                self.up = False
                self._on_down()

    async def _log_in(self, protocol: AmiProtocol) -> None:
        fields = {"Username": self._user, "Secret": self._secret.get_secret_value(), "Events": "on"}
        answer = (await self._send(protocol, "Login", fields, deadline_s=LOGIN_S))[0]
        if answer.get("Message") == SHUTTING_DOWN:
            raise SwitchAway(SHUTTING_DOWN)
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
            ping.future.add_done_callback(self._pinged)
            protocol.send(ping, as_list=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(PING_EVERY_S, self._silence_s / 3)):
                    await protocol.changed.wait()

    def _pinged(self, future: "asyncio.Future[list[Message]]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._note(Packet.of(future.result()[0]))

    def _note(self, answer: Packet) -> None:
        """Whether the switch still takes orders; it says that it stops with every answer."""
        refuses = answer.get("Message") == SHUTTING_DOWN
        if refuses and self.up:
            self.up, self._refusing = False, True
            log.warning("the switch is about to stop and takes no orders any more")
            self._on_down()
        elif self._refusing and not refuses:
            self.up, self._refusing = True, False
            log.info("the switch takes orders again")
            self._on_up(False)

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
                answer = [Packet.of(message) for message in await future]
                self._note(answer[0])
                return answer
        except TimeoutError:
            raise ActionUnknown(f"{name}: no answer within {deadline_s} s") from None
        finally:
            protocol.responses.pop(action.id, None)


def _pause(limits: tuple[float, float], attempt: int) -> float:
    """Seconds before the next attempt: doubled each time up to the longest, cut by up to a half at random."""
    first, longest = limits
    return min(longest, first * 2.0 ** min(attempt - 1, 16)) * random.uniform(0.5, 1.0)
