"""The bank behind a webhook, when it answers badly, late or not at all: BankAway, and no secret in what is told."""

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from ivr.bank.webhook import MOST_BYTES, WebhookBank
from ivr.errors import BankAway
from ivr.ports import BankAnswer, BankOrder, Claimant
from ivr.testing.bank import MemoryAccount, MemoryBank
from ivr.testing.bank_server import bank_app

BALANCE = BankOrder("balance", 7, {}, "call:0", "call")
PIN = Claimant("pin", "+8613800000001", secret="135790")


def bank(answering: Any) -> WebhookBank:
    return WebhookBank("https://bank.example/ivr", "s3cret", lookup_s=0.05, transport=httpx.MockTransport(answering))


def says(content: Any, status: int = 200, **headers: str) -> WebhookBank:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return bank(lambda request: httpx.Response(status, stream=httpx.ByteStream(body), headers=headers))


async def test_every_request_carries_the_secret_and_no_address_carries_anything() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"customer": 7, "verified": true}'))

    asked = bank(answer)
    await asked.whose(PIN, deadline_s=1)
    assert await asked.verify(PIN, 7, deadline_s=1)
    assert {request.headers["X-Ringwise-Secret"] for request in seen} == {"s3cret"}
    assert [str(request.url) for request in seen] == [
        "https://bank.example/ivr/whose",
        "https://bank.example/ivr/verify",
    ]
    assert "135790" not in seen[0].content.decode()  # the PIN goes with `verify` alone


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[1]",
        b"[" * 100_000,
        b'{"values": 1}',
        b'{"values": {"balance": {"cents": "1", "currency": "CNY"}}}',
        b'{"values": {"balance": 5}}',
        b'{"values": {}}',
        b'{"refusal": 5}',
        b"x" * (MOST_BYTES + 1),
    ],
)
async def test_an_answer_that_is_none_counts_as_no_answer(answer: bytes) -> None:
    with pytest.raises(BankAway):
        await says(answer).perform(BALANCE, now=0, deadline_s=1)


@pytest.mark.parametrize("status", [201, 204, 301, 307, 400, 401, 404, 500, 503])
async def test_only_status_200_is_an_answer_and_no_redirect_is_followed(status: int) -> None:
    told = says({"values": {"balance": {"cents": 1, "currency": "CNY"}}}, status, location="https://elsewhere.example/")
    with pytest.raises(BankAway, match=str(status)):
        await told.perform(BALANCE, now=0, deadline_s=1)


async def test_an_answer_that_would_have_to_be_unpacked_first_is_none() -> None:
    packed = gzip.compress(b'{"values": {"balance": {"cents": 1, "currency": "CNY"}}}')
    told = says(packed, **{"content-encoding": "gzip"})
    with pytest.raises(BankAway):
        await told.perform(BALANCE, now=0, deadline_s=1)


async def test_a_row_that_the_operation_does_not_know_is_refused() -> None:
    row = {"kind": "sideways", "values": {}}
    with pytest.raises(BankAway):
        await says({"rows": [row]}).perform(BankOrder("transactions", 7, {}, "k", "c"), now=0, deadline_s=1)


async def test_values_that_nobody_asked_for_are_left_out() -> None:
    money = {"cents": 1, "currency": "CNY"}
    told = says({"values": {"balance": money, "verified_as": 9}})
    assert (await told.perform(BALANCE, now=0, deadline_s=1)).values.keys() == {"balance"}


async def test_a_word_for_no_is_taken_and_cut_to_length() -> None:
    assert await says({"refusal": "x" * 999}).perform(BALANCE, now=0, deadline_s=1) == BankAnswer(refusal="x" * 40)


@pytest.mark.parametrize("said", [{"verified": "true"}, {"verified": 1}, {}, {"verified": None}])
async def test_nothing_but_true_verifies(said: Any) -> None:
    with pytest.raises(BankAway):
        await says(said).verify(PIN, 7, deadline_s=1)


@pytest.mark.parametrize("said", [{"customer": said} for said in ("7", True, [7], 0, -7, 2**63)] + [{}])
async def test_nothing_but_an_id_or_null_is_a_customer(said: Any) -> None:
    with pytest.raises(BankAway):
        await says(said).whose(PIN, deadline_s=1)


async def test_nobody_is_verified_even_if_the_bank_says_so() -> None:
    assert not await says({"verified": True}).verify(PIN, None, deadline_s=1)


async def test_a_bank_that_is_late_is_away() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(BankAway, match=r"within 0\.05 s"):
        await bank(never).perform(BALANCE, now=0, deadline_s=0.05)
    with pytest.raises(BankAway, match=r"within 0\.07 s"):
        await bank(never).customer(7, now=0, deadline_s=0.07)
    assert await bank(never).customers_by_number("+8613800000001", now=0) == ()


async def test_a_bank_that_cannot_be_reached_is_away_and_no_secret_is_in_the_message() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot send {request.content!r}")

    with pytest.raises(BankAway) as away:
        await bank(refuse).verify(PIN, 7, deadline_s=1)
    assert "135790" not in str(away.value)
    assert away.value.__cause__ is None


async def test_a_stranger_is_not_served() -> None:
    app = bank_app(MemoryBank(accounts=(MemoryAccount(7, pin="135790", account="1"),)), "another secret")
    stranger = WebhookBank("http://bank", "s3cret", lookup_s=1, transport=httpx.ASGITransport(app))
    with pytest.raises(BankAway, match="401"):
        await stranger.perform(BALANCE, now=0, deadline_s=1)


async def test_customers_of_another_shape_are_nobody_to_the_pop_and_away_to_those_who_need_one() -> None:
    broken = says({"customers": [{"id": 7}], "customer": {"id": 7}})
    assert await broken.customers_by_number("+8613800000001", now=0) == ()
    with pytest.raises(BankAway, match="no customer"):
        await broken.customer(7, now=0, deadline_s=5)


async def test_a_customer_whose_id_no_table_can_keep_is_none() -> None:
    app = bank_app(MemoryBank(accounts=(MemoryAccount(2**63, ("+8613800000001",)),)), "s3cret")
    bank = WebhookBank("http://bank", "s3cret", lookup_s=5, transport=httpx.ASGITransport(app))
    assert await bank.customers_by_number("+8613800000001", now=0) == ()
    with pytest.raises(BankAway, match="at id"):
        await bank.customer(2**63, now=0, deadline_s=5)
