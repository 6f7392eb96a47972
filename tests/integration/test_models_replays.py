"""Recorded calls for a replay, in order and in pieces, on both databases."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import HistoryEvent
from models.replays import BATCH, WINDOW_S, CallToReplay, Replays
from models.tables import CallEventRow, CallRow, CustomerRow, HistoryEventRow

ZONE = ZoneInfo("Asia/Shanghai")
T = 1_790_000_000.0
DAY = 86_400.0


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


async def _calls(database, *calls: tuple[str, float], customer_id: int | None = None, over: bool = True) -> None:
    rows = [
        {"id": id_, "uniqueid": id_, "channel": "c", "node": "a", "state": "ended", "started_at": at,
         "ended_at": at + 60 if over else None, "dnis": "95588", "language": "en", "book_version": 3,
         "customer_id": customer_id}
        for id_, at in calls
    ]  # fmt: skip
    events = [
        {"call_id": id_, "at": at + number, "kind": kind, "data": {"menu": "main"}}
        for id_, at in calls
        for number, kind in enumerate(("step", "menu", "prompts", "key"))
    ]
    async with database.write() as session:
        await session.execute(insert(CallRow), rows)
        await session.execute(insert(CallEventRow), events)


async def _read(database, since: float = 0.0, *, histories: bool = True, days: int = 1000) -> list[CallToReplay]:
    replays = Replays(database, ZONE, history_days=days)
    found = [call async for call in replays.calls(since, histories=histories)]
    assert await replays.count(since) == len(found)
    return found


async def test_without_calls_there_is_nothing_to_replay(database) -> None:
    assert await _read(database) == []


async def test_a_call_comes_with_what_tells_of_its_menus(database) -> None:
    await _calls(database, ("a", T))
    (call,) = await _read(database)
    assert call == CallToReplay(
        "a", T, "95588", "en", 3, None,
        ((T, "step", {"menu": "main"}), (T + 1, "menu", {"menu": "main"}), (T + 3, "key", {"menu": "main"})),
    )  # fmt: skip


async def test_calls_come_once_each_and_by_their_time(database) -> None:
    many = [(f"c{number:03}", T + number // 3) for number in range(BATCH * 2 + 5)]
    await _calls(database, ("late", T + 3 * WINDOW_S), *many, ("edge", T + WINDOW_S))
    assert [call.id for call in await _read(database)] == [*(id_ for id_, _ in many), "edge", "late"]
    assert [call.id for call in await _read(database, T + WINDOW_S)] == ["edge", "late"]
    assert all(len(call.events) == 3 for call in await _read(database))


async def test_calls_that_go_on_and_calls_that_we_made_are_left_out(database) -> None:
    await _calls(database, ("over", T), ("callback-1-1", T))
    await _calls(database, ("goes-on", T), over=False)
    assert [call.id for call in await _read(database)] == ["over"]


async def test_a_customer_comes_with_what_they_had_done_before_the_call(database) -> None:
    async with database.write() as session:
        person = {"id": 7, "name": "Li", "language": "en", "segment": "mass", "since_on": date(2020, 1, 1)}
        await session.execute(insert(CustomerRow), [person])
        done = [{"customer_id": 7, "at": T + days * DAY, "task": "card"} for days in (-500, -30, -1, 1)]
        await session.execute(insert(HistoryEventRow), done)
    await _calls(database, ("a", T), customer_id=7)
    await _calls(database, ("b", T))
    known, unknown = await _read(database, days=400)
    assert known.history == tuple(
        HistoryEvent(datetime.fromtimestamp(T - days * DAY, ZONE), "card") for days in (30, 1)
    )
    assert unknown.history == ()
    assert all(call.history == () for call in await _read(database, histories=False))
