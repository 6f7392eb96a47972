"""Text messages on their way out: the post of a node, and what the gateway's answers mean."""

import asyncio
import json

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ivr.messages import HttpGateway, MessageFigures, Post, Taken
from ivr.messages.gateway import Answered
from ivr.messages.post import AT_ONCE, COUNT_EVERY_S
from ivr.ports import TextMessage
from ivr.settings import Messages
from ivr.testing.clock import FakeClock
from ivr.testing.selfservice import MemoryMessenger
from ivr.testing.store import MemoryStore
from models.outbox import Outgoing
from routing.errors import StoreAway

HELD = Outgoing(1, "c1:tell-1", "+8613800000001", "您好", 1)
GATEWAY = Messages(gateway="https://sms.example/send", sender="95599")


class FakeGateway:
    """Takes messages, or answers as told."""

    def __init__(self, *answers: Answered) -> None:
        self.answers, self.delivered = list(answers), list[Outgoing]()

    async def deliver(self, message: Outgoing) -> Answered:
        self.delivered.append(message)
        await asyncio.sleep(0)
        return self.answers.pop(0) if self.answers else Answered(Taken.SENT)


class World:
    """An outbox, a gateway, a clock, a node."""

    def __init__(self, *answers: Answered, gateway: bool = True) -> None:
        self.clock, self.store = FakeClock(), MemoryStore()
        self.outbox = MemoryMessenger(self.store)
        self.gateway = FakeGateway(*answers)
        self.post = Post(self.outbox, self.gateway if gateway else None, self.clock)

    async def taken(self, count: int = 1) -> None:
        for number in range(count):
            await self.outbox.send(TextMessage("+8613800000001", "hello", f"k{number}"), now=self.clock.now())

    @property
    def states(self) -> list[str]:
        return [row.state for row in self.store.outbox]


async def test_what_is_due_is_handed_to_the_gateway_and_written_down() -> None:
    world = World()
    await world.taken(AT_ONCE + 2)
    assert await world.post.turn()
    assert len(world.gateway.delivered) == AT_ONCE
    assert await world.post.turn()
    assert not await world.post.turn()
    assert world.states == ["sent"] * (AT_ONCE + 2)
    assert world.post.sent == AT_ONCE + 2


async def test_a_message_that_was_not_taken_is_tried_again_after_its_pause() -> None:
    world = World(Answered(Taken.LATER, "503"))
    await world.taken()
    await world.post.turn()
    assert not await world.post.turn()
    world.clock.advance(30)
    assert await world.post.turn()
    assert [one.tries for one in world.gateway.delivered] == [1, 2]
    assert world.states == ["sent"]


async def test_a_message_that_is_refused_is_given_up_at_once() -> None:
    world = World(Answered(Taken.REFUSED, "400 no such number"))
    await world.taken()
    await world.post.turn()
    assert (world.states, world.store.outbox[0].fault) == (["failed"], "400 no such number")
    assert (world.post.failed, world.post.tried_again) == (1, 0)


async def test_a_message_that_is_given_up_after_its_last_try_counts_as_given_up() -> None:
    world = World(*[Answered(Taken.LATER, "503")] * 2)
    world.outbox = MemoryMessenger(world.store, most_tries=2)
    world.post = Post(world.outbox, world.gateway, world.clock)
    await world.taken()
    await world.post.turn()
    assert (world.post.failed, world.post.tried_again) == (0, 1)
    world.clock.advance(30)
    await world.post.turn()
    assert (world.states, world.post.failed, world.post.tried_again) == (["failed"], 1, 1)


async def test_what_became_of_a_message_whose_claim_had_lapsed_is_not_counted() -> None:
    world = World(Answered(Taken.REFUSED, "400"))
    await world.taken()

    class Slow(FakeGateway):
        async def deliver(self, message: Outgoing) -> Answered:
            world.clock.advance(60)
            await MemoryMessenger(world.store, "node-b").claim(now=world.clock.now(), lease_s=30, most=1)
            return await super().deliver(message)

    slow = Post(world.outbox, Slow(Answered(Taken.REFUSED, "400")), world.clock)
    await slow.turn()
    assert (slow.failed, slow.tried_again) == (0, 0)


async def test_without_a_gateway_messages_wait_and_are_counted() -> None:
    world = World(gateway=False)
    await world.taken(3)
    assert not await world.post.turn()
    assert (world.states, world.post.waiting) == (["waiting"] * 3, 3)


async def test_the_figures_tell_what_waits_and_what_became_of_tries() -> None:
    world = World(Answered(Taken.LATER, "503"), Answered(Taken.REFUSED, "400"))
    MessageFigures(world.post, registry := CollectorRegistry())
    await world.taken(3)
    await world.post.turn()
    world.clock.advance(COUNT_EVERY_S)
    await world.post.turn()
    told = generate_latest(registry).decode()
    assert "ringwise_messages_waiting 1.0" in told
    for outcome in ("sent", "refused", "later"):
        assert f'ringwise_messages_total{{outcome="{outcome}"}} 1.0' in told


async def test_a_store_that_goes_away_meanwhile_costs_a_second_delivery_at_most() -> None:
    world = World()
    await world.taken()

    class Cutting(FakeGateway):
        async def deliver(self, message: Outgoing) -> Answered:
            world.store.away = True
            return await super().deliver(message)

    cutting = Cutting()
    post = Post(world.outbox, cutting, world.clock)
    await post.turn()
    with pytest.raises(StoreAway):
        await post.turn()
    world.store.away = False
    assert not await post.turn()  # still held
    world.clock.advance(60)
    await world.post.turn()
    assert world.states == ["sent"]
    assert cutting.delivered[0].key == world.gateway.delivered[0].key


async def test_the_post_goes_on_whatever_happens() -> None:
    world = World()
    world.store.away = True
    running = asyncio.create_task(world.post.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.away = False
    await world.taken()
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert world.states == ["sent"]


async def delivered(answer: httpx.Response | Exception, secret: str = "s3cret") -> tuple[Answered, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def far(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))

    async with HttpGateway(GATEWAY, secret, transport=httpx.MockTransport(far)) as gateway:
        return await gateway.deliver(HELD), asked


async def test_the_gateway_gets_id_receiver_text_and_sender_with_the_secret() -> None:
    answered, (asked,) = await delivered(httpx.Response(202))
    assert answered == Answered(Taken.SENT)
    assert (asked.method, str(asked.url)) == ("POST", "https://sms.example/send")
    assert json.loads(asked.content) == {"id": HELD.key, "to": HELD.to, "text": "您好", "sender": "95599"}
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert asked.headers["idempotency-key"] == HELD.key


async def test_without_a_secret_no_authorization_is_sent() -> None:
    _, (asked,) = await delivered(httpx.Response(200), secret="")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, "sent"), (204, "sent"), (302, "later"), (400, "refused"), (401, "refused"), (404, "refused"), (408, "later"),
     (429, "later"), (500, "later"), (503, "later")],
)  # fmt: skip
async def test_the_status_says_what_became_of_the_message(status: int, taken: str) -> None:
    answered, asked = await delivered(httpx.Response(status, headers={"location": "https://evil.example/"}))
    assert answered.taken == taken
    assert len(asked) == 1


async def test_the_gateways_words_are_kept_in_short() -> None:
    answered, _ = await delivered(httpx.Response(400, text="no such\r\nnumber" + "x" * 9000))
    assert answered.fault.startswith("400 no such number")
    assert len(answered.fault) < 200


async def test_a_gateway_that_cannot_be_reached_or_is_silent_is_tried_again() -> None:
    answered, _ = await delivered(httpx.ConnectError("refused"))
    assert (answered.taken, answered.fault) == (Taken.LATER, "ConnectError: refused")

    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with HttpGateway(GATEWAY, "", transport=httpx.MockTransport(silent), deadline_s=0.02) as gateway:
        assert await gateway.deliver(HELD) == Answered(Taken.LATER, "no answer within 0.02 s")
