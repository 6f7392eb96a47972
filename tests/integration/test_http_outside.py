"""Webhooks and SMS gateway over real sockets: bodies that drip, are cut or never end, and redirects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ivr.clock import SystemClock
from ivr.errors import DipFailed
from ivr.messages import HttpGateway, Taken
from ivr.ports import WebRequest
from ivr.settings import Messages, Webhooks
from ivr.webhooks import HttpWebhooks
from models.outbox import Outgoing

MESSAGE = Outgoing(1, "c1:tell-1", "+8613800000001", "您好", 1)


@asynccontextmanager
async def answering(*pieces: bytes, pause_s: float = 0.0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these bytes to whoever asks, with pauses between, then closes; also what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        asked.append(head + await reader.readexactly(length))
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ivr/x", asked
    finally:
        server.close()
        await server.wait_closed()


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def dip(url: str, *, deadline_s: float = 2.0) -> object:
    async with HttpWebhooks(Webhooks(allow=(url,), most_bytes=1000), SystemClock()) as hooks:
        return await hooks.ask(WebRequest(url, "post", {"n": 1}, 0), deadline_s=deadline_s)


async def test_a_json_object_is_fetched() -> None:
    async with answering(answer(b'{"tier"'), b": 2}") as (url, _):
        with pytest.raises(DipFailed, match="not answer in JSON"):
            await dip(url)
    async with answering(answer(b'{"tier"', length=12), b": 2 }") as (url, asked):
        assert await dip(url) == {"tier": 2}
    assert asked[0].endswith(b'{"n":1}')


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((answer(b"{", length=100),), "cannot be asked"),  # cut
        ((b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 400] * 5), "more than 1000 bytes"),
        ((b"no HTTP at all\r\n\r\n",), "cannot be asked"),
        ((answer(b"", "302 Found", "Location: http://127.0.0.1:1/"),), "answers 302"),
        ((answer(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip"),), "compressed"),
    ],
)
async def test_what_is_no_whole_answer_is_a_failure(pieces: tuple[bytes, ...], why: str) -> None:
    async with answering(*pieces) as (url, _):
        with pytest.raises(DipFailed, match=why):
            await dip(url)


@pytest.mark.fault("E9", "an answer of another system that drips")
async def test_a_body_that_drips_is_given_up_at_the_deadline() -> None:
    async with answering(answer(b"{", length=100), *[b" "] * 50, pause_s=0.01) as (url, _):
        with pytest.raises(DipFailed, match=r"within 0\.09 s"):
            await dip(url, deadline_s=0.09)


@pytest.mark.parametrize(
    ("pieces", "taken"),
    [
        ((answer(b"", "202 Accepted"),), Taken.SENT),
        ((answer(b"no such number", "400 Bad Request"),), Taken.REFUSED),
        ((answer(b"", "302 Found", "Location: http://127.0.0.1:1/"),), Taken.LATER),
        ((), Taken.LATER),
        ((b"HTTP/1.1 500 Oops\r\n\r\n", *[b"x" * 400] * 5), Taken.LATER),
    ],
)
async def test_the_gateways_answer_is_read_off_the_wire(pieces: tuple[bytes, ...], taken: Taken) -> None:
    async with answering(*pieces) as (url, asked), HttpGateway(Messages(gateway=url), "s3cret") as gateway:
        assert (await gateway.deliver(MESSAGE)).taken is taken
    assert b"authorization: bearer s3cret" in asked[0].lower()
    assert "您好".encode() in asked[0]
