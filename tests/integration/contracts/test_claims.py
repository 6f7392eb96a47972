"""What every store promises about claims: a decision comes true for both sides or for neither."""

from dataclasses import replace

import pytest

from ivr.testing.world import SKILLS, WISH, T
from models.claims import Claims
from routing.agent import AgentEvent, AgentState
from routing.decision import Decision, decide
from routing.errors import StoreAway
from routing.need import NeedState
from routing.offer import Claimed, Lost, OfferEvent
from routing.terms import Overflow, Softening, Terms


async def test_a_claim_makes_a_decision_true_for_both_sides(world):
    claim = await world.offered()
    snapshot = await world.exchange.snapshot(now=T)
    assert snapshot.needs[0].state is NeedState.OFFERED
    assert snapshot.agents[0].state is AgentState.OFFERED
    assert decide(snapshot, T) == ()
    assert await world.state(claim.agent_id) is AgentState.OFFERED


async def test_the_same_decision_cannot_be_claimed_twice(world):
    await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    assert isinstance(await world.exchange.claim(decision, node="a", now=T, lease_s=15), Claimed)
    assert isinstance(await world.exchange.claim(decision, node="b", now=T, lease_s=15), Lost)


async def test_decisions_of_a_round_come_true_together_and_those_that_are_too_late_alone_are_lost(world):
    agents = [await world.agent(name) for name in ("anna", "bob", "carol")]
    for number in range(3):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", WISH, now=T + number)
    decisions = decide(await world.exchange.snapshot(now=T + 5), T + 5)
    assert len(decisions) == 3
    await world.exchange.close_need(decisions[0].call_id, "abandoned", now=T + 6)
    await world.roster.say(decisions[1].agent_id, AgentEvent.PAUSE, now=T + 6, reason="meal")
    claims = await world.exchange.claim_all(decisions, node="a", now=T + 7, lease_s=15)
    assert claims[:2] == (Lost("the need has moved on"), Lost("the agent has moved on"))
    assert isinstance(claims[2], Claimed)
    assert (claims[2].call_id, claims[2].agent_id) == (decisions[2].call_id, decisions[2].agent_id)
    states = [await world.state(agent) for agent in agents]
    assert sorted(states) == sorted([AgentState.READY, AgentState.PAUSED, AgentState.OFFERED])
    again = await world.exchange.claim_all(decisions, node="b", now=T + 7, lease_s=15)
    assert not any(isinstance(claim, Claimed) for claim in again)
    assert await world.exchange.claim_all((), node="a", now=T + 7, lease_s=15) == ()


async def test_a_need_and_an_agent_in_two_decisions_of_a_round_are_offered_once(world):
    await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    claims = await world.exchange.claim_all((decision, decision), node="a", now=T, lease_s=15)
    assert [isinstance(claim, Claimed) for claim in claims].count(True) == 1


async def test_the_terms_of_a_need_are_kept_and_a_need_stated_anew_takes_new_ones(world):
    terms = Terms(
        goal_s=20.0,
        preferred={"family": 2.0},
        most_level=3,
        agent_id=7,
        agent_wait_s=30.0,
        softening=(Softening(60, {"general": 1}, ("zh",)),),
        overflow=(Overflow("b", {}, 9),),
    )
    await world.call()
    stated = await world.exchange.open_need("c1", replace(WISH, terms=terms), now=T)
    kept = (await world.exchange.snapshot(now=T)).needs[0]
    assert (stated.terms, kept.terms) == (terms, terms)
    again = await world.exchange.open_need("c1", replace(WISH, terms=terms), now=T + 1)
    assert again.version == stated.version
    anew = await world.exchange.open_need("c1", WISH, now=T + 2)
    assert (anew.terms, anew.version) == (Terms(), stated.version + 1)


async def test_the_last_agent_is_the_one_who_talked_to_this_customer_or_number_last(world):
    claim = await world.offered()
    row = await world.row(claim.call_id)
    assert await world.exchange.last_agent(row.ani, row.customer_id, since=0.0) is None
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 5)
    found = [await world.exchange.last_agent(row.ani, row.customer_id, since=since) for since in (T, T + 6)]
    assert found == [claim.agent_id, None]
    assert await world.exchange.last_agent("+8613999999999", None, since=T) is None
    assert await world.exchange.last_agent(None, None, since=T) is None


async def test_an_agent_who_paused_since_the_snapshot_cannot_be_claimed_and_the_need_still_waits(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.roster.say(agent, AgentEvent.PAUSE, now=T, reason="meal")
    lost = await world.exchange.claim(decision, node="a", now=T, lease_s=15)
    assert lost == Lost("the agent has moved on")
    assert (await world.exchange.snapshot(now=T)).needs[0].state is NeedState.WAITING


async def test_an_agent_who_paused_and_is_ready_again_cannot_be_claimed_on_the_old_picture(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.roster.say(agent, AgentEvent.PAUSE, now=T + 1, reason="meal")
    await world.roster.say(agent, AgentEvent.READY, now=T + 2)
    assert isinstance(await world.exchange.claim(decision, node="a", now=T + 3, lease_s=15), Lost)


async def test_a_caller_who_left_since_the_snapshot_cannot_be_claimed_and_the_agent_stays_ready(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.exchange.close_need("c1", "abandoned", now=T)
    assert await world.exchange.claim(decision, node="a", now=T, lease_s=15) == Lost("the need has moved on")
    assert await world.state(agent) is AgentState.READY


async def test_a_need_that_was_offered_and_came_back_cannot_be_claimed_on_the_old_picture(world):
    await world.agent("anna")
    await world.agent("bob")
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    anna, bob = (await world.exchange.snapshot(now=T)).agents
    first = await world.decision()
    stale = Decision(first.need_id, first.need_version, bob.id, bob.version, "c1")
    claim = await world.exchange.claim(first, node="a", now=T, lease_s=15)
    assert claim.agent_id == anna.id
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 5, wrap_up_s=0)
    assert await world.exchange.claim(stale, node="b", now=T + 6, lease_s=15) == Lost("the need has moved on")
    assert await world.state(bob.id) is AgentState.READY


async def test_an_agent_who_is_not_ready_and_a_need_that_does_not_wait_cannot_be_claimed_even_as_they_are(world):
    claim = await world.offered()
    other = await world.agent("other")
    await world.roster.say(other, AgentEvent.PAUSE, now=T, reason="meal")
    await world.call("c2")
    waiting = await world.exchange.open_need("c2", WISH, now=T)
    (offered,) = [need for need in (await world.exchange.snapshot(now=T)).needs if need.id == claim.need_id]
    paused = await world.roster.card(other)
    wrong_agent = Decision(waiting.id, waiting.version, other, paused.version, "c2")
    assert await world.exchange.claim(wrong_agent, node="a", now=T, lease_s=15) == Lost("the agent has moved on")
    await world.roster.say(other, AgentEvent.READY, now=T)
    ready = await world.roster.card(other)
    wrong_need = Decision(offered.id, offered.version, other, ready.version, "c1")
    assert await world.exchange.claim(wrong_need, node="a", now=T, lease_s=15) == Lost("the need has moved on")
    assert await world.state(other) is AgentState.READY


async def test_a_snapshot_leaves_out_agents_who_are_logged_out_and_knows_the_skills_of_ready_ones(world):
    await world.add("off", "Off", "x", "PJSIP/off", SKILLS)
    ready = await world.agent("ready", cards=3)
    busy = await world.agent("paused")
    await world.roster.say(busy, AgentEvent.PAUSE, now=T, reason="meal")
    agents = {agent.id: agent for agent in (await world.exchange.snapshot(now=T)).agents}
    assert set(agents) == {ready, busy}
    assert agents[ready].skills == {**SKILLS, "cards": 3}
    assert agents[busy].state is AgentState.PAUSED


async def test_what_came_true_is_told_when_the_store_goes_away_in_the_midst_of_a_round(monkeypatch):
    class HalfAway(Claims):
        async def _claim_some(self, decisions, holder):
            if decisions[0] > 0:
                raise StoreAway
            return [claimed for _ in decisions]

    claimed = Lost("stands for what came true")
    monkeypatch.setattr("models.claims.MOST_AT_ONCE", 2)
    half = HalfAway(None, "a")
    told = await half.claim_all(range(0, -2, -1), node="a", now=T, lease_s=15)
    assert told == (claimed, claimed)
    told = await half.claim_all([0, 0, 1, 1, 1], node="a", now=T, lease_s=15)
    assert told == (claimed, claimed, *[Lost("the store is away")] * 3)
    with pytest.raises(StoreAway):
        await half.claim_all([1], node="a", now=T, lease_s=15)
