"""How many calls took which way, counted in the record of calls, on both databases."""

import pytest

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.graph import Traffic
from models.tables import CallEventRow, CallRow
from models.traffic import TrafficCounts


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


async def _call(
    database, call_id: str, *events: tuple[str, dict[str, str]], at: float = 100.0, entry: str | None = None
):
    async with database.write() as session:
        session.add(
            CallRow(id=call_id, uniqueid=call_id, channel="c", node="a", state="ended", started_at=at, entry=entry)
        )
        await session.flush()
        for number, (kind, data) in enumerate(events):
            session.add(CallEventRow(call_id=call_id, at=at + number, kind=kind, data=data))
            await session.flush()


def _step(name: str, by: str | None = None) -> tuple[str, dict[str, str]]:
    return "step", {"step": name} | ({"by": by} if by else {})


def _key(menu: str, option: str) -> tuple[str, dict[str, str]]:
    return "key", {"menu": menu, "option": option, "key": "1", "label": option}


async def test_without_calls_there_is_no_traffic(database):
    assert await TrafficCounts(database).since(0.0) == Traffic({}, {}, {})


async def test_each_way_is_counted_by_calls_not_by_rounds(database):
    rounds = (_step("main"), _key("main", "cards"), _step("cards"), ("back", {"menu": "cards", "key": "*"}))
    await _call(database, "a", *rounds, *rounds, _step("main"))
    await _call(database, "b", _step("main"), ("prompts", {}), _key("main", "cards"), ("order", {}), _step("cards"))
    traffic = await TrafficCounts(database).since(0.0)
    assert traffic.visits == {"main": 2, "cards": 2}
    assert traffic.moves == {("main", "cards", "cards"): 2, ("cards", "back", "main"): 1}
    assert traffic.entries == {"": 2}


async def test_silence_wrong_keys_and_the_ways_of_other_steps_are_told_apart(database):
    await _call(database, "a", _step("main"), ("no_input", {"menu": "main"}), _step("main"),
                ("gave_up", {"menu": "main"}), _step("agent"))  # fmt: skip
    await _call(database, "b", _step("main"), ("gave_up", {"menu": "main", "key": "9"}), _step("agent"))
    await _call(database, "c", _step("hello"), _step("ask"), _step("agent", by="cases.1.then"))
    assert (await TrafficCounts(database).since(0.0)).moves == {
        ("main", "no_input", "main"): 1,
        ("main", "gave_up", "agent"): 1,
        ("main", "invalid", "agent"): 1,
        ("hello", "", "ask"): 1,
        ("ask", "cases.1.then", "agent"): 1,
    }


async def test_older_calls_are_left_out_and_entries_are_counted(database):
    await _call(database, "old", _step("main"), _step("agent"), at=10.0, entry="cards_line")
    await _call(database, "new", _step("main"), _step("agent"), at=100.0, entry="cards_line")
    await _call(database, "other", _step("main"), at=100.0)
    traffic = await TrafficCounts(database).since(50.0)
    assert traffic == Traffic({"main": 2, "agent": 1}, {("main", "", "agent"): 1}, {"cards_line": 1, "": 1})
