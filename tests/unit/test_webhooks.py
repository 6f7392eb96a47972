"""Asking other systems: what may be asked, what counts as an answer, and when a host is left alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest

from ivr.errors import DipFailed
from ivr.ports import WebRequest
from ivr.settings import Webhooks
from ivr.testing.clock import FakeClock
from ivr.webhooks import HttpWebhooks

URL = "https://crm.example/ivr/lookup"
ALLOW = ("https://crm.example/ivr/", "http://10.0.0.5:8080/hooks")
Answer = Callable[[httpx.Request], httpx.Response]


class Far(httpx.AsyncBaseTransport):
    """The other systems: answers in turn, the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception | Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    return lambda _: httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)


def says(body: Any = None, status: int = 200, **headers: str) -> Answer:
    return raw(json.dumps(body or {"ok": True}).encode(), status, **headers)


class Pieces(httpx.AsyncByteStream):
    """A body without end."""

    def __init__(self) -> None:
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.given += 1
            yield b"x" * 1000


async def ask(
    far: Far,
    url: str = URL,
    *,
    method: str = "post",
    fields: Mapping[str, Any] | None = None,
    retries: int = 0,
    **limits: Any,
) -> Mapping[str, Any]:
    async with HttpWebhooks(Webhooks(allow=ALLOW, **limits), FakeClock(), transport=far) as hooks:
        return await hooks.ask(WebRequest(url, method, fields or {}, retries), deadline_s=1)


async def test_fields_go_out_as_json_and_the_object_comes_back() -> None:
    far = Far(says({"tier": 2}))
    assert await ask(far, fields={"number": "+8613800000001", "known": True, "days": None}) == {"tier": 2}
    (asked,) = far.asked
    assert (asked.method, str(asked.url)) == ("POST", URL)
    assert json.loads(asked.content) == {"number": "+8613800000001", "known": True, "days": None}


async def test_fields_of_a_get_are_its_query_beside_that_of_the_address() -> None:
    far = Far(says())
    await ask(far, URL + "?site=1", method="get", fields={"number": "+86 1&x=2", "known": True, "days": None})
    assert dict(far.asked[0].url.params) == {"site": "1", "number": "+86 1&x=2", "known": "true"}


@pytest.mark.parametrize(
    "url", ["https://crm.example/ivr/", "https://CRM.example:443/ivr/a/b", "http://10.0.0.5:8080/hooks/x"]
)
async def test_addresses_that_begin_as_allowed_may_be_asked(url: str) -> None:
    assert await ask(Far(says()), url) == {"ok": True}


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/ivr/x",
        "https://crm.example:8443/ivr/x",
        "https://crm.example.evil.example/ivr/x",
        "https://crm.example/ivrx",
        "https://crm.example/admin",
        "https://crm.example@evil.example/ivr/x",
        "https://user:secret@crm.example/ivr/x",
        "https://crm.example/ivr/../admin",
        "https://crm.example/ivr/%2e%2e/admin",
        "https://crm.example/ivr/..;/admin",
        "https://crm.example/ivr/..%2fadmin",
        "https://crm.example/ivr/..%5cadmin",
        "https://crm.example/ivr/\\..\\admin",
        "https://crm.example/ivr/x#y",
        "http://10.0.0.5:8080/hooksx",
        "http://10.0.0.5/hooks/x",
        "file:///etc/passwd",
        "//crm.example/ivr/x",
        "crm.example/ivr/x",
        "https://crm.example:port/ivr/",
        "",
    ],
)
@pytest.mark.fault("E9", "addresses that the settings do not allow")
async def test_every_other_address_is_refused_before_anything_is_sent(url: str) -> None:
    far = Far(says())
    with pytest.raises(DipFailed):
        await ask(far, url)
    assert far.asked == []


async def test_nothing_may_be_asked_unless_the_settings_say_so() -> None:
    async with HttpWebhooks(Webhooks(), FakeClock(), transport=(far := Far(says()))) as hooks:
        with pytest.raises(DipFailed, match=r"webhooks\.allow"):
            await hooks.ask(WebRequest(URL, "post", {}, 0), deadline_s=1)
    assert far.asked == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(status=302, location="https://crm.example/ivr/other"), "answers 302"),
        (says(status=404), "answers 404"),
        (raw(b"<html>"), "not answer in JSON"),
        (raw(b"[" * 100_000), "more than"),
        (raw(b"[" * 30_000), "not answer in JSON"),
        (raw(b"[1]"), "no JSON object"),
        (raw(b"\xff{}"), "not answer in JSON"),
        (says(**{"content-encoding": "br"}), "compressed"),
        (says(status=503), "answers 503"),
        (httpx.ConnectError("refused"), "ConnectError"),
    ],
)
async def test_what_is_no_good_answer_is_told_in_a_sentence(answer: Any, why: str) -> None:
    far = Far(answer)
    with pytest.raises(DipFailed, match=why):
        await ask(far)
    assert len(far.asked) == 1


async def test_of_an_answer_without_end_no_more_is_read_than_allowed() -> None:
    body = Pieces()
    with pytest.raises(DipFailed, match="more than 5000 bytes"):
        await ask(Far(httpx.Response(200, stream=body)), most_bytes=5000)
    assert body.given <= 7


async def test_a_host_that_was_away_is_asked_again_as_often_as_the_step_says() -> None:
    far = Far(httpx.ConnectError("refused"), says(status=503), says({"tier": 1}))
    assert await ask(far, retries=2) == {"tier": 1}
    assert len(far.asked) == 3
    with pytest.raises(DipFailed):
        await ask(Far(httpx.ConnectError("refused"), says(status=503), says()), retries=1)


async def test_an_answer_that_asking_again_will_not_change_is_not_asked_for_again() -> None:
    far = Far(says(status=403), says())
    with pytest.raises(DipFailed):
        await ask(far, retries=3)
    assert len(far.asked) == 1


async def test_the_deadline_holds_for_all_tries_together() -> None:
    class Slow(Far):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            await asyncio.Event().wait()
            raise AssertionError

    async with HttpWebhooks(Webhooks(allow=ALLOW), FakeClock(), transport=(slow := Slow(says()))) as hooks:
        with pytest.raises(DipFailed, match=r"within 0\.02 s"):
            await hooks.ask(WebRequest(URL, "post", {}, 3), deadline_s=0.02)
    assert len(slow.asked) == 1


@pytest.mark.fault("E9", "another system that keeps failing")
async def test_a_host_that_keeps_failing_is_left_alone_then_probed_once() -> None:
    clock, far = FakeClock(), Far(httpx.ConnectError("refused"))
    request = WebRequest(URL, "post", {}, 0)
    async with HttpWebhooks(Webhooks(allow=ALLOW, open_after=2, open_s=30), clock, transport=far) as hooks:
        for _ in range(5):
            with pytest.raises(DipFailed):
                await hooks.ask(request, deadline_s=1)
        assert len(far.asked) == 2
        clock.advance(31)
        for _ in range(2):  # the probe fails: left alone again
            with pytest.raises(DipFailed):
                await hooks.ask(request, deadline_s=1)
        assert len(far.asked) == 3
        clock.advance(31)
        far.answers = [says()]
        for _ in range(3):
            await hooks.ask(request, deadline_s=1)
        assert len(far.asked) == 6


async def test_while_a_host_is_probed_nobody_else_asks_it() -> None:
    clock, going = FakeClock(), asyncio.Event()

    class Held(Far):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.answers:
                return await super().handle_async_request(request)
            self.asked.append(request)
            await going.wait()
            return raw(b"{}")(request)

    far = Held(httpx.ConnectError("refused"))
    request = WebRequest(URL, "post", {}, 0)
    async with HttpWebhooks(Webhooks(allow=ALLOW, open_after=1, open_s=30), clock, transport=far) as hooks:
        with pytest.raises(DipFailed):
            await hooks.ask(request, deadline_s=1)
        clock.advance(31)
        far.answers = []
        probe = asyncio.create_task(hooks.ask(request, deadline_s=1))
        for _ in range(5):
            await asyncio.sleep(0)
        with pytest.raises(DipFailed, match="left alone"):
            await hooks.ask(request, deadline_s=1)
        going.set()
        assert await probe == {}
        assert await hooks.ask(request, deadline_s=1) == {}


async def test_a_failing_host_does_not_close_the_way_to_another() -> None:
    far = Far(lambda request: raw(b"{}", 503 if request.url.host == "crm.example" else 200)(request))
    async with HttpWebhooks(Webhooks(allow=ALLOW, open_after=1), FakeClock(), transport=far) as hooks:
        for _ in range(2):
            with pytest.raises(DipFailed):
                await hooks.ask(WebRequest(URL, "post", {}, 0), deadline_s=1)
        assert await hooks.ask(WebRequest("http://10.0.0.5:8080/hooks", "post", {}, 0), deadline_s=1) == {}


async def test_bad_answers_do_not_open_the_circuit() -> None:
    far = Far(says(status=404))
    async with HttpWebhooks(Webhooks(allow=ALLOW, open_after=2), FakeClock(), transport=far) as hooks:
        for _ in range(6):
            with pytest.raises(DipFailed, match="404"):
                await hooks.ask(WebRequest(URL, "post", {}, 0), deadline_s=1)
