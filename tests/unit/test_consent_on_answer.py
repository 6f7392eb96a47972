"""A customer who is asked for consent when they pick up, and whom the first agent hands on meanwhile."""

import asyncio
from pathlib import Path

import pytest

from ivr.pausing import Pauses
from ivr.ports import AGENT_FIRST, Arrival, Dialled, DialStatus, OnAnswer, PhoneAnswered, RecordingState
from ivr.queues import Queue
from ivr.testing.calling_back import SETTINGS, wish
from ivr.testing.line import Break, Press, ScriptedLeg
from ivr.testing.stage import Stage
from menus.schema import MenuBook
from routing.talk import Ask, TalkEvent, Target, TargetKind
from tests.unit.test_agent_first import SPEAKS, TRUNK, book

ON, ASKING, REFUSED = RecordingState.ON, RecordingState.ASKING, RecordingState.REFUSED


class Scene:
    """Grace has the call; before the customer has answered the question she hands it on to carol, of another queue."""

    def __init__(self, folder: Path, second: str, book: MenuBook) -> None:
        queues = {
            "general": Queue(skills={"general": 1}, callback_first="agent", recording="asked"),
            "cards": Queue(skills={"cards": 3}, recording=second),  # type: ignore[arg-type]
        }
        self.folder = folder
        self.node = Stage(book, settings={**SETTINGS, "recordings": {"folder": str(folder)}}, queues=queues)
        self.states: list[RecordingState | None] = []  #: of carol's recording: as it begins, and after the answer
        self.said: bool | None = None

    async def called(self) -> ScriptedLeg:
        await wish(self.node)
        self.grace = self.node.agent(skills=SPEAKS)
        await self.node.dialler.round()
        (_, self.call_id) = self.node.switchboard.called_out[-1]
        return self.leg()

    def leg(self, rung: int = 1) -> ScriptedLeg:
        channel = f"{AGENT_FIRST}00000001;1"
        arrival = Arrival(self.call_id, self.call_id, channel, None, "", "callback", rung)
        made = ScriptedLeg(arrival, self.node.clock, [])
        made.tells, made.dials = OnAnswer.ASKED, [Dialled(DialStatus.ANSWERED, 2.0)] * 5
        self.node.legs[channel] = made
        return made

    async def answered(self, phone: str) -> None:
        event = PhoneAnswered(self.call_id, phone, f"{phone}-1")
        await self.node.watcher.take(event)
        await self.node.dialler.take(event)

    async def picks_up(self) -> None:
        await self.node.dialler.take(PhoneAnswered(self.call_id, TRUNK, f"{TRUNK}-2"))

    async def hands_on(self) -> None:
        ask = Ask(TalkEvent.TRANSFER, self.node.clock.now(), Target(TargetKind.QUEUE, "cards"), "")
        assert await self.node.talks.ask(self.grace.id, self.node.offer.id, ask) is not None

    def says(self, leg: ScriptedLeg, agrees: bool | None) -> None:
        if agrees is not None:
            self.node.switchboard.agrees[self.call_id] = leg.agrees = agrees

    async def state(self) -> RecordingState | None:
        found = await self.node.talk_recordings.of_call(self.call_id)
        return found and found.state

    async def talks_to_carol(self, leg: ScriptedLeg, agrees: bool | None) -> None:
        """Her phone is answered; then the customer answers, if they have not before."""
        if leg.monitored:
            Path(f"{leg.monitored}.wav").write_bytes(bytes(44 + 16_000))
        self.states.append(await self.state())
        self.says(leg, agrees)
        await self.answered("PJSIP/carol")
        await Pauses(self.node.parts).look()
        self.states.append(await self.state())

    def kept(self) -> int:
        rows = [row.id for row in self.node.store.recordings]
        assert sorted(rows) == sorted(file.stem for file in self.folder.iterdir())
        return len(rows)


@pytest.mark.parametrize("picked_up", [True, False])
@pytest.mark.parametrize(
    ("second", "agrees", "states"),
    [
        ("asked", True, [ASKING, ON]),
        ("asked", False, [ASKING, REFUSED]),
        ("announced", True, [None, None]),  # nobody was told
        ("announced", False, [None, None]),
        ("never", True, [None, None]),
    ],
)
async def test_who_is_handed_on_before_they_have_answered_is_recorded_only_when_they_have_agreed(
    tmp_path: Path, second: str, agrees: bool, states: list[RecordingState | None], picked_up: bool
) -> None:
    scene = Scene(tmp_path, second, book())
    leg = await scene.called()
    scene.node.agent("carol", skills={"cards": 5, "lang:zh": 5})

    async def ring(phone: str) -> None:
        if len(leg.rung) == 2:
            await scene.talks_to_carol(leg, agrees)
        else:
            await scene.answered(phone)
            if picked_up:
                await scene.picks_up()
            await scene.hands_on()

    leg.on_dial = ring
    await scene.node.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/carol"]
    assert scene.states == states
    assert scene.kept() == (states[1] is ON)
    assert not {"record_now", "may_record"} & set(leg.heard), "nobody hears that half of the call yet"


@pytest.mark.parametrize(
    ("second", "agrees", "recorded", "heard"),
    [
        ("asked", True, True, []),
        ("asked", False, False, []),
        ("announced", True, True, []),
        ("announced", False, True, ["record_now"]),  # who has refused there is told here
        ("never", True, False, []),
    ],
)
async def test_who_has_answered_before_they_are_handed_on_is_not_asked_again(
    tmp_path: Path, second: str, agrees: bool, recorded: bool, heard: list[str]
) -> None:
    scene = Scene(tmp_path, second, book())
    leg = await scene.called()
    scene.node.agent("carol", skills={"cards": 5, "lang:zh": 5})

    async def ring(phone: str) -> None:
        if len(leg.rung) == 2:
            await scene.talks_to_carol(leg, agrees)
            return
        if leg.monitored:
            Path(f"{leg.monitored}.wav").write_bytes(bytes(44 + 16_000))
        await scene.answered(phone)
        await scene.picks_up()
        scene.says(leg, agrees)
        await Pauses(scene.node.parts).look()
        await scene.hands_on()

    leg.on_dial = ring
    await scene.node.take(leg)
    assert scene.states == [ON if recorded else None] * 2
    assert scene.kept() == agrees + recorded
    assert [prompt for prompt in leg.heard if prompt in ("record_now", "may_record")] == heard


@pytest.mark.parametrize("second", ["asked", "never"])
@pytest.mark.parametrize("said", [True, False, None])
async def test_another_engine_takes_no_name_of_a_file_for_a_yes(tmp_path: Path, said: bool | None, second: str) -> None:
    """The first engine dies while the caller waits for carol; the customer has picked up, and perhaps answered."""
    scene = Scene(tmp_path, second, book())
    leg = await scene.called()

    async def ring(phone: str) -> None:
        await scene.answered(phone)
        await scene.hands_on()
        leg.script.append(Break(after_s=10))
        scene.node.clock.later(5, lambda: asyncio.ensure_future(scene.picks_up()))

    leg.on_dial = ring
    await scene.node.take(leg)
    scene.node.agent("carol", skills={"cards": 5, "lang:zh": 5})
    again = scene.leg(rung=2)
    again.noted, again.script = leg.noted, [Press("1", "may_record")]
    scene.says(again, said)
    scene.node.switchboard.muted.clear()
    again.on_dial = lambda phone: scene.talks_to_carol(again, None)
    await scene.node.take(again)
    assert again.rung == ["PJSIP/carol"]
    begins = {True: ON, False: None, None: ASKING}[said] if second == "asked" else None
    assert scene.states == [begins, begins]
    assert scene.kept() == (begins is ON)
    assert "may_record" not in again.heard
    told = [one["given"] for one in scene.node.told("recording_consent", scene.call_id) if one["how"] == "asked"]
    assert told == ([said] if said is not None and second == "asked" else [])


async def test_a_yes_that_comes_while_the_recording_is_made_silent_is_not_lost(tmp_path: Path) -> None:
    """The other node hears the answer between the engine's order to the switch and what it stores of it."""
    scene = Scene(tmp_path, "asked", book())
    leg = await scene.called()
    board, pauses = scene.node.switchboard, Pauses(scene.node.parts)
    mute, crossed = board.mute_recording, []

    async def slowly(call_id: str, *, muted: bool) -> None:
        await mute(call_id, muted=muted)
        if not crossed:
            crossed.append(call_id)
            board.agrees[call_id] = True
            await pauses.look()
            await mute(call_id, muted=True)  # this order arrives last

    board.mute_recording = slowly  # type: ignore[method-assign]
    seen = []

    async def ring(phone: str) -> None:
        seen.append((await scene.state(), board.muted[scene.call_id]))
        await scene.answered(phone)

    leg.on_dial = ring
    await scene.node.take(leg)
    assert crossed
    assert seen == [(ON, False)]
