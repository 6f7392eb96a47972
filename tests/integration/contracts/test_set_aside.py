"""What every store promises about agents who miss or refuse offers: what is counted, who is set aside, for how long."""

import pytest

from ivr.testing.world import WISH, T
from routing.agent import AgentEvent, AgentState
from routing.decision import decide
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent
from routing.set_aside import MissRule, OfferRules, RefusalRule
from routing.views import Swept

RULES = OfferRules(
    MissRule(most=3, within_s=600, pause_s=5),
    RefusalRule(most_an_hour=3, reasons=frozenset({"wrong_skill", "technical"}), pausing=frozenset({"technical"})),
)


@pytest.fixture
def by_rules(world):
    """The same world, with rules that forgive."""
    world.exchange = world.exchange_by(RULES)
    return world


async def offer_again(world, *, now: float) -> Claimed:
    """The next offer of whoever waits to whoever is ready."""
    claim = await world.exchange.claim(await world.decision(now=now), node="node-a", now=now, lease_s=15)
    assert isinstance(claim, Claimed)
    return claim


async def test_a_miss_below_the_most_sets_aside_for_a_moment_only(by_rules):
    world = by_rules
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 15, wrap_up_s=0)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.set_aside, card.back_at, card.misses) == (AgentState.MISSED, "missed", T + 20, 1)
    assert await world.sweep(now=T + 19) == Swept()
    assert await world.sweep(now=T + 20) == Swept(misses_over=1)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.set_aside, card.back_at, card.misses) == (AgentState.READY, None, None, 1)


async def test_the_last_of_so_many_misses_in_a_row_sets_aside_until_the_agent_says_ready(by_rules):
    world = by_rules
    claim = await world.offered()
    for number, event in enumerate([OfferEvent.MISS, OfferEvent.DECLINE, OfferEvent.FAIL]):
        at = T + 100 * number
        if number:
            claim = await offer_again(world, now=at)
        assert await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=at + 15, wrap_up_s=0)
        await world.sweep(now=at + 30)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.set_aside, card.back_at, card.misses) == (AgentState.MISSED, "unreachable", None, 3)
    await world.roster.say(claim.agent_id, AgentEvent.READY, now=T + 400)
    assert await world.state(claim.agent_id) is AgentState.READY


async def test_an_answer_and_time_and_a_new_shift_make_misses_forgotten(by_rules):
    world = by_rules
    claim = await world.offered()
    agent = claim.agent_id
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 15, wrap_up_s=0)
    await world.sweep(now=T + 20)
    claim = await offer_again(world, now=T + 700)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 715, wrap_up_s=0)
    assert (await world.roster.card(agent)).misses == 1  # the first is older than `within_s`
    await world.sweep(now=T + 720)
    claim = await offer_again(world, now=T + 721)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 725)
    assert (await world.roster.card(agent)).misses == 0
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 730, wrap_up_s=0)
    await world.sweep(now=T + 731)
    await world.call("c2", now=T + 740)
    await world.exchange.open_need("c2", WISH, now=T + 740)
    claim = await offer_again(world, now=T + 740)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 750, wrap_up_s=0)
    await world.roster.say(agent, AgentEvent.SIGN_OUT, now=T + 751)
    card = await world.roster.say(agent, AgentEvent.SIGN_IN, now=T + 752)
    assert (card.misses, card.set_aside) == (0, None)


async def test_a_refused_need_keeps_its_age_and_is_never_offered_to_that_agent_again(by_rules):
    world = by_rules
    claim = await world.offered()
    refused = await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, "wrong_skill", now=T + 3)
    assert refused == claim
    snapshot = await world.exchange.snapshot(now=T + 3)
    (need,) = snapshot.needs
    assert (need.state, need.since, need.refused_by) == (NeedState.WAITING, T, {claim.agent_id})
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.since) == (AgentState.READY, T + 3)
    assert decide(snapshot, T + 3) == ()
    other = await world.agent("other", ready_at=T + 4)
    assert (await world.decision(now=T + 4)).agent_id == other


async def test_a_reason_may_pause_the_agent(by_rules):
    world = by_rules
    claim = await world.offered()
    await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, "technical", now=T + 3)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason) == (AgentState.PAUSED, "refused")


async def test_a_pause_asked_for_before_comes_before_what_the_reason_says(by_rules):
    world = by_rules
    claim = await world.offered()
    await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 1, reason="meal")
    await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence, "technical", now=T + 3)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason) == (AgentState.PAUSED, "meal")


@pytest.mark.fault("G10", "refusing a call that is over or answered")
async def test_an_offer_that_was_answered_withdrawn_or_refused_before_is_not_refused(by_rules):
    world = by_rules
    claim = await world.offered()
    key = (claim.offer_id, claim.fence)
    assert await world.exchange.refuse(claim.agent_id + 1, *key, "wrong_skill", now=T + 2) is None
    assert await world.exchange.refuse(claim.agent_id, claim.offer_id, claim.fence + 1, "wrong_skill", now=T) is None
    await world.exchange.answered(*key, now=T + 3)
    assert await world.exchange.refuse(claim.agent_id, *key, "wrong_skill", now=T + 4) is None
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=9)
    assert await world.exchange.refuse(claim.agent_id, *key, "wrong_skill", now=T + 10) is None
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    with pytest.raises(ValueError, match="no reason to refuse is called 'bored'"):
        await world.exchange.refuse(claim.agent_id, *key, "bored", now=T + 10)


async def test_too_many_refusals_in_an_hour_set_aside(by_rules):
    world = by_rules
    claim = await world.offered()
    agent = claim.agent_id
    states = []
    for number, minutes in enumerate([0, 50, 65, 70]):
        at = T + minutes * 60
        if number:
            await world.call(f"r{number}", now=at)
            await world.exchange.open_need(f"r{number}", WISH, now=at)
            claim = await offer_again(world, now=at)
        await world.exchange.refuse(agent, claim.offer_id, claim.fence, "wrong_skill", now=at + 1)
        states.append(await world.state(agent))
    assert states == [AgentState.READY, AgentState.READY, AgentState.READY, AgentState.MISSED]
    card = await world.roster.card(agent)
    assert (card.set_aside, card.back_at) == ("refusals", None)
