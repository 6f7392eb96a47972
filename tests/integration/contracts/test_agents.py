"""What every store promises about agents and what they see: states, passwords, outcomes, queues."""

import pytest

from ivr.testing.world import SKILLS, T
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove
from routing.offer import OfferEvent
from routing.talk import Sent, TalkEvent
from routing.views import NeedWish, QueueSeen, Swept


async def test_an_agent_signs_in_paused_and_moves_by_the_table(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    card = await world.roster.say(agent, AgentEvent.SIGN_IN, now=T)
    assert (card.state, card.since, card.skills, card.full_name) == (AgentState.PAUSED, T, SKILLS, "Anna")
    card = await world.roster.say(agent, AgentEvent.PAUSE, now=T + 1, reason="meal")
    assert (card.pause_reason, card.since) == ("meal", T + 1)
    card = await world.roster.say(agent, AgentEvent.PAUSE, now=T + 2, reason="meal")
    assert card.since == T + 1
    card = await world.roster.say(agent, AgentEvent.READY, now=T + 3)
    assert (card.state, card.pause_reason, card.since) == (AgentState.READY, None, T + 3)
    card = await world.roster.say(agent, AgentEvent.SIGN_OUT, now=T + 4)
    assert card.state is AgentState.LOGGED_OUT


async def test_a_move_that_the_table_lacks_raises_and_changes_nothing(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    before = await world.roster.card(agent)
    with pytest.raises(IllegalMove):
        await world.roster.say(agent, AgentEvent.READY, now=T)
    assert await world.roster.card(agent) == before


async def test_an_agent_cannot_make_the_engines_moves(world):
    agent = await world.agent()
    with pytest.raises(IllegalMove):
        await world.roster.say(agent, AgentEvent.OFFER, now=T)


async def test_a_pause_said_during_an_offer_applies_after_the_wrap_up(world):
    claim = await world.offered()
    card = await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 1, reason="meal")
    assert (card.state, card.pause_after) == (AgentState.OFFERED, "meal")
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 2)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 3, wrap_up_s=10)
    assert await world.sweep(now=T + 12) == Swept()
    assert await world.sweep(now=T + 13) == Swept(wrap_ups_over=1)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason, card.pause_after) == (AgentState.PAUSED, "meal", None)


async def test_a_pause_said_during_an_offer_applies_when_the_caller_leaves(world):
    claim = await world.offered()
    await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 1, reason="meal")
    await world.exchange.close_need("c1", "abandoned", now=T + 2)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason, card.since) == (AgentState.PAUSED, "meal", T + 2)


async def test_only_the_right_password_opens_the_door(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    assert (await world.roster.check_password("anna", "secret")).id == agent
    for name, password in [("anna", "Secret"), ("anna", ""), ("bob", "secret"), ("anna\x00", "se\udc00t"), ("", "")]:
        assert await world.roster.check_password(name, password) is None


async def test_an_outcome_is_stored_only_for_ones_own_conversation(world):
    claim = await world.offered()
    other = await world.agent("other")
    assert not await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="x", note="", now=T)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T)
    assert not await world.roster.wrap_up(other, claim.offer_id, disposition="x", note="", now=T)
    assert not await world.roster.wrap_up(claim.agent_id, 999, disposition="x", note="", now=T)
    assert await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="x", note="", now=T)


async def test_after_wrap_up_the_last_offer_is_no_longer_shown(world):
    claim = await world.offered()
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=9)
    assert (await world.roster.offer_of(claim.agent_id)).offer_id == claim.offer_id
    await world.roster.say(claim.agent_id, AgentEvent.READY, now=T + 10)
    assert await world.roster.offer_of(claim.agent_id) is None


async def test_queues_show_who_waits_and_for_how_long(world):
    claim = await world.offered("talks")
    await world.exchange.answered(claim.offer_id, claim.fence, now=T)
    for number, queue in enumerate(["general", "cards", "general"]):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", NeedWish(queue, {}, "en", ""), now=T + number)
    assert await world.roster.queue_state(now=T + 10) == (QueueSeen("cards", 1, 9.0), QueueSeen("general", 2, 10.0))
    assert (await world.roster.queue_state(now=T - 50))[0].longest_wait_s == 0.0
    sent = Sent(claim.agent_id, "Anna", "general", TalkEvent.CONSULT, "", T + 10)  # no caller waits in it
    assert await world.talks.open_second("talks", NeedWish("cards", {}, "en", ""), sent, now=T + 10)
    assert (await world.roster.queue_state(now=T + 10))[0] == QueueSeen("cards", 1, 9.0)
