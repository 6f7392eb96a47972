"""The post: takes messages that are due out of the outbox and hands them to the gateway, in the background."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ivr.messages.gateway import DEADLINE_S, Gateway, Taken
from ivr.numbers import masked
from ivr.ports import Clock
from models.outbox import NotSent, Outgoing
from routing.errors import StoreAway

log = structlog.get_logger()

#: Seconds between two looks into the outbox when nothing was due.
LOOK_EVERY_S = 1.0
#: Messages that one node has in hand at a time.
AT_ONCE = 10
#: How long a node holds a message: for the gateway's deadline, and to write down what came of it.
LEASE_S = DEADLINE_S + 20.0
#: Seconds between two counts of what waits.
COUNT_EVERY_S = 5.0


class Outbox(Protocol):
    """What the post needs of `models.outbox.Outbox`."""

    async def claim(self, *, now: float, lease_s: float, most: int) -> tuple[Outgoing, ...]: ...

    async def sent(self, message: Outgoing, *, now: float) -> bool: ...

    async def not_sent(self, message: Outgoing, fault: str, *, for_good: bool, now: float) -> NotSent | None: ...

    async def counts(self) -> Mapping[str, int]: ...


class Post:
    """One node's share of the sending. Without a gateway it only counts what waits."""

    def __init__(self, outbox: Outbox, gateway: Gateway | None, clock: Clock) -> None:
        self._outbox, self._gateway, self._clock = outbox, gateway, clock
        self._counted_at = float("-inf")
        self.waiting = 0  #: of all nodes, at the last count
        self.sent = 0  #: by this node
        self.failed = 0  #: given up by this node
        self.tried_again = 0  #: tries of this node that came to nothing yet

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                busy = await self.turn()
            except StoreAway:
                busy = False
                log.warning("the store is away; messages wait")
            except Exception:
                busy = False
                log.exception("messages could not be sent; they are tried again")
            if not busy:
                await self._clock.sleep(LOOK_EVERY_S)

    async def turn(self) -> bool:
        """One look into the outbox; whether there was something to send. Raises StoreAway."""
        if self._clock.monotonic() - self._counted_at >= COUNT_EVERY_S:
            self._counted_at = self._clock.monotonic()
            self.waiting = (await self._outbox.counts())["waiting"]
        if self._gateway is None:
            return False
        due = await self._outbox.claim(now=self._clock.now(), lease_s=LEASE_S, most=AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for message in due:
                group.create_task(self._send(self._gateway, message))
        return bool(due)

    async def _send(self, gateway: Gateway, message: Outgoing) -> None:
        answered = await gateway.deliver(message)
        try:
            await self._write_down(message, answered.taken, answered.fault)
        except StoreAway:  # the claim lapses and it is sent again; the gateway knows it by its id
            log.warning("the store is away; what became of a message could not be written down", id=message.id)

    async def _write_down(self, message: Outgoing, taken: Taken, fault: str) -> None:
        now = self._clock.now()
        if taken is Taken.SENT:
            self.sent += await self._outbox.sent(message, now=now)
            return
        for_good = taken is Taken.REFUSED
        log.warning("a message was not taken", id=message.id, to=masked(message.to), why=fault, for_good=for_good)
        became = await self._outbox.not_sent(message, fault, for_good=for_good, now=now)
        self.failed += became is NotSent.GIVEN_UP
        self.tried_again += became is NotSent.WAITS


class MessageFigures:
    """The post's own counters, for Prometheus."""

    def __init__(self, post: Post, registry: CollectorRegistry) -> None:
        self._post = post
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Every figure, as prometheus_client asks for them."""
        post = self._post
        yield GaugeMetricFamily(
            "ringwise_messages_waiting", "Text messages of all nodes that are not sent yet", value=post.waiting
        )
        ended = CounterMetricFamily("ringwise_messages", "Tries to send a message, by outcome", labels=["outcome"])
        for outcome, count in (("sent", post.sent), ("refused", post.failed), ("later", post.tried_again)):
            ended.add_metric([outcome], count)
        yield ended
