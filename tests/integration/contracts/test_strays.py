"""What every store promises about states that nothing would end: each fault is put in, and the sweep takes it out."""

import pytest

from ivr.testing.world import WISH, T
from models.tables import AgentRow, NeedRow, NodeRow
from routing.agent import AgentEvent, AgentState
from routing.need import NeedState
from routing.offer import OfferEvent
from routing.talk import Ask, Sent, Talk, TalkEvent, TalkState
from routing.views import Swept


async def talking(world):
    """A conversation of node-a that was answered at T + 4."""
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    return claim


@pytest.mark.fault("A8", "the engine of a conversation is dead and the agent's phone has left")
async def test_a_conversation_of_a_dead_node_is_over_when_its_phone_has_left_the_call(world):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T + 30})
    claim = await talking(world)
    caller = frozenset({("c1", "PJSIP/trunk")})
    alive = frozenset({"c1"})
    with_phone = caller | {("c1", claim.phone)}
    assert await world.sweep(now=T + 60, alive=alive, phones=with_phone) == Swept()
    assert await world.sweep(now=T + 60, alive=alive, phones=None) == Swept()
    assert await world.sweep(now=T + 60, alive=alive, phones=caller) == Swept(talks_over=1)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.wrap_up_until) == (AgentState.WRAP_UP, T + 90)
    assert (await world.exchange.snapshot(now=T + 60)).needs == ()
    assert (await world.row("c1")).ended_at is None  # the caller is still in the static queue


async def test_a_conversation_of_a_node_that_lives_is_ended_by_that_node_alone(world):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T + 58})
    claim = await talking(world)
    caller = frozenset({("c1", "PJSIP/trunk")})
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=caller) == Swept()
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await world.put(
        NodeRow, "node-a", {"started_at": T + 50, "seen_at": T + 58}
    )  # it was started anew, and knows nothing of the call
    assert (await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=caller)).talks_over == 1


@pytest.mark.parametrize(
    "talk",
    [
        Talk(TalkState.LINE),  # what was asked for has been taken back
        Talk(TalkState.LINE, ask=Ask(TalkEvent.HOLD, T + 7)),
        Talk(TalkState.HELD, T + 7, room=1),
        Talk(TalkState.ROOM, T + 7, room=1),
    ],
)
async def test_whatever_was_done_with_a_conversation_its_phone_is_looked_for(world, talk):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T + 30})
    claim = await talking(world)
    assert await world.talks.put(claim.offer_id, claim.fence, talk)
    caller = frozenset({("c1", "PJSIP/trunk")})
    with_phone = caller | {("c1", claim.phone)}
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=with_phone) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=caller) == Swept(talks_over=1)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP


async def test_a_phone_that_was_rung_into_a_room_is_looked_for_by_its_own_id(world):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T + 30})
    claim = await talking(world)
    taken_over = Talk(TalkState.ROOM, T + 7, room=claim.offer_id, own="c1-second")
    assert await world.talks.put(claim.offer_id, claim.fence, taken_over)
    caller = frozenset({("c1", "PJSIP/trunk")})
    with_phone = caller | {("c1-second", claim.phone)}
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=with_phone) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=caller) == Swept(talks_over=1)


async def test_an_agent_who_is_consulted_is_free_when_their_phone_has_left_the_room(world):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T + 30})
    claim = await talking(world)
    ruth = await world.agent("ruth")
    sent = Sent(claim.agent_id, "Anna", "general", TalkEvent.CONSULT, "", T + 6)
    assert await world.talks.open_second("c1", WISH, sent, now=T + 6)
    second = await world.exchange.claim(await world.decision(now=T + 6), node="node-a", now=T + 6, lease_s=15)
    await world.exchange.answered(second.offer_id, second.fence, now=T + 8)
    consults = Talk(TalkState.CONSULT, T + 8, room=claim.offer_id, channel="c1-second")
    assert await world.talks.put(claim.offer_id, claim.fence, consults)
    mine = frozenset({("c1", "PJSIP/trunk"), ("c1", claim.phone)})
    both = mine | {("c1-second", second.phone)}
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=both) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset({"c1"}), phones=mine) == Swept(talks_over=1)
    assert (await world.state(claim.agent_id), await world.state(ruth)) == (AgentState.BUSY, AgentState.WRAP_UP)


@pytest.mark.parametrize("state", [NeedState.WAITING, NeedState.TALKING])
async def test_an_offer_that_contradicts_its_need_lapses_and_stops_nothing_else(world, state):
    first, second = await world.offered("c1"), await world.offered("c2")
    await world.put(NeedRow, "c1", {"state": state.value})
    swept = await world.sweep(now=T + 20)
    strays = 1 + (state is NeedState.TALKING)  # a conversation that has no offer any more is over
    assert (swept.offers_expired, swept.strays_freed) == (1, strays)
    assert [await world.state(claim.agent_id) for claim in (first, second)] == [AgentState.READY] * 2
    assert await world.sweep(now=T + 23) == Swept()


async def test_a_lost_call_whose_rows_contradict_each_other_is_closed_like_the_others(world):
    claim = await talking(world)
    await world.put(NeedRow, "c1", {"state": NeedState.WAITING.value})
    await world.call("c2")
    assert (await world.sweep(now=T + 60, alive=frozenset())).calls_closed == 2
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert await world.sweep(now=T + 63, alive=frozenset()) == Swept()


async def test_an_answer_that_came_around_the_look_at_the_switch_is_left_alone(world):
    await talking(world)
    there, alive = frozenset({("c1", "PJSIP/trunk")}), frozenset({"c1"})
    assert await world.sweep(now=T + 5, alive=alive, alive_at=T + 5, phones=there) == Swept()


@pytest.mark.parametrize(
    ("was", "then"), [(AgentState.OFFERED, AgentState.READY), (AgentState.BUSY, AgentState.WRAP_UP)]
)
async def test_an_agent_in_an_offer_that_does_not_exist_comes_free(world, was, then):
    agent = await world.agent()
    await world.put(AgentRow, agent, {"state": was.value, "since": T})
    assert await world.sweep(now=T + 1) == Swept()
    assert await world.sweep(now=T + 2) == Swept(strays_freed=1)
    assert await world.state(agent) is then


async def test_a_need_in_an_offer_that_does_not_exist_waits_again_with_its_age(world):
    claim = await world.offered()
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.WITHDRAW, now=T + 1, wrap_up_s=0)
    await world.put(NeedRow, "c1", {"state": NeedState.OFFERED.value})
    assert await world.sweep(now=T + 5) == Swept(strays_freed=1)
    (need,) = (await world.exchange.snapshot(now=T + 5)).needs
    assert (need.state, need.since) == (NeedState.WAITING, T)
    await world.put(NeedRow, "c1", {"state": NeedState.TALKING.value})
    assert await world.sweep(now=T + 6) == Swept(strays_freed=1)
    assert (await world.exchange.snapshot(now=T + 6)).needs == ()


@pytest.mark.parametrize(
    ("lost_in", "then"),
    [
        (AgentState.READY, AgentState.PAUSED),
        (AgentState.OFFERED, AgentState.MISSED),
        (AgentState.BUSY, AgentState.PAUSED),
        (AgentState.WRAP_UP, AgentState.PAUSED),
        (AgentState.PAUSED, AgentState.PAUSED),
        (AgentState.MISSED, AgentState.MISSED),
    ],
)
@pytest.mark.fault("F4", "an agent's browser vanishes")
async def test_an_agent_whose_browser_vanishes_is_never_ready_again_by_themselves(world, lost_in, then):
    """Whatever they were doing goes on to its end: the phone rings, the conversation and the wrap-up last."""
    claim = await world.offered(lease_s=20)
    agent, key = claim.agent_id, (claim.offer_id, claim.fence)
    if lost_in is AgentState.READY:
        await world.exchange.close_offer(*key, OfferEvent.WITHDRAW, now=T + 1, wrap_up_s=0)
        await world.exchange.close_need("c1", "abandoned", now=T + 1)
    if lost_in in (AgentState.BUSY, AgentState.WRAP_UP):
        await world.exchange.answered(*key, now=T + 1)
    if lost_in is AgentState.WRAP_UP:
        await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 2, wrap_up_s=30)
    if lost_in in (AgentState.MISSED, AgentState.PAUSED):
        await world.exchange.close_offer(*key, OfferEvent.MISS, now=T + 1, wrap_up_s=0)
    if lost_in is AgentState.PAUSED:
        await world.roster.say(agent, AgentEvent.PAUSE, now=T + 2, reason="meal")
    assert await world.state(agent) is lost_in
    await world.roster.seen(agent, now=T + 2)
    await world.sweep(now=T + 10, desk_lost_s=45)
    if lost_in is AgentState.OFFERED:
        await world.exchange.close_offer(*key, OfferEvent.MISS, now=T + 15, wrap_up_s=0)
    if lost_in is AgentState.BUSY:
        assert await world.sweep(now=T + 400, desk_lost_s=45) == Swept()
        await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 401, wrap_up_s=30)
    await world.sweep(now=T + 500, desk_lost_s=45)
    assert await world.state(agent) is then


async def test_one_node_does_what_is_to_be_done_once_for_all(world):
    await world.put(NodeRow, "node-a", {"started_at": T - 100, "seen_at": T})
    await world.put(NodeRow, "node-b", {"started_at": T - 100, "seen_at": T})
    assert [await world.exchange.is_first(name, now=T + 14) for name in ("node-a", "node-b")] == [True, False]
    await world.put(NodeRow, "node-b", {"started_at": T - 100, "seen_at": T + 16})
    assert await world.exchange.is_first("node-b", now=T + 16), "node-a is dead"


async def test_a_caller_whom_the_switch_serves_by_itself_is_offered_to_nobody_and_has_their_place_when_they_are_back(
    world,
):
    claim = await world.offered(now=T)
    await world.call("c2", now=T + 1)
    await world.other_exchange.open_need("c2", WISH, now=T + 1)
    await world.exchange.give_up(["c1", "c2", "unheard of"], now=T + 2)  # also of calls that another node holds
    assert await world.state(claim.agent_id) is AgentState.READY
    assert (await world.exchange.snapshot(now=T + 2)).needs == ()
    assert (await world.other_exchange.open_need("c2", WISH, now=T + 60)).since == T + 1


async def test_a_conversation_is_not_given_up(world):
    claim = await talking(world)
    await world.exchange.give_up(["c1"], now=T + 9)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    assert [need.state for need in (await world.exchange.snapshot(now=T + 9)).needs] == [NeedState.TALKING]
