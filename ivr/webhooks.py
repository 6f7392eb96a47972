"""Other systems by HTTP: only allowed addresses, JSON objects, one deadline for everything, and a circuit breaker."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import httpx

from ivr.errors import DipFailed
from ivr.ports import Clock, WebRequest
from ivr.settings import Webhooks as Limits

#: Seconds before the first repetition; doubled for each further one.
RETRY_S = 0.05
#: Answers after which asking again may help.
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Away(DipFailed):
    """The other system could not be asked now."""


@dataclass(slots=True)
class _Circuit:
    """What is known of one host."""

    failures: int = 0  #: in a row
    open_until: float = 0.0
    probing: bool = False  #: one request finds out whether the host is back


class HttpWebhooks:
    """The Webhooks port. To be used as `async with`."""

    def __init__(self, limits: Limits, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._limits, self._clock = limits, clock
        self._allowed = [httpx.URL(address) for address in limits.allow]
        self._circuits: dict[str, _Circuit] = {}
        self._client = httpx.AsyncClient(
            # Compressed answers are refused: a few bytes of them may hold any number.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            timeout=None,  # the deadline of the request holds  # noqa: S113
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, request: WebRequest, *, deadline_s: float) -> Mapping[str, Any]:
        """The JSON object of the answer. Raises DipFailed: not allowed, late, broken, or the circuit is open."""
        url = self.permitted(request.url)
        try:
            async with asyncio.timeout(deadline_s):
                for tries in range(request.retries + 1):
                    try:
                        return await self._guarded(url, request)
                    except _Away:
                        if tries == request.retries:
                            raise
                    await self._clock.sleep(RETRY_S * 2**tries)
        except TimeoutError:
            raise DipFailed(f"{_host(url)} gave no answer within {deadline_s:g} s") from None
        raise AssertionError("unreachable: the last try returns or raises")

    def permitted(self, written: str) -> httpx.URL:
        """The address, if it begins with an allowed one and cannot lead elsewhere. Raises DipFailed."""
        try:
            url = httpx.URL(written)
            path = urlsplit(written).path
        except (httpx.InvalidURL, ValueError) as fault:
            raise DipFailed(f"this is no address: {fault}") from None
        # Segments such as .. and hidden slashes mean different places to different programs.
        plain = unquote(path)
        goes_up = any(segment.partition(";")[0] in (".", "..") for segment in plain.split("/"))
        hidden = "\\" in plain or plain.count("/") != path.count("/")
        if goes_up or hidden or url.userinfo or url.fragment or not url.host:
            raise DipFailed("an address may not hold a user, a fragment, or a path that goes up")
        if not any(_begins_with(url, allowed) for allowed in self._allowed):
            raise DipFailed(f"{_host(url)} with this path is not among webhooks.allow")
        return url

    async def _guarded(self, url: httpx.URL, request: WebRequest) -> Mapping[str, Any]:
        """One try, unless the host has failed so often that it is left alone. Its outcome is counted."""
        circuit = self._circuits.setdefault(_host(url), _Circuit())
        now = self._clock.monotonic()
        if circuit.failures >= self._limits.open_after and (now < circuit.open_until or circuit.probing):
            raise DipFailed(f"{_host(url)} has failed {circuit.failures} times in a row and is left alone")
        circuit.probing = circuit.failures >= self._limits.open_after
        failed = True
        try:
            answer = await self._once(url, request)
            failed = False
            return answer
        except _Away:
            raise
        except DipFailed:  # it answers, though with nothing that we can use
            failed = False
            raise
        finally:
            circuit.probing = False
            circuit.failures = circuit.failures + 1 if failed else 0
            if failed:
                circuit.open_until = self._clock.monotonic() + self._limits.open_s

    async def _once(self, url: httpx.URL, request: WebRequest) -> Mapping[str, Any]:
        if request.method == "get":
            asked = self._client.stream("GET", url.copy_merge_params(_query(request.fields)))
        else:
            asked = self._client.stream("POST", url, json=dict(request.fields))
        try:
            async with asked as answer:
                if answer.status_code in _AGAIN:
                    raise _Away(f"{_host(url)} answers {answer.status_code}")
                if not answer.is_success:
                    raise DipFailed(f"{_host(url)} answers {answer.status_code}")
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise DipFailed(f"{_host(url)} answers compressed, which was not asked for")
                body = await self._body(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            raise _Away(f"{_host(url)} cannot be asked: {type(fault).__name__}") from fault
        return _object(body, _host(url))

    async def _body(self, answer: httpx.Response) -> bytes:
        read = bytearray()
        async for piece in answer.aiter_raw():
            read += piece
            if len(read) > self._limits.most_bytes:
                raise DipFailed(f"an answer of more than {self._limits.most_bytes} bytes")
        return bytes(read)


def _begins_with(url: httpx.URL, allowed: httpx.URL) -> bool:
    if (url.scheme, url.host, _port(url)) != (allowed.scheme, allowed.host, _port(allowed)):
        return False
    whole = allowed.path if allowed.path.endswith("/") else allowed.path + "/"
    return url.path == allowed.path or url.path.startswith(whole)


def _port(url: httpx.URL) -> int | None:
    return url.port or _DEFAULT_PORTS.get(url.scheme)


def _host(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}:{_port(url)}"


def _query(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as a query: true and false as JSON writes them, and nothing for what is not known."""
    return {
        name: json.dumps(value) if isinstance(value, bool) else str(value)
        for name, value in fields.items()
        if value is not None
    }


def _object(body: bytes, host: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise DipFailed(f"{host} does not answer in JSON") from None
    if not isinstance(found, dict):
        raise DipFailed(f"{host} answers no JSON object")
    return found
