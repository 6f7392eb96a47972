"""One TCP connection of the manager link: bytes to messages, and the actions that wait for their answers.

panoramisk's AMIProtocol and Action are the frame; the stock ones split characters, keep messages without end, and judge
by English words whether an action is over.
"""

import asyncio
from typing import Any, Final

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from ivr.errors import ActionUnknown

log = structlog.get_logger()

#: Longest single message; a true one has at most a few kB.
MOST_MESSAGE_BYTES: Final = 256 * 1024
#: A true greeting has 28.
MOST_GREETING_BYTES: Final = 200

_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"


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

    def __init__(self, link: Manager) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self.booted = False
        self.changed = asyncio.Event()  #: set when `booted` or `closed` has changed
        self.heard_at = 0.0  #: loop time of the last byte

    def connection_made(self, transport: Any) -> None:
        """The connection stands."""
        super().connection_made(transport)
        self.version: str | None = None
        self.factory = self._link
        self.heard_at = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages. Only whole messages are decoded, so no character is ever split."""
        self.heard_at = self._loop.time()
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
            if not _GREETING.startswith(line[: len(_GREETING)]) or len(line) > MOST_GREETING_BYTES:
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
            if message is None:
                return
            if message.get("event") == "FullyBooted":
                self.booted = True
                self.changed.set()
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
