"""Refusing a call on the desktop: the phone falls silent, the caller keeps their age, and races do nothing bad."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ivr.errors import SwitchAway
from ivr.offer_rules import Offers, RefusalReason, Refusals
from ivr.offered import LOOK_FOR_PHONE_S, OfferedCalls
from ivr.ports import Arrival, ChannelSeen, Dialled, DialStatus, NeedWish, PhoneAnswered
from ivr.queues import Queue, Queues
from ivr.testing.exchange import MemoryExchange
from ivr.testing.line import HangUp
from ivr.testing.stage import TO_AGENT, Stage
from menus.facts import CallerFacts
from routing.set_aside import OfferRules, RefusalRule

REASONS = {"wrong_skill": RefusalReason(en="Wrong skill", zh="技能不符")}
RULES = OfferRules(refusals=RefusalRule(reasons=frozenset(REASONS)))


class Refusing(Stage):
    """A node on which agents may refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = MemoryExchange(self.store, "node-a", RULES)
        object.__setattr__(self.parts, "exchange", self.exchange)
        offers = Offers(refusals=Refusals(reasons=REASONS))
        table = Queues(version=1, queues={"general": Queue(skills={})}, offers=offers).table("UTC")
        self.offered = OfferedCalls(
            self.exchange, self.roster, self.switchboard, self.log, self.clock, table, self.parts.live
        )

    async def refuse(self, reason: str = "wrong_skill") -> bool:
        """The agent who has the newest offer refuses it."""
        offer = self.offer
        return await self.offered.refuse(offer.agent_id, offer.id, offer.fence, reason)

    @asynccontextmanager
    async def silencing(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.offered.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_a_call_refused_while_it_rings_goes_to_the_next_agent_with_its_age() -> None:
    stage = Refusing()
    grace, tom = stage.agent("grace"), stage.agent("tom")
    leg = stage.leg(TO_AGENT)
    leg.dials = [Dialled(DialStatus.UNREACHABLE), Dialled(DialStatus.ANSWERED, 30)]

    async def ring(phone: str) -> None:
        if phone == "PJSIP/grace":
            assert await stage.refuse()

    leg.on_dial = ring
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/tom"]
    assert (grace.state, tom.state) == ("ready", "wrap_up")
    assert [offer.state for offer in stage.store.offers.values()] == ["refused", "completed"]
    assert [offer.refused_for for offer in stage.store.offers.values()] == ["wrong_skill", None]
    assert stage.told("refused") == [{"agent": "grace", "reason": "wrong_skill"}]
    assert [closed["how"] for closed in stage.told("offer_closed")] == ["closed_before", "talked"]


async def test_a_call_refused_as_soon_as_it_pops_is_never_rung() -> None:
    stage = Refusing()
    grace = stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(after_s=5))
    pop = stage.desk.pop

    async def refused(*key: object, **how: object) -> bool:
        assert await stage.refuse()
        return await pop(*key, **how)  # type: ignore[arg-type]

    stage.desk.pop = refused  # type: ignore[method-assign]
    await stage.take(leg)
    assert leg.rung == []
    assert (grace.state, stage.need.outcome) == ("ready", "abandoned")


async def test_only_the_refused_phone_falls_silent_and_only_while_it_rings() -> None:
    stage = Refusing()
    stage.agent("grace")
    await _offer(stage)
    rings, talks, other = (
        ChannelSeen("call-1", "PJSIP/grace-1", False, up=False),
        ChannelSeen("call-2", "PJSIP/grace-2", True),
        ChannelSeen("call-1", "PJSIP/trunk-1", False, up=False),
    )
    stage.switchboard.seen = {one.channel: one for one in (rings, talks, other)}
    assert await stage.refuse()
    async with stage.silencing():
        while rings.channel in stage.switchboard.seen:
            await asyncio.sleep(0)
    assert set(stage.switchboard.seen) == {talks.channel, other.channel}


async def test_a_phone_that_does_not_ring_yet_is_looked_for_until_the_last_look_also_while_the_switch_is_away() -> None:
    stage = Refusing()
    stage.agent("grace")
    await _offer(stage)
    looks: list[float] = []

    async def look(call_id: str, phone: str) -> bool:
        looks.append(round(stage.clock.monotonic(), 3))
        if len(looks) == 2:
            raise SwitchAway
        return False

    stage.switchboard.stop_ringing = look  # type: ignore[method-assign]
    assert await stage.refuse()
    begun = stage.clock.monotonic()
    async with stage.silencing():
        while len(looks) < len(LOOK_FOR_PHONE_S):
            await asyncio.sleep(0)
    assert [at >= begun + due for at, due in zip(looks, LOOK_FOR_PHONE_S, strict=True)] == [True] * len(looks)


@pytest.mark.parametrize("told", [True, False])
async def test_who_refuses_and_picks_up_in_the_same_moment_talks_alone_and_wraps_up(told: bool) -> None:
    stage = Refusing()
    grace, tom = stage.agent("grace"), stage.agent("tom")
    leg = stage.leg(TO_AGENT)
    meanwhile: list[tuple[str, str]] = []

    async def crosses(phone: str) -> None:
        assert await stage.refuse()
        await stage.dispatcher.round()
        assert tom.state == "offered"
        if told:  # else the switch's word was lost
            await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-1"))
        meanwhile.append((grace.state, tom.state))
        stage.clock.advance(60)

    leg.on_dial, leg.dials = crosses, [Dialled(DialStatus.ANSWERED, 60)]
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"]
    assert meanwhile == [("busy", "ready") if told else ("ready", "offered")]
    assert (grace.state, tom.state, stage.need.outcome) == ("wrap_up", "ready", "served")
    assert [offer.state for offer in stage.store.offers.values()] == ["completed", "withdrawn"]
    assert stage.store.offers[1].refused_for is None


async def test_what_can_no_longer_be_refused_stays_as_it_is() -> None:
    stage = Refusing()
    grace = stage.agent("grace")
    await _offer(stage)
    assert not await stage.refuse("bored")
    await stage.exchange.answered(stage.offer.id, stage.offer.fence, now=stage.clock.now())
    assert not await stage.refuse()
    assert (grace.state, stage.offer.state, stage.told("refused")) == ("busy", "answered", [])


async def _offer(stage: Stage) -> None:
    """A call that is offered; its own line is not played."""
    arrival = Arrival("call-1", "call-1", "PJSIP/trunk-1", None, "", "")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    await stage.exchange.open_need("call-1", NeedWish("general", {"general": 1}, "en", "x"), now=stage.clock.now())
    await stage.dispatcher.round()
