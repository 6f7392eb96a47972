"""What every store promises about conversations that are held, handed on, or talked over with another agent."""

from dataclasses import replace

import pytest

from ivr.testing.world import WISH, T
from routing.agent import AgentState
from routing.errors import IllegalMove
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent
from routing.talk import Ask, Sent, Talk, TalkEvent, TalkState, Target, TargetKind

NOTE = "The fee was charged twice."
HELD = Talk(TalkState.HELD, T + 7, room=12)


def hold(at: float = T + 5) -> Ask:
    return Ask(TalkEvent.HOLD, at)


def sent(claim: Claimed) -> Sent:
    return Sent(claim.agent_id, "Anna", "general", TalkEvent.CONSULT, NOTE, T + 6)


async def answered(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    return claim


async def consulted(world, claim):
    """Another agent who is consulted and has picked up."""
    ruth = await world.agent("ruth")
    assert await world.talks.open_second("c1", replace(WISH, reason="fees"), sent(claim), now=T + 6)
    second = await world.exchange.claim(await world.decision(now=T + 6), node="node-a", now=T + 6, lease_s=20)
    assert isinstance(second, Claimed)
    assert second.agent_id == ruth
    assert await world.exchange.answered(second.offer_id, second.fence, now=T + 8)
    return second


async def test_only_the_agent_who_talks_can_ask_and_only_one_thing_at_a_time(world):
    claim = await world.offered()
    with pytest.raises(IllegalMove):
        await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    assert await world.talks.ask(claim.agent_id + 1, claim.offer_id, hold()) is None
    seen = await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    assert (seen.talk, seen.wish, seen.since, seen.offer, seen.answered_at) == (Talk(), WISH, T, claim, T + 4)
    with pytest.raises(IllegalMove):
        await world.talks.ask(claim.agent_id, claim.offer_id, hold(T + 6))
    assert (await world.exchange.standing("c1", now=T + 6)).talk.ask == hold()
    assert (await world.roster.offer_of(claim.agent_id)).talk.ask == hold()


async def test_what_was_asked_is_taken_back_unless_it_was_carried_out(world):
    claim = await answered(world)
    await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    assert await world.talks.unask(claim.offer_id, claim.fence, T + 5)
    assert not await world.talks.unask(claim.offer_id, claim.fence, T + 5)
    await world.talks.ask(claim.agent_id, claim.offer_id, hold(T + 7))
    assert await world.talks.put(claim.offer_id, claim.fence, HELD, hold(T + 7))
    assert not await world.talks.unask(claim.offer_id, claim.fence, T + 7)
    assert (await world.talks.of("c1")).talk == HELD


async def test_what_is_being_carried_out_cannot_be_taken_back_and_what_was_taken_back_is_not_carried_out(world):
    claim = await answered(world)
    await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    assert await world.talks.take_up(claim.offer_id, claim.fence, T + 5)
    assert not await world.talks.unask(claim.offer_id, claim.fence, T + 5)
    assert await world.talks.put(claim.offer_id, claim.fence, (await world.talks.of("c1")).talk, hold())
    assert (await world.talks.of("c1")).talk == Talk()
    await world.talks.ask(claim.agent_id, claim.offer_id, hold(T + 7))
    await world.talks.unask(claim.offer_id, claim.fence, T + 7)
    assert not await world.talks.take_up(claim.offer_id, claim.fence, T + 7)
    assert await world.talks.take_up(claim.offer_id, claim.fence + 1, T + 7)


async def test_rooms_are_those_of_conversations_that_go_on(world):
    claim = await answered(world)
    assert await world.talks.rooms() == {claim.offer_id}
    await world.talks.put(claim.offer_id, claim.fence, HELD)
    assert await world.talks.rooms() == {HELD.room}
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=30)
    assert await world.talks.rooms() == frozenset()


async def test_something_that_is_asked_while_the_state_is_stored_is_kept(world):
    claim = await answered(world)
    await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    assert await world.talks.put(claim.offer_id, claim.fence, HELD)
    assert (await world.talks.of("c1")).talk == replace(HELD, ask=hold())


async def test_what_was_asked_for_and_forgotten_stands_in_nobodys_way(world):
    claim = await answered(world)
    await world.talks.ask(claim.agent_id, claim.offer_id, hold())
    assert await world.talks.ask(claim.agent_id, claim.offer_id, hold(T + 60)) is not None


async def test_handing_on_closes_one_need_and_states_the_next_with_who_sent_it(world):
    claim = await answered(world)
    wish = replace(WISH, queue="cards", required={"cards": 1})
    told = replace(sent(claim), how=TalkEvent.TRANSFER, skill="moving_house")
    key = (claim.offer_id, claim.fence)
    assert await world.talks.hand_on(*key, wish, told, now=T + 30, wrap_up_s=20)
    assert not await world.talks.hand_on(*key, wish, told, now=T + 30, wrap_up_s=20)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    (need,) = (await world.exchange.snapshot(now=T + 30)).needs
    assert (need.queue, need.state, need.since) == ("cards", NeedState.WAITING, T + 30)
    assert (await world.exchange.open_need("c1", WISH, now=T + 31)).queue == "cards"  # on another engine
    assert await world.talks.of("c1") is None
    await world.agent("carol", cards=3)
    second = await world.exchange.claim(await world.decision(now=T + 32), node="node-a", now=T + 32, lease_s=20)
    assert isinstance(second, Claimed)
    assert (await world.roster.offer_of(second.agent_id)).sent == told


async def test_who_is_consulted_is_claimed_like_anybody_and_takes_the_call_over(world):
    claim = await answered(world)
    await world.talks.put(claim.offer_id, claim.fence, Talk(TalkState.CONSULT, T + 8, room=7, channel="second-2"))
    second = await consulted(world, claim)
    assert (await world.exchange.standing("c1", now=T + 9)).offer == claim  # the call is still the first agent's
    assert (await world.talks.second("c1")).offer == second
    assert await world.talks.ask(second.agent_id, second.offer_id, hold()) is None
    assert await world.talks.take_over(claim.offer_id, claim.fence, now=T + 40, wrap_up_s=30)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert await world.state(second.agent_id) is AgentState.BUSY
    seen = await world.talks.of("c1")
    assert (seen.offer, seen.talk) == (second, Talk(TalkState.ROOM, T + 40, room=7, own="second-2"))
    assert await world.talks.second("c1") is None
    assert not await world.talks.take_over(claim.offer_id, claim.fence, now=T + 41, wrap_up_s=30)


async def test_a_consultation_that_ends_wraps_up_who_had_picked_up_and_frees_who_had_not(world):
    claim = await answered(world)
    second = await consulted(world, claim)
    await world.talks.close_second("c1", now=T + 20, wrap_up_s=30)
    assert await world.state(second.agent_id) is AgentState.WRAP_UP
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await world.talks.close_second("c1", now=T + 21, wrap_up_s=30)
    await world.agent("carol")
    await world.talks.open_second("c1", WISH, sent(claim), now=T + 22)
    third = await world.exchange.claim(await world.decision(now=T + 22), node="node-a", now=T + 22, lease_s=20)
    await world.talks.close_second("c1", now=T + 23, wrap_up_s=30)
    assert await world.state(third.agent_id) is AgentState.READY


async def test_nobody_is_consulted_twice_at_a_time_and_nobody_without_a_call(world):
    claim = await answered(world)
    assert await world.talks.open_second("c1", WISH, sent(claim), now=T + 6)
    assert await world.talks.open_second("c1", WISH, sent(claim), now=T + 7)
    assert len((await world.exchange.snapshot(now=T + 8)).needs) == 2
    await world.call("c2")
    assert not await world.talks.open_second("c2", WISH, sent(claim), now=T + 9)


async def test_the_sweep_ends_a_consultation_with_its_call(world):
    claim = await answered(world)
    second = await consulted(world, claim)
    swept = await world.sweep(now=T + 60, alive=frozenset())
    assert swept.calls_closed == 1
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert await world.state(second.agent_id) is AgentState.WRAP_UP
    assert (await world.exchange.snapshot(now=T + 60)).needs == ()


async def test_a_consultation_whose_first_agent_is_gone_cannot_be_handed_over(world):
    claim = await answered(world)
    await consulted(world, claim)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 20, wrap_up_s=9)
    assert not await world.talks.take_over(claim.offer_id, claim.fence, now=T + 21, wrap_up_s=9)


async def test_a_target_with_a_note_is_stored_whole(world):
    claim = await answered(world)
    ask = Ask(TalkEvent.CONSULT, T + 5, Target(TargetKind.AGENT, "ruth"), NOTE)
    await world.talks.ask(claim.agent_id, claim.offer_id, ask)
    assert (await world.talks.of("c1")).talk.ask == ask
