"""Pauses of recordings: only one's own, stored first, tried again until the switch confirms, ended by the limit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ivr.desktop.views import offer_part
from ivr.errors import ActionUnknown, SwitchAway
from ivr.pausing import Pauses
from ivr.ports import Recording, RecordingState, TalkRecording
from ivr.testing.stage import Stage
from ivr.testing.world import WISH
from menus.facts import CallerFacts
from routing.agent import AgentState
from routing.decision import decide
from routing.errors import IllegalMove, StoreAway
from routing.offer import Claimed, OfferState
from routing.talk import Sent, TalkEvent


class Talk:
    """Two agents; the first talks in a call that is recorded."""

    def __init__(self) -> None:
        self.stage = Stage(settings={"recordings": {"longest_pause_s": 60}})
        self.pauses = Pauses(self.stage.parts)

    async def begin(self) -> "Talk":
        stage, now = self.stage, self.stage.clock.now()
        for name in ("grace", "tom"):
            stage.agent(name)
        stage.log.opened(stage.leg().arrival, now=now, facts=CallerFacts(), language="en", book_version=1)
        await stage.exchange.open_need("call-1", WISH, now=now)
        (decision,) = decide(await stage.exchange.snapshot(now=now), now)
        claimed = await stage.exchange.claim(decision, node="node-a", now=now, lease_s=15)
        await stage.exchange.answered(claimed.offer_id, claimed.fence, now=now)  # type: ignore[union-attr]
        self.agent_id, self.offer_id = stage.offer.agent_id, stage.offer.id
        await stage.talk_recordings.begun(Recording("r1", "call-1", "conversation", 0.0), now=now)
        return self

    async def state(self) -> RecordingState:
        seen = await self.stage.talk_recordings.of_call("call-1")
        assert seen is not None
        return seen.state

    def told(self) -> list[Mapping[str, Any]]:
        return [
            {key: told[key] for key in ("paused", "confirmed", "by")} for told in self.stage.told("recording_pause")
        ]


@pytest.fixture
async def talk() -> Talk:
    return await Talk().begin()


async def test_a_pause_is_confirmed_by_the_switch_and_told_in_the_record_of_the_call(talk: Talk) -> None:
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    assert talk.stage.switchboard.muted == {"call-1": True}
    assert await talk.state() is RecordingState.PAUSED
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=False)
    assert talk.stage.switchboard.muted == {"call-1": False}
    assert await talk.state() is RecordingState.ON
    assert [told["by"] for told in talk.told()] == [talk.stage.store.agents[talk.agent_id].name] * 2


async def test_who_is_consulted_can_neither_pause_the_recording_nor_let_it_go_on(talk: Talk) -> None:
    stage, now = talk.stage, talk.stage.clock.now()
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    await stage.talks.open_second("call-1", WISH, Sent(talk.agent_id, "grace", "general", TalkEvent.CONSULT), now=now)
    (decision,) = decide(await stage.exchange.snapshot(now=now), now)
    claimed = await stage.exchange.claim(decision, node="node-a", now=now, lease_s=15)
    assert isinstance(claimed, Claimed)
    await stage.exchange.answered(claimed.offer_id, claimed.fence, now=now)
    for paused in (True, False):
        with pytest.raises(IllegalMove):
            await talk.pauses.ask(decision.agent_id, claimed.offer_id, paused=paused)
    assert stage.switchboard.muted == {"call-1": True}
    seen = await stage.roster.offer_of(decision.agent_id)
    assert seen is not None
    seen = replace(seen, recording=await stage.talk_recordings.of_call("call-1"))
    assert (seen.kind, offer_part(seen, now).recording) == ("second", None)
    assert offer_part(replace(seen, kind="call"), now).recording is not None


@pytest.mark.parametrize("fault", [SwitchAway("no"), ActionUnknown("late")])
async def test_a_pause_that_was_not_confirmed_is_never_shown_as_one_and_is_tried_again(
    talk: Talk, fault: Exception
) -> None:
    talk.stage.switchboard.mute_fault = fault
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    await talk.pauses.look()
    assert await talk.state() is RecordingState.PAUSING
    talk.stage.switchboard.mute_fault = None
    await talk.pauses.look()
    assert await talk.state() is RecordingState.PAUSED
    assert [(told["confirmed"], told["by"]) for told in talk.told()][-1] == (True, "again")
    assert len(talk.told()) == 2, "the tries in between are not told one by one"


async def test_a_pause_ends_by_itself_and_not_before(talk: Talk) -> None:
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    talk.stage.clock.advance(59)
    await talk.pauses.look()
    assert await talk.state() is RecordingState.PAUSED
    talk.stage.clock.advance(1)
    await Pauses(Stage(node="node-b", beside=talk.stage).parts).look()
    assert await talk.state() is RecordingState.ON
    assert talk.told()[-1] == {"paused": False, "confirmed": True, "by": "limit"}


async def test_a_pause_that_was_asked_for_anew_just_as_the_old_one_ended_is_not_ended_with_it(talk: Talk) -> None:
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    talk.stage.clock.advance(60)
    amiss = talk.stage.talk_recordings.amiss

    async def late(*, now: float) -> tuple[TalkRecording, ...]:
        found = await amiss(now=now)
        await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
        return found

    talk.stage.talk_recordings.amiss = late  # type: ignore[method-assign]
    await talk.pauses.look()
    assert talk.stage.switchboard.muted == {"call-1": True}
    assert await talk.state() is RecordingState.PAUSED


async def test_an_agent_pauses_only_the_conversation_that_they_have_themselves(talk: Talk) -> None:
    other = next(id_ for id_ in talk.stage.store.agents if id_ != talk.agent_id)
    for agent_id, offer_id in ((other, talk.offer_id), (talk.agent_id, talk.offer_id + 1)):
        with pytest.raises(IllegalMove):
            await talk.pauses.ask(agent_id, offer_id, paused=True)
    talk.stage.store.offers[talk.offer_id].state = OfferState.RINGING.value
    with pytest.raises(IllegalMove):
        await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    assert talk.stage.switchboard.muted == {}
    assert talk.stage.store.agents[other].state == AgentState.READY


async def test_nothing_is_paused_where_nothing_is_recorded(talk: Talk) -> None:
    await talk.stage.talk_recordings.dropped("r1")
    with pytest.raises(IllegalMove):
        await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)


async def test_without_the_store_nothing_is_promised(talk: Talk) -> None:
    talk.stage.store.away = True
    with pytest.raises(StoreAway):
        await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)


async def test_a_wish_that_crosses_another_is_carried_out_last(talk: Talk) -> None:
    """The agent says pause while an older wish to go on is still on its way to the switch."""
    stage = talk.stage
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=True)
    mute = stage.switchboard.mute_recording
    crossed = False

    async def late(call_id: str, *, muted: bool) -> None:
        nonlocal crossed
        if not crossed:
            crossed = True
            await Pauses(stage.parts).ask(talk.agent_id, talk.offer_id, paused=True)
        await mute(call_id, muted=muted)

    stage.switchboard.mute_recording = late  # type: ignore[method-assign]
    await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=False)
    assert stage.switchboard.muted == {"call-1": True}
    assert await talk.state() is RecordingState.PAUSED


async def test_a_recording_whose_call_ended_without_its_engine_is_closed_by_any_node(talk: Talk, tmp_path: Any) -> None:
    stage = Stage(node="node-b", beside=talk.stage, settings={"recordings": {"folder": str(tmp_path)}})
    (tmp_path / "r1.wav").write_bytes(bytes(44 + 32_000))
    stage.store.calls["call-1"].ended_at = stage.clock.now()
    await Pauses(stage.parts).look()
    assert stage.store.talk_recordings["r1"].ended_at is None, "its own engine may be about to do it"
    stage.clock.advance(6)
    await Pauses(stage.parts).look()
    assert [one.seconds for one in stage.store.recordings] == [2.0]


async def test_an_agent_cannot_let_a_recording_go_on_that_the_customer_has_not_agreed_to(talk: Talk) -> None:
    talks, now = talk.stage.talk_recordings, talk.stage.clock.now()
    await talks.begun(Recording("r2", "call-1", "conversation", 0.0), now=now + 1, asked=True)
    await talk.pauses.look()
    assert (await talk.state(), talk.stage.switchboard.muted) == (RecordingState.ASKING, {"call-1": True})
    for agrees in (None, False):
        if agrees is not None:
            talk.stage.switchboard.agrees["call-1"] = agrees
            await talk.pauses.look()
        for paused in (True, False):
            with pytest.raises(IllegalMove):
                await talk.pauses.ask(talk.agent_id, talk.offer_id, paused=paused)
    assert (await talk.state(), talk.stage.switchboard.muted) == (RecordingState.REFUSED, {"call-1": True})


async def test_while_the_switch_cannot_be_asked_nobody_has_agreed(talk: Talk) -> None:
    talks, board = talk.stage.talk_recordings, talk.stage.switchboard
    await talks.begun(Recording("r2", "call-1", "conversation", 0.0), now=talk.stage.clock.now() + 1, asked=True)
    await talk.pauses.look()
    board.agrees["call-1"], board.mute_fault = True, SwitchAway("no")
    await talk.pauses.look()
    assert await talk.state() is RecordingState.ASKING
    board.mute_fault = None
    await talk.pauses.look()
    assert (await talk.state(), board.muted) == (RecordingState.ON, {"call-1": False})


async def test_nothing_is_kept_of_a_call_that_ended_without_its_engine_before_the_customer_agreed(
    talk: Talk, tmp_path: Any
) -> None:
    stage = Stage(node="node-b", beside=talk.stage, settings={"recordings": {"folder": str(tmp_path)}})
    now = stage.clock.now()
    await stage.talk_recordings.dropped("r1")
    await stage.talk_recordings.begun(Recording("r2", "call-1", "conversation", 0.0), now=now, asked=True)
    (tmp_path / "r2.wav").write_bytes(bytes(44 + 32_000))
    stage.store.calls["call-1"].ended_at = now
    stage.clock.advance(6)
    await Pauses(stage.parts).look()
    assert (stage.store.recordings, list(tmp_path.iterdir())) == ([], [])
