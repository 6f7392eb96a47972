"""What every store promises about offers: from pop to wrap-up, and nothing on a stale fence."""

import pytest

from ivr.testing.world import T
from routing.agent import AgentState
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent
from routing.views import OfferSeen


async def test_an_offer_runs_from_pop_to_wrap_up(world):
    claim = await world.offered()
    key = (claim.offer_id, claim.fence)
    assert await world.exchange.popped(*key, now=T + 0.1)
    assert await world.exchange.ringing(*key, now=T + 0.2, lease_s=20)
    assert await world.exchange.answered(*key, now=T + 4)
    assert (await world.exchange.standing("c1", now=T + 5)).answered
    assert await world.state(claim.agent_id) is AgentState.BUSY
    seen = await world.roster.offer_of(claim.agent_id)
    assert seen == OfferSeen(
        *key, "c1", "answered", "general", "balance", T, T, popped_at=T + 0.1, ringing_at=T + 0.2, answered_at=T + 4
    )
    assert await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 90, wrap_up_s=30)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.wrap_up_until, card.since) == (AgentState.WRAP_UP, T + 120, T + 90)
    assert await world.exchange.standing("c1", now=T + 90) is None
    assert await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="solved", note="好", now=T + 95)
    after = await world.roster.offer_of(claim.agent_id)
    assert (after.state, after.disposition, after.note, after.closed_at) == ("completed", "solved", "好", T + 90)


async def test_an_answer_reported_twice_is_stored_once(world):
    claim = await world.offered()
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 9)
    assert (await world.roster.offer_of(claim.agent_id)).answered_at == T + 4


async def test_a_conversation_whose_answer_was_never_reported_can_still_be_completed(world):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 60, wrap_up_s=9)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert (await world.roster.offer_of(claim.agent_id)).answered_at == T + 60


@pytest.mark.parametrize("event", [OfferEvent.MISS, OfferEvent.DECLINE, OfferEvent.FAIL])
async def test_an_agent_who_does_not_answer_is_set_aside_and_the_need_goes_back_with_its_age(world, event):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 15, wrap_up_s=30)
    assert await world.state(claim.agent_id) is AgentState.MISSED
    (need,) = (await world.exchange.snapshot(now=T + 15)).needs
    assert (need.state, need.since, need.not_agents) == (NeedState.WAITING, T, {claim.agent_id})
    assert need.version > claim.fence
    assert await world.roster.offer_of(claim.agent_id) is None


@pytest.mark.parametrize("event", [OfferEvent.WITHDRAW, OfferEvent.EXPIRE])
async def test_an_offer_that_ends_without_the_agents_doing_gives_them_back_their_idle_time(world, event):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 5, wrap_up_s=30)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.since) == (AgentState.READY, T - 60)
    (need,) = (await world.exchange.snapshot(now=T + 5)).needs
    assert (need.state, need.not_agents) == (NeedState.WAITING, frozenset())


@pytest.mark.fault("F14", "a node wakes up after its offers have passed to others")
async def test_a_stale_fence_changes_nothing(world):
    claim = await world.offered()
    old = (claim.offer_id, claim.fence)
    assert await world.exchange.close_offer(*old, OfferEvent.EXPIRE, now=T + 1, wrap_up_s=0)
    fresh = await world.exchange.claim(await world.decision(now=T + 2), node="node-b", now=T + 2, lease_s=15)
    assert isinstance(fresh, Claimed)
    assert fresh.fence > claim.fence
    before = await world.roster.offer_of(claim.agent_id), await world.exchange.snapshot(now=T)
    for stale in (old, (fresh.offer_id, claim.fence), (fresh.offer_id, fresh.fence + 1), (999, fresh.fence)):
        assert not await world.exchange.popped(*stale, now=T + 3)
        assert not await world.exchange.ringing(*stale, now=T + 3, lease_s=60)
        assert not await world.exchange.answered(*stale, now=T + 3)
        for event in (OfferEvent.COMPLETE, OfferEvent.MISS, OfferEvent.WITHDRAW):
            assert not await world.exchange.close_offer(*stale, event, now=T + 3, wrap_up_s=0)
    assert (await world.roster.offer_of(claim.agent_id), await world.exchange.snapshot(now=T)) == before


async def test_a_conversation_cannot_be_missed_withdrawn_or_rung(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    for event in (OfferEvent.MISS, OfferEvent.DECLINE, OfferEvent.FAIL, OfferEvent.WITHDRAW, OfferEvent.EXPIRE):
        assert not await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 5, wrap_up_s=0)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 5, lease_s=15)
    assert await world.state(claim.agent_id) is AgentState.BUSY
