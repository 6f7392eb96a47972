"""What every store promises about a phone that is answered in the moment in which its offer was refused or lapsed."""

import pytest

from ivr.testing.world import WISH, T
from routing.agent import AgentEvent, AgentState
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent
from routing.set_aside import OfferRules, RefusalRule

REASONS = frozenset({"wrong_skill", "technical"})


@pytest.fixture
def by_rules(world):
    """The same world, where agents may refuse."""
    world.exchange = world.exchange_by(OfferRules(refusals=RefusalRule(2, REASONS, frozenset({"technical"}))))
    return world


async def refused(world, reason="wrong_skill") -> Claimed:
    """An offer that its agent has just refused."""
    claim = await world.offered()
    assert await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, reason, now=T + 3)
    return claim


async def offered_next(world, now: float) -> Claimed:
    claim = await world.exchange.claim(await world.decision(now=now), node="node-b", now=now, lease_s=15)
    assert isinstance(claim, Claimed)
    return claim


async def test_who_refused_and_picked_up_all_the_same_talks_and_nobody_else_is_held_for_it(by_rules):
    world = by_rules
    claim = await refused(world)
    other = await world.agent("other", ready_at=T + 2)
    second = await offered_next(world, T + 3)
    assert await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 4)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    card = await world.roster.card(other)
    assert (card.state, card.since) == (AgentState.READY, T + 2)
    assert not await world.exchange.answered(second.offer_id, second.fence, now=T + 5)
    (need,) = (await world.exchange.snapshot(now=T + 5)).needs
    assert need.state is NeedState.TALKING
    standing = await world.exchange.standing("c1", now=T + 5)
    assert (standing.offer, standing.answered) == (claim, True)
    assert (await world.talks.of("c1")).answered_at == T + 4
    key = (claim.offer_id, claim.fence)
    assert await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 60, wrap_up_s=30)
    assert (await world.roster.card(claim.agent_id)).wrap_up_until == T + 90
    assert (await world.exchange.snapshot(now=T + 60)).needs == ()


async def test_a_refusal_that_the_answer_has_overtaken_counts_for_nothing(by_rules):
    world = by_rules
    for number, at in enumerate((T, T + 100)):
        if number:
            await world.call("c2", now=at)
            await world.exchange.open_need("c2", WISH, now=at)
            claim = await offered_next(world, at)
            await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, "wrong_skill", now=at + 3)
        else:
            claim = await refused(world)
            assert await world.exchange.answered_late(claim.offer_id, claim.fence, now=at + 4)
            key = (claim.offer_id, claim.fence)
            await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=at + 5, wrap_up_s=0)
            await world.sweep(now=at + 6)
    assert await world.state(claim.agent_id) is AgentState.READY, "one refusal, not two"


async def test_another_caller_who_was_offered_to_them_meanwhile_waits_on_with_their_age(by_rules):
    world = by_rules
    claim = await refused(world)
    await world.call("c2", now=T + 1)
    await world.exchange.open_need("c2", WISH, now=T + 1)
    meanwhile = await offered_next(world, T + 3)
    assert (meanwhile.call_id, meanwhile.agent_id) == ("c2", claim.agent_id)
    assert await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 4)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    needs = {need.call_id: need for need in (await world.exchange.snapshot(now=T + 5)).needs}
    assert (needs["c1"].state, needs["c2"].state, needs["c2"].since) == (NeedState.TALKING, NeedState.WAITING, T + 1)


async def test_an_offer_that_lapsed_while_its_phone_was_picked_up_is_answered_after_all(world):
    claim = await world.offered()
    assert (await world.sweep(now=T + 15)).offers_expired == 1
    assert await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 15)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    assert (await world.sweep(now=T + 16)).offers_expired == 0


async def test_the_pause_that_a_reason_brought_is_undone_and_one_of_their_own_comes_after_the_talk(by_rules):
    world = by_rules
    claim = await refused(world, "technical")
    assert await world.state(claim.agent_id) is AgentState.PAUSED
    await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 4)
    assert (await world.roster.card(claim.agent_id)).pause_after is None
    key = (claim.offer_id, claim.fence)
    await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 5, wrap_up_s=0)
    await world.sweep(now=T + 6)
    await world.call("c2", now=T + 7)
    await world.exchange.open_need("c2", WISH, now=T + 7)
    claim = await offered_next(world, T + 7)
    await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, "wrong_skill", now=T + 8)
    await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 8, reason="meal")
    assert await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 9)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_after) == (AgentState.BUSY, "meal")


async def test_what_has_ended_in_another_way_or_is_talked_over_elsewhere_stays_as_it_is(by_rules):
    world = by_rules
    claim = await refused(world)
    other = await world.agent("other", ready_at=T + 2)
    second = await offered_next(world, T + 3)
    assert not await world.exchange.answered_late(claim.offer_id, claim.fence + 9, now=T + 4)
    assert not await world.exchange.answered_late(second.offer_id, second.fence, now=T + 4), "it is open"
    assert not await world.exchange.answered_late(999, 1, now=T + 4)
    await world.exchange.answered(second.offer_id, second.fence, now=T + 4)
    assert not await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 5)
    assert [await world.state(one) for one in (claim.agent_id, other)] == [AgentState.READY, AgentState.BUSY]
    await world.exchange.close_offer(second.offer_id, second.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=9)
    assert not await world.exchange.answered_late(claim.offer_id, claim.fence, now=T + 9), "the need is closed"
    assert not await world.exchange.answered_late(second.offer_id, second.fence, now=T + 9), "it is completed"
    await world.roster.say(claim.agent_id, AgentEvent.SIGN_OUT, now=T + 10)
    assert await world.state(claim.agent_id) is AgentState.LOGGED_OUT
