"""What every store promises about the sweep: it frees what dead engines and lost browsers have left."""

from ivr.testing.world import WISH, T
from routing.agent import AgentState
from routing.call import Ending, Reason, Result
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent
from routing.views import Swept


async def test_an_offer_whose_node_died_before_it_rang_expires_and_both_sides_are_free(world):
    claim = await world.offered(lease_s=15)
    assert await world.sweep(now=T + 14.9) == Swept()
    assert await world.sweep(now=T + 15) == Swept(offers_expired=1)
    assert await world.state(claim.agent_id) is AgentState.READY
    (need,) = (await world.exchange.snapshot(now=T + 15)).needs
    assert (need.state, need.since) == (NeedState.WAITING, T)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 16, lease_s=15)
    again = await world.exchange.claim(await world.decision(now=T + 16), node="b", now=T + 16, lease_s=15)
    assert isinstance(again, Claimed)


async def test_a_lease_that_is_renewed_does_not_lapse_and_a_stale_fence_renews_nothing(world):
    claim = await world.offered(lease_s=15)
    assert await world.exchange.renew(claim.offer_id, claim.fence, now=T + 10, lease_s=35)
    assert await world.sweep(now=T + 44) == Swept()
    assert not await world.exchange.renew(claim.offer_id, claim.fence + 1, now=T + 44, lease_s=99)
    assert (await world.sweep(now=T + 46)).offers_expired == 1
    assert not await world.exchange.renew(claim.offer_id, claim.fence, now=T + 46, lease_s=99)


async def test_ringing_renews_the_lease_and_a_conversation_has_none(world):
    claim = await world.offered(lease_s=15)
    await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 10, lease_s=15)
    assert await world.sweep(now=T + 20) == Swept()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 21)
    assert await world.sweep(now=T + 9999, desk_lost_s=1e9) == Swept()
    assert await world.state(claim.agent_id) is AgentState.BUSY


async def test_a_need_that_nobody_carries_out_does_not_hold_up_agents_for_ever(world):
    await world.offered(lease_s=15)
    assert (await world.sweep(now=T + 15)).offers_expired == 1
    await world.exchange.claim(await world.decision(now=T + 16), node="a", now=T + 16, lease_s=15)
    assert (await world.sweep(now=T + 40)).offers_expired == 1
    snapshot = await world.exchange.snapshot(now=T + 40)
    assert snapshot.needs == ()
    assert [agent.state for agent in snapshot.agents] == [AgentState.READY]
    again = await world.exchange.open_need("c1", WISH, now=T + 50)  # the call comes back after all
    assert again.since == T


async def test_a_ready_agent_without_a_browser_is_paused(world):
    agent = await world.agent(ready_at=T)
    await world.roster.seen(agent, now=T + 30)
    assert await world.sweep(now=T + 75, desk_lost_s=45) == Swept()
    assert await world.sweep(now=T + 76, desk_lost_s=45) == Swept(desks_lost=1)
    card = await world.roster.card(agent)
    assert (card.state, card.pause_reason) == (AgentState.PAUSED, "desk_lost")


async def test_an_agent_in_an_offer_is_not_paused_for_a_lost_browser(world):
    claim = await world.offered(lease_s=500)
    assert await world.sweep(now=T + 400, desk_lost_s=45) == Swept()
    assert await world.state(claim.agent_id) is AgentState.OFFERED


async def test_an_agent_whose_browser_was_lost_in_wrap_up_is_not_offered_anything(world):
    claim = await world.offered()
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=60)
    swept = await world.sweep(now=T + 100, desk_lost_s=45)
    assert (swept.wrap_ups_over, await world.state(claim.agent_id)) == (1, AgentState.PAUSED)


async def test_calls_without_a_channel_are_closed_with_their_need_and_offer(world):
    claim = await world.offered("c1")
    await world.call("c2")
    await world.exchange.open_need("c2", WISH, now=T)
    await world.call("c3")
    assert (await world.sweep(now=T + 5, alive=frozenset({"c3"}))).calls_closed == 2
    for call_id in ("c1", "c2"):
        call = await world.row(call_id)
        assert (call.state, call.ended_at, call.result, call.reason) == ("ended", T + 5, "failed", "engine_lost")
        assert await world.exchange.standing(call_id, now=T + 5) is None
    assert (await world.row("c3")).ended_at is None
    assert await world.state(claim.agent_id) is AgentState.READY


async def test_a_conversation_whose_channel_is_gone_was_served_and_the_agent_wraps_up(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 2)
    assert (await world.sweep(now=T + 60, alive=frozenset())).calls_closed == 1
    call = await world.row("c1")
    assert (call.result, call.reason) == ("served", "agent")
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.wrap_up_until) == (AgentState.WRAP_UP, T + 90)


async def test_a_call_that_came_in_around_the_picture_of_channels_is_left_alone(world):
    await world.call("c1", now=T)
    assert await world.sweep(now=T + 1.9, alive=frozenset()) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset(), alive_at=T + 1.9) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset(), alive_at=T + 2) == Swept(calls_closed=1)


async def test_a_call_that_was_taken_for_lost_and_states_its_need_again_is_not_lost_again(world):
    """The clock of its engine was behind, so it seemed old when the channels were read just before it came."""
    await world.call("c1", now=T - 3)
    await world.exchange.open_need("c1", WISH, now=T - 3)
    assert await world.sweep(now=T, alive=frozenset()) == Swept(calls_closed=1)
    again = await world.exchange.open_need("c1", WISH, now=T + 1)
    call = await world.row("c1")
    assert (again.since, call.state, call.ended_at, call.result, call.reason) == (T - 3, "waiting", None, None, None)
    assert await world.sweep(now=T + 9, alive=frozenset({"c1"})) == Swept()
    assert (await world.exchange.standing("c1", now=T + 9)).since == T - 3


async def test_without_a_picture_of_channels_no_call_is_closed(world):
    await world.offered(lease_s=1e9)
    assert await world.sweep(now=T + 9999, alive=None) == Swept()


async def test_what_an_ended_call_left_open_is_closed_without_asking_the_switch(world):
    claim = await world.offered(lease_s=1e9)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 1)
    world.log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 50)
    await world.log.settle("c1", deadline_s=5)
    await world.sweep(now=T + 51)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await world.sweep(now=T + 52)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert await world.exchange.standing("c1", now=T + 52) is None


async def test_a_call_sent_down_the_dialplan_keeps_its_place_until_its_channel_is_gone(world):
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    world.log.ended("c1", Ending(Result.DIVERTED, Reason.FALLBACK), T + 5)
    await world.log.settle("c1", deadline_s=5)
    await world.sweep(now=T + 60, alive=frozenset({"c1"}))
    assert (await world.exchange.standing("c1", now=T + 60)).since == T
    await world.sweep(now=T + 61, alive=frozenset())
    assert await world.exchange.standing("c1", now=T + 61) is None


async def test_a_node_that_no_longer_holds_the_call_cannot_close_its_need(world):
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    assert await world.other_log.resume("c1", deadline_s=5) is not None
    assert await world.other_log.settle("c1", deadline_s=5)
    await world.exchange.close_need("c1", "abandoned", now=T + 5)
    assert (await world.exchange.standing("c1", now=T + 6)).since == T
    await world.other_exchange.close_need("c1", "abandoned", now=T + 7)
    assert await world.exchange.standing("c1", now=T + 8) is None
