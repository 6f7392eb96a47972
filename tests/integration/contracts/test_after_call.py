"""What every store promises about the time after a conversation: drafts are kept, and it is extended so often."""

from ivr.testing.world import T
from routing.agent import AgentState
from routing.offer import OfferEvent
from routing.views import Swept


async def after_a_conversation(world, *, wrap_up_s=30.0):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 60, wrap_up_s=wrap_up_s)
    return claim


async def test_what_was_entered_is_kept_from_the_answer_on_until_the_outcome_is_final(world):
    claim = await world.offered()
    roster, key = world.roster, (claim.agent_id, claim.offer_id)
    assert not await roster.draft(*key, disposition=None, note="too early")
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    assert await roster.draft(*key, disposition=None, note="half a")
    assert not await roster.draft(claim.agent_id + 1, claim.offer_id, disposition=None, note="not mine")
    seen = await roster.offer_of(claim.agent_id)
    assert (seen.disposition, seen.note) == (None, "half a")
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 60, wrap_up_s=30)
    assert await roster.draft(*key, disposition="resolved", note="half a note")
    seen = await roster.offer_of(claim.agent_id)
    assert (seen.disposition, seen.note) == ("resolved", "half a note")
    assert await roster.wrap_up(*key, disposition="follow_up", note="a note", now=T + 70)
    assert not await roster.draft(*key, disposition="resolved", note="too late")
    assert not await roster.wrap_up(*key, disposition="resolved", note="from a window left open", now=T + 900)
    assert await roster.wrap_up(*key, disposition="follow_up", note="a note", now=T + 900)  # asked twice is as good
    seen = await roster.offer_of(claim.agent_id)
    assert (seen.disposition, seen.note) == ("follow_up", "a note")


async def test_a_wrap_up_is_extended_so_often_and_ends_at_its_new_time(world):
    claim = await after_a_conversation(world)
    extend = {"by_s": 20.0, "most": 2}
    for number, at in enumerate([T + 70, T + 80], 1):
        assert await world.roster.extend_wrap_up(claim.agent_id, claim.offer_id, now=at, **extend)
        card, seen = await world.roster.card(claim.agent_id), await world.roster.offer_of(claim.agent_id)
        assert (card.wrap_up_until, seen.wrap_up_extended) == (T + 90 + 20 * number, number)
    assert not await world.roster.extend_wrap_up(claim.agent_id, claim.offer_id, now=T + 81, **extend)
    assert await world.sweep(now=T + 129) == Swept()
    assert await world.sweep(now=T + 130) == Swept(wrap_ups_over=1)
    assert await world.state(claim.agent_id) is AgentState.READY


async def test_a_wrap_up_that_is_over_or_somebody_elses_is_not_extended(world):
    claim = await after_a_conversation(world)
    other = await world.agent("other")
    extend = {"by_s": 20.0, "most": 2}
    assert not await world.roster.extend_wrap_up(other, claim.offer_id, now=T + 70, **extend)
    assert not await world.roster.extend_wrap_up(claim.agent_id, claim.offer_id + 1, now=T + 70, **extend)
    assert not await world.roster.extend_wrap_up(claim.agent_id, claim.offer_id, now=T + 90, **extend)
    await world.sweep(now=T + 90)
    assert not await world.roster.extend_wrap_up(claim.agent_id, claim.offer_id, now=T + 91, **extend)
    assert (await world.roster.card(claim.agent_id)).wrap_up_until is None
