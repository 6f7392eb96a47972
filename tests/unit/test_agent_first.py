"""Callbacks with the agent first: the customer is rung when an agent has answered, and again later if not reached."""

import asyncio
from pathlib import Path

import pytest

from ivr.callbacks import LEASE_S
from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import LiveCall
from ivr.pausing import Pauses
from ivr.ports import (
    AGENT_FIRST,
    RECORDINGS,
    Arrival,
    ChannelSeen,
    CustomerSaid,
    Dialled,
    DialStatus,
    OnAnswer,
    PhoneAnswered,
    Question,
    RecordingState,
)
from ivr.testing.books import book_with_callbacks
from ivr.testing.calling_back import SETTINGS, wish
from ivr.testing.line import Break, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from menus.schema import MenuBook
from models import handing
from models.tables import CallbackRow
from routing.talk import Ask, TalkEvent

SPEAKS = {"general": 5, "lang:zh": 5}
TRUNK = "PJSIP/trunk"


def book() -> MenuBook:
    """The small book with callbacks, which also tells that conversations are recorded."""
    plain = book_with_callbacks().model_dump(by_alias=True, exclude_defaults=True, mode="json")
    plain["recorded"] = {"announced": "record_now", "asked": "may_record"}
    plain["prompts"]["record_now"] = {"text": {"en": "We record.", "zh": "通话将被录音。"}}
    plain["prompts"]["may_record"] = {"text": {"en": "May we record?", "zh": "可以录音吗？"}}
    return MenuBook.model_validate(plain)


async def called(recording: str = "never", folder: Path | None = None) -> tuple[Stage, CallbackRow, ScriptedLeg]:
    """A wish whose turn has come: the switch was asked, and the half of the call that the engine has is at the door."""
    node = Stage(
        book(),
        settings={**SETTINGS, "recordings": {"folder": str(folder or "var/recordings")}},
        queue={
            "callback_first": "agent",
            "announce_wait": {"service_s": 30, "least_agents": 1},
            "recording": recording,
        },
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


async def test_a_customer_on_hold_keeps_their_line_when_the_agent_has_gone_and_another_one_comes():
    node, row, leg = await called()
    call_id, caller, trunk = leg.arrival.call_id, leg.arrival.channel, f"{TRUNK}-00000007"
    seen = node.switchboard.seen
    lines = {caller: call_id, caller[:-1] + "2": f"{call_id};2", trunk: "1.7"}

    async def ring(phone: str) -> None:
        event = PhoneAnswered(call_id, phone, f"{phone}-1")
        await node.watcher.take(event)
        await node.dialler.take(event)
        if len(leg.rung) == 1:
            await node.dialler.take(PhoneAnswered(call_id, TRUNK, trunk))
            there = {**lines, f"{phone}-1": "1.3"}
            seen.update({name: ChannelSeen(call_id, name, True, id_) for name, id_ in there.items()})
            handing.ask(node.offer, Ask(TalkEvent.HOLD, node.clock.now(), None, ""))

    leg.on_dial = ring
    leg.dials = [Dialled(DialStatus.ANSWERED, 1.0)] * 2

    def leave() -> None:
        del seen["PJSIP/grace-1"]
        node.agent("tom", skills=SPEAKS)

    node.clock.later(20, leave)
    await node.take(leg)
    assert (leg.rung, node.switchboard.done) == (["PJSIP/grace", "PJSIP/tom"], [])
    assert (sorted(seen), row.outcome) == (sorted(lines), "served")


@pytest.mark.parametrize("customer", [True, False])
async def test_a_customer_who_is_told_when_they_pick_up_is_recorded_and_nothing_is_kept_of_one_who_does_not(
    customer: bool, tmp_path: Path
):
    node, _, leg = await called(recording="announced", folder=tmp_path)
    assert node.switchboard.told_on_answer == [("silence/通话将被录音。",)], "in the language of the wish"
    leg.tells = OnAnswer.TOLD
    answers(node, leg, customer=customer)
    ring, monitored = leg.on_dial, []

    async def look(phone: str) -> None:
        monitored.append(leg.monitored)
        Path(f"{leg.monitored}.wav").write_bytes(bytes(44 + 16_000))
        await ring(phone)

    leg.on_dial = look
    await node.take(leg)
    name = Path(monitored[0]).name
    assert leg.heard[:1] == (["bye"] if customer else []), "on the agent's side nobody is told"
    told = [(one["how"], one["given"]) for one in node.told("recording_consent", leg.arrival.call_id)]
    assert told == [("on_answer", True)]
    assert [row.id for row in node.store.recordings] == ([name] if customer else [])
    assert [file.stem for file in tmp_path.iterdir()] == ([name] if customer else [])


@pytest.mark.parametrize("agrees", [True, False, None])
async def test_who_is_asked_when_they_pick_up_is_recorded_from_when_they_have_agreed(
    agrees: bool | None, tmp_path: Path
):
    node, _, leg = await called(recording="asked", folder=tmp_path)
    assert node.switchboard.told_on_answer == [()]
    assert node.switchboard.asked_on_answer == [Question(("silence/可以录音吗？",), "1", 4.0)]
    leg.tells, call_id = OnAnswer.ASKED, leg.arrival.call_id
    answers(node, leg, customer=True)
    pauses, ring, seen = Pauses(node.parts), leg.on_dial, list[tuple[RecordingState, bool]]()

    async def look(phone: str) -> None:
        recording = await node.talk_recordings.of_call(call_id)
        seen.append((recording.state, node.switchboard.muted[call_id]))

    async def record(phone: str) -> None:
        Path(f"{leg.monitored}.wav").write_bytes(bytes(44 + 16_000))
        await look(phone)  # before anybody else has made it silent
        await ring(phone)
        await pauses.look()
        await look(phone)
        if agrees is not None:
            node.switchboard.agrees[call_id] = leg.agrees = agrees
        await pauses.look()
        await look(phone)

    leg.on_dial = record
    await node.take(leg)
    after = {True: RecordingState.ON, False: RecordingState.REFUSED, None: RecordingState.ASKING}[agrees]
    assert seen == [(RecordingState.ASKING, True)] * 2 + [(after, agrees is not True)]
    kept = [row.id for row in node.store.recordings]
    assert kept == [file.stem for file in tmp_path.iterdir()]
    assert len(kept) == (agrees is True)
    told = [(one["how"], one["given"]) for one in node.told("recording_consent", call_id)]
    assert told == [("on_answer", None), *([("asked", agrees)] if agrees is not None else [])]


@pytest.mark.parametrize("fault", [SwitchAway("no"), ActionUnknown("late")])
async def test_a_recording_that_cannot_be_silent_until_then_is_not_made(fault: Exception, tmp_path: Path):
    node, _, leg = await called(recording="asked", folder=tmp_path)
    leg.tells, node.switchboard.mute_fault = OnAnswer.ASKED, fault
    answers(node, leg, customer=True)
    await node.take(leg)
    assert (leg.monitored, node.store.recordings) == (None, [])
    assert [told["outcome"] for told in node.told("recording", leg.arrival.call_id)] == ["not_silent"]


async def test_a_dialplan_that_only_tells_asks_nobody_and_nothing_is_recorded(tmp_path: Path):
    node, _, leg = await called(recording="asked", folder=tmp_path)
    leg.tells = OnAnswer.TOLD
    answers(node, leg, customer=True)
    await node.take(leg)
    assert node.store.recordings == []
    assert [told["how"] for told in node.told("recording_consent", leg.arrival.call_id)] == ["not_told"]


async def test_that_a_customer_has_answered_is_looked_at_without_delay():
    node, _, leg = await called(recording="asked")
    waits = asyncio.create_task(node.parts.hints.wait(RECORDINGS, seconds=60))
    await asyncio.sleep(0)
    await node.dialler.take(CustomerSaid(leg.arrival.call_id))
    assert await waits is True


async def test_a_customer_whom_nobody_has_told_is_not_recorded(tmp_path: Path):
    node, _, leg = await called(recording="announced", folder=tmp_path)
    answers(node, leg, customer=True)
    ring, monitored = leg.on_dial, []

    async def look(phone: str) -> None:
        monitored.append(leg.monitored)
        await ring(phone)

    leg.on_dial = look
    await node.take(leg)
    assert (monitored, node.store.recordings, leg.noted) == ([None], [], "")
    assert [told["how"] for told in node.told("recording_consent", leg.arrival.call_id)] == ["not_told"]


async def test_a_customer_who_picks_up_while_nobody_has_the_call_was_reached():
    node, _, leg = await called()
    live = LiveCall(leg.arrival.channel, agents={"PJSIP/grace"})
    node.parts.live[leg.arrival.call_id] = live
    await node.dialler.take(PhoneAnswered(leg.arrival.call_id, TRUNK, f"{TRUNK}-2"))
    assert live.reached


@pytest.mark.parametrize("customer", [True, False])
async def test_a_customer_who_picked_up_while_nobody_heard_it_is_found_on_the_switch(customer):
    node, row, leg = await called()
    call_id = leg.arrival.call_id

    async def ring(phone: str) -> None:
        await node.watcher.take(PhoneAnswered(call_id, phone, f"{phone}-1"))
        names = [(leg.arrival.channel, True), (f"{phone}-1", True), (f"{TRUNK}-2", customer)]
        node.switchboard.seen = {name: ChannelSeen(call_id, name, bridged) for name, bridged in names}
        await node.watcher.sweep()
        await node.watcher.sweep()
        assert (row.state, node.watcher.drift["answer"]) == (("talking", 1) if customer else ("dialling", 0))
        if not customer:
            leg.hang_up()

    leg.on_dial = ring
    await node.take(leg)
    assert (row.state, row.outcome) == (("closed", "served") if customer else ("waiting", None))


async def test_another_node_finds_that_the_customer_of_a_dead_one_was_reached():
    node, row, leg = await called()
    call_id, phone = leg.arrival.call_id, "PJSIP/grace"
    names = [leg.arrival.channel, f"{phone}-1", f"{TRUNK}-2"]
    node.switchboard.seen = {name: ChannelSeen(call_id, name, True) for name in names}
    await node.watcher.sweep()
    assert (row.state, row.next_at) == ("talking", node.clock.now() + LEASE_S)
