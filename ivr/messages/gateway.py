"""The SMS gateway of the site, by HTTP: one POST a message. docs/operations.md has the protocol."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import httpx

from ivr.settings import Messages
from models.outbox import Outgoing

#: Seconds for one message, connecting included.
DEADLINE_S = 10.0
#: Of an answer no more is read than what an operator is shown of it.
MOST_TOLD_BYTES = 120
#: Answers that ask to try again later although they begin with 4: 408 Request Timeout, 429 Too Many Requests.
_LATER = frozenset({408, 429})


class Taken(StrEnum):
    """What the gateway made of a message."""

    SENT = "sent"
    LATER = "later"  # it may be tried again
    REFUSED = "refused"  # it will never be taken


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of handing a message over, with a word for the operator when it was not taken."""

    taken: Taken
    fault: str = ""


class Gateway(Protocol):
    """Whoever sends text messages."""

    async def deliver(self, message: Outgoing) -> Answered:
        """Hand a message over. Never raises but for cancellation."""
        ...


class HttpGateway:
    """The gateway behind `messages.gateway`. To be used as `async with`."""

    def __init__(
        self,
        settings: Messages,
        secret: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        assert settings.gateway is not None
        self._url, self._sender, self._deadline_s = settings.gateway, settings.sender, deadline_s
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            follow_redirects=False,
            timeout=deadline_s,
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def deliver(self, message: Outgoing) -> Answered:
        """POST the message; 2xx is sent, 4xx is refused for good (but 408 and 429), anything else is tried again."""
        body = {"id": message.key, "to": message.to, "text": message.text, "sender": self._sender}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._client.stream("POST", self._url, json=body, headers={"Idempotency-Key": message.key}) as answer,
            ):
                if answer.is_success:
                    return Answered(Taken.SENT)
                told = f"{answer.status_code} {await _beginning(answer)}".strip()
        except TimeoutError:
            return Answered(Taken.LATER, f"no answer within {self._deadline_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            return Answered(Taken.LATER, f"{type(fault).__name__}: {fault}"[:160])
        for_good = 400 <= answer.status_code < 500 and answer.status_code not in _LATER
        return Answered(Taken.REFUSED if for_good else Taken.LATER, told)


async def _beginning(answer: httpx.Response) -> str:
    """The first words of an answer, on one line."""
    read = b""
    async for piece in answer.aiter_raw(MOST_TOLD_BYTES):
        read += piece
        if len(read) >= MOST_TOLD_BYTES:
            break
    return " ".join(read[:MOST_TOLD_BYTES].decode("utf-8", "replace").split())
