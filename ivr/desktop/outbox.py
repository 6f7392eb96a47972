"""What one browser is still to be told: bounded, and when it is full it shrinks to the newest full state."""

import asyncio
from collections import deque
from dataclasses import dataclass

from ivr.desktop.messages import ServerMessage, State

MOST_MESSAGES = 16


@dataclass(frozen=True, slots=True)
class Closing:
    """The socket is to be closed with this code."""

    code: int


class Outbox:
    """Messages for one browser, put in by anybody, taken out by that socket's writer."""

    def __init__(self, number: int = 0) -> None:
        self.number = number  #: of the agent's sessions when the browser was signed in
        self._waiting: deque[ServerMessage] = deque()
        self._some = asyncio.Event()
        self._closing: Closing | None = None
        self.state: State | None = None  #: the newest state that was posted

    def post(self, message: ServerMessage) -> None:
        """Queue a message. A state makes older states needless; a full queue is replaced by the newest state."""
        if isinstance(message, State):
            self.state = message
            if any(isinstance(waiting, State) for waiting in self._waiting):
                self._waiting = deque(waiting for waiting in self._waiting if not isinstance(waiting, State))
        if len(self._waiting) >= MOST_MESSAGES:
            self._waiting.clear()
            message = self.state or message
        self._waiting.append(message)
        self._some.set()

    def close(self, code: int) -> None:
        """Close the socket once what waits has been written; the first code counts."""
        self._closing = self._closing or Closing(code)
        self._some.set()

    async def next(self) -> ServerMessage | Closing:
        """The next message, or the order to close."""
        while not self._waiting:
            if self._closing:
                return self._closing
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()
