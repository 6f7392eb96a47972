"""What every store promises about phones: one node sees, every node knows, and unknown means offered as ever."""

from ivr.testing.world import T
from routing.offer import OfferEvent
from routing.phone import BELIEVED_S, OWN_TRACE_S, PhoneSeen, PhoneState


async def trouble_of(exchange, *, now):
    (agent,) = (await exchange.snapshot(now=now)).agents
    return agent.phone_trouble


async def test_what_one_node_sees_of_a_phone_every_node_knows(world):
    agent = await world.agent("anna")
    assert await trouble_of(world.other_exchange, now=T) is None
    states = {"PJSIP/anna": PhoneState.IN_USE, "PJSIP/trunk": PhoneState.IN_USE}
    noted = await world.exchange.note_phones(states, now=T + 1, node="node-a")
    assert (noted.known, noted.changed) == ({"PJSIP/anna"}, {"PJSIP/anna"})
    assert await trouble_of(world.other_exchange, now=T + 2) is PhoneState.IN_USE
    assert (await world.roster.card(agent)).phone_seen == PhoneSeen(PhoneState.IN_USE, T + 1, T + 1)
    noted = await world.other_exchange.note_phones({"PJSIP/anna": PhoneState.IDLE}, now=T + 3, node="node-b")
    assert noted.changed == {"PJSIP/anna"}
    assert await trouble_of(world.exchange, now=T + 3) is None


async def test_a_state_that_is_seen_again_keeps_its_beginning_and_is_believed_anew(world):
    await world.agent("anna")
    states = {"PJSIP/anna": PhoneState.UNREACHABLE}
    await world.exchange.note_phones(states, now=T, node="node-a")
    assert (await world.exchange.note_phones(states, now=T + 30, node="node-b")).changed == frozenset()
    assert await trouble_of(world.exchange, now=T + 30 + BELIEVED_S) is PhoneState.UNREACHABLE
    assert await trouble_of(world.exchange, now=T + 31 + BELIEVED_S) is None


async def test_the_trace_of_our_own_call_blocks_for_a_moment_at_most(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    await world.exchange.note_phones({claim.phone: PhoneState.IN_USE}, now=T + 4, node="node-a")
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 20, wrap_up_s=0)
    await world.sweep(now=T + 20)
    assert await trouble_of(world.exchange, now=T + 20 + OWN_TRACE_S) is PhoneState.IN_USE
    assert await trouble_of(world.exchange, now=T + 21 + OWN_TRACE_S) is None
