"""Callbacks with the agent first: the customer is rung when an agent has answered, and again later if not reached."""

import pytest

from ivr.callbacks import LEASE_S
from ivr.ports import AGENT_FIRST, Arrival, Dialled, DialStatus, PhoneAnswered
from ivr.testing.books import book_with_callbacks
from ivr.testing.calling_back import SETTINGS, wish
from ivr.testing.line import Break, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from models.tables import CallbackRow

SPEAKS = {"general": 5, "lang:zh": 5}
TRUNK = "PJSIP/trunk"


async def called() -> tuple[Stage, CallbackRow, ScriptedLeg]:
    """A wish whose turn has come: the switch was asked, and the half of the call that the engine has is at the door."""
    node = Stage(
        book_with_callbacks(),
        settings=SETTINGS,
        queue={"callback_first": "agent", "announce_wait": {"service_s": 30, "least_agents": 1}},
    )
    row = await wish(node)
    node.agent(skills=SPEAKS)
    await node.dialler.round()
    (_, call_id) = node.switchboard.called_out[-1]
    channel = f"{AGENT_FIRST}00000001;1"
    leg = ScriptedLeg(Arrival(call_id, call_id, channel, None, "", "callback"), node.clock, [])
    node.legs[channel] = leg
    return node, row, leg


def answers(node: Stage, leg: ScriptedLeg, *, customer: bool) -> None:
    """The agent's phone is answered, and the customer's too or not: then the switch ends the whole call."""

    async def ring(phone: str) -> None:
        event = PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1")
        await node.watcher.take(event)
        await node.dialler.take(event)
        if customer:
            await node.dialler.take(PhoneAnswered(leg.arrival.call_id, TRUNK, f"{TRUNK}-2"))
        else:
            leg.hang_up()

    leg.on_dial = ring


async def test_the_agent_is_rung_first_and_the_customer_hears_no_greeting():
    node, row, leg = await called()
    assert node.switchboard.called_out == [(ANI, f"callback-{row.id}-1")]
    assert node.switchboard.agents_first == [f"callback-{row.id}-1"]
    answers(node, leg, customer=True)
    call = await node.take(leg)
    assert (leg.rung, leg.heard) == (["PJSIP/grace"], ["bye"])
    assert (call.ani, call.result, call.reason) == (ANI, "served", "agent")
    assert (node.need.since, node.need.reason) == (row.since, "Callback: Cards")
    ((_, pop),) = node.desk.pops
    assert pop.offer.reason == "Callback: Cards"
    assert (row.state, row.outcome, row.tries) == ("closed", "served", 1)
    assert node.parts.called_back == {"dialled": 1, "served": 1}


async def test_a_customer_who_does_not_pick_up_is_called_again_and_the_agent_has_wrap_up():
    node, row, leg = await called()
    answers(node, leg, customer=False)
    call = await node.take(leg)
    assert (call.result, call.reason) == ("left", "while_ringing")
    assert (row.state, row.tries, row.next_at) == ("waiting", 1, node.clock.now() + 900)
    assert (node.store.agents[1].state, node.need.outcome) == ("wrap_up", "served")
    assert node.parts.called_back == {"dialled": 1, "retried": 1}


async def test_an_agent_who_hangs_up_while_the_customer_is_rung_ends_the_call():
    node, row, leg = await called()

    async def ring(phone: str) -> None:
        await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))

    leg.on_dial = ring
    call = await node.take(leg)
    assert (leg.heard, leg.is_done) == ([], True)
    assert (call.reason, row.state) == ("while_ringing", "waiting")


async def test_an_agent_who_does_not_answer_gives_way_to_another_and_nobody_rings_the_customer_meanwhile():
    node, row, leg = await called()
    node.agent("tom", skills=SPEAKS)
    leg.dials = [Dialled(DialStatus.NO_ANSWER, 0.0), Dialled(DialStatus.ANSWERED, 60.0)]

    async def ring(phone: str) -> None:
        if len(leg.rung) == 2:
            for one in (phone, TRUNK):
                event = PhoneAnswered(leg.arrival.call_id, one, f"{one}-1")
                await node.watcher.take(event)
                await node.dialler.take(event)
        else:
            assert not node.parts.live[leg.arrival.call_id].reached

    leg.on_dial = ring
    await node.take(leg)
    assert sorted(leg.rung) == ["PJSIP/grace", "PJSIP/tom"]
    assert (row.outcome, row.tries) == ("served", 1)


async def test_the_half_that_is_answered_at_once_is_not_the_customer():
    node, row, leg = await called()

    async def ring(phone: str) -> None:
        channel = f"{AGENT_FIRST}00000001;1"
        await node.dialler.take(PhoneAnswered(leg.arrival.call_id, channel.rpartition("-")[0], channel))
        await node.watcher.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))
        await node.dialler.take(PhoneAnswered(leg.arrival.call_id, phone, f"{phone}-1"))

    leg.on_dial = ring
    await node.take(leg)
    assert row.state == "waiting"


@pytest.mark.parametrize(("reached", "outcome"), [(True, "served"), (False, None)])
async def test_what_a_dead_node_has_left_is_served_only_if_the_customer_was_reached(reached, outcome):
    node, row, leg = await called()
    answers(node, leg, customer=reached)
    ring = leg.on_dial

    async def die(phone: str) -> None:
        await ring(phone)
        raise RuntimeError("the engine dies here")

    leg.on_dial = die
    await node.take(leg)
    assert row.state == ("talking" if reached else "dialling")
    node.clock.advance(LEASE_S + 60)
    await node.dialler.round()
    assert (row.outcome, row.state == "waiting") == (outcome, not reached)


async def test_another_engine_goes_on_with_a_call_that_waits_for_an_agent():
    node, row, leg = await called()
    agent = node.store.agents[1]
    agent.state = "paused"
    leg.script.append(Break(after_s=10))
    await node.take(leg)
    assert (row.state, node.need.state) == ("dialling", "waiting")
    arrival = leg.arrival
    again = ScriptedLeg(
        Arrival(arrival.call_id, arrival.call_id, arrival.channel, None, "", "callback", 2), node.clock, []
    )
    node.legs[arrival.channel] = again
    answers(node, again, customer=True)
    node.clock.later(30, lambda: (setattr(agent, "state", "ready"), node.hints.nudge("routing")))
    call = await node.take(again)
    assert (call.reason, row.outcome, len(node.switchboard.called_out)) == ("agent", "served", 1)
    assert node.store.told_waits == []
