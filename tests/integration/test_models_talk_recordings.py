"""Recordings of conversations: the database and its twin keep the same of what is wished and what was confirmed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from ivr.ports import Recording, RecordingState, TalkRecordings
from ivr.testing.databases import fresh_database
from ivr.testing.store import MemoryStore
from ivr.testing.talk_recordings import MemoryTalkRecordings
from models.database import Database
from models.recordings import Recordings
from models.tables import CallRow, RecordingRow
from models.talk_recordings import TalkRecordings as Stored
from routing.errors import StoreAway

T = 1_790_000_000.0
CALL = {"uniqueid": "", "channel": "PJSIP/x", "node": "node-a", "state": "menu", "started_at": T}
ONE = Recording("c1-general-1-talk", "c1", "conversation", 0.0)


class World:
    def __init__(self, talks: TalkRecordings, place: MemoryStore | Database) -> None:
        self.talks, self.place = talks, place

    async def end_call(self, at: float) -> None:
        if isinstance(self.place, MemoryStore):
            self.place.calls["c1"].ended_at = at
            return
        async with self.place.write() as session:
            await session.execute(update(CallRow).where(CallRow.id == "c1").values(ended_at=at))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore(calls={"c1": CallRow(id="c1", **CALL)})
        yield World(MemoryTalkRecordings(store), store)
        return
    async with fresh_database(request.param, tmp_path) as database:
        async with database.write() as session:
            await session.execute(insert(CallRow).values(id="c1", **CALL))
        yield World(Stored(database), database)


async def state(talks: TalkRecordings) -> RecordingState | None:
    found = await talks.of_call("c1")
    return found and found.state


@pytest.mark.parametrize("agrees", [True, False])
async def test_a_recording_that_was_asked_for_is_silent_until_the_customer_has_agreed(
    world: World, agrees: bool
) -> None:
    talks = world.talks
    await talks.begun(ONE, now=T, asked=True)
    (found,) = await talks.amiss(now=T)
    assert await state(talks) is RecordingState.PAUSING
    assert await talks.confirmed(ONE.id, found.version, muted=True)
    assert await state(talks) is RecordingState.ASKING
    assert len(await talks.amiss(now=T)) == 1, "their answer is asked for"
    answered = await talks.answered(ONE.id, agrees=agrees)
    assert answered is not None
    assert await talks.answered(ONE.id, agrees=True) is None, "once"
    assert await state(talks) is (RecordingState.RESUMING if agrees else RecordingState.REFUSED)
    assert len(await talks.amiss(now=T)) == agrees
    assert await talks.confirmed(ONE.id, answered.version, muted=not agrees)
    assert await state(talks) is (RecordingState.ON if agrees else RecordingState.REFUSED)
    assert await talks.amiss(now=T) == ()


async def test_a_pause_counts_only_when_the_switch_has_confirmed_the_newest_wish(world: World) -> None:
    talks = world.talks
    assert await talks.wish("c1", pause_until=T + 60) is None, "nothing is recorded yet"
    await talks.begun(ONE, now=T)
    await talks.begun(ONE, now=T + 1)
    assert await state(talks) is RecordingState.ON
    assert await talks.amiss(now=T + 1) == ()
    first = await talks.wish("c1", pause_until=T + 60)
    assert first is not None
    assert await state(talks) is RecordingState.PAUSING
    assert await talks.amiss(now=T + 1) == (first,)
    assert await talks.confirmed(ONE.id, first.version, muted=None)
    assert await state(talks) is RecordingState.PAUSING
    assert await talks.confirmed(ONE.id, first.version, muted=True)
    assert await state(talks) is RecordingState.PAUSED
    assert await talks.amiss(now=T + 59) == ()
    assert len(await talks.amiss(now=T + 60)) == 1
    assert await talks.wish("c1", pause_until=None, version=first.version + 1) is None, "something else is wished"
    second = await talks.wish("c1", pause_until=None, version=first.version)
    assert second is not None
    assert await state(talks) is RecordingState.RESUMING
    assert not await talks.confirmed(ONE.id, first.version, muted=True), "a late answer to the wish before"
    assert await state(talks) is RecordingState.RESUMING
    assert len(await talks.amiss(now=T)) == 1
    assert await talks.confirmed(ONE.id, second.version, muted=False)
    assert await state(talks) is RecordingState.ON


async def test_a_recording_is_open_until_it_is_closed_or_dropped(world: World) -> None:
    talks = world.talks
    with pytest.raises(StoreAway):
        await talks.begun(Recording("x", "unknown", "conversation", 0.0), now=T)
    await talks.begun(ONE, now=T)
    await world.end_call(T + 10)
    assert await talks.left_open(ended_before=T + 10) == ()
    assert [one.recording for one in await talks.left_open(ended_before=T + 11)] == [ONE.id]
    await talks.ended(ONE.id, 9.5, now=T + 10)
    assert await state(talks) is None
    assert await talks.left_open(ended_before=T + 11) == ()
    assert await talks.confirmed(ONE.id, 0, muted=True)
    if isinstance(world.place, Database):
        kept = await Recordings(world.place).newest(9)
        assert [(one.purpose, one.seconds) for one in kept] == [("conversation", 9.5)]
        await Recordings(world.place).forget([ONE.id])
        async with world.place.read() as session:
            assert list(await session.scalars(select(RecordingRow.id))) == []
    else:
        assert [one.seconds for one in world.place.recordings] == [9.5]
    await talks.begun(Recording("two", "c1", "conversation", 0.0), now=T)
    await talks.dropped("two")
    assert await state(talks) is None
