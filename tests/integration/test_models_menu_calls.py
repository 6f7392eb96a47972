"""Recorded calls come a caller's together, oldest first, whatever the size of a page, on both databases."""

from datetime import date

import pytest

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.evaluation.visits import visits_of
from models.menu_calls import MenuCalls
from models.tables import CallEventRow, CallRow, CustomerRow


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


async def _call(database, id_: str, at: float, *, customer: int | None = None, ani: str | None = "+861", **more):
    about = {"ended_at": at + 60, "result": "served", "reason": "agent", **more}
    async with database.write() as session:
        if customer is not None and await session.get(CustomerRow, customer) is None:
            session.add(CustomerRow(id=customer, name="A", language="en", segment="mass", since_on=date(2020, 1, 1)))
            await session.flush()
        session.add(
            CallRow(id=id_, uniqueid=id_, channel="c", node="a", state="ended", started_at=at, ani=ani,
                    customer_id=customer, **about)
        )  # fmt: skip
        await session.flush()
        for late, kind in enumerate(("menu", "popped", "key")):
            data = {"menu": "main", "order": [], "record": {"language": "en"}, "option": id_}
            session.add(CallEventRow(call_id=id_, at=at + late, kind=kind, data=data))
            await session.flush()


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_every_call_comes_once_with_its_caller_and_its_events(database, page):
    await _call(database, "b2", 20.0, customer=2)
    await _call(database, "b1", 10.0, customer=2, ani="+862")
    await _call(database, "a1", 30.0, customer=1)
    await _call(database, "n2", 12.0, ani="+863")
    await _call(database, "n1", 11.0, ani="+863")
    await _call(database, "n3", 11.0, ani="+863")
    await _call(database, "nobody", 11.0, ani=None)
    found = [call async for call in MenuCalls(database, page=page).of(0.0, 100.0)]
    assert [(call.caller, call.id) for call in found] == [
        ("customer:1", "a1"), ("customer:2", "b1"), ("customer:2", "b2"),
        ("number:+863", "n1"), ("number:+863", "n3"), ("number:+863", "n2"),
    ]  # fmt: skip
    assert [kind for _, kind, _ in found[0].events] == ["menu", "key"]
    assert [call.events[-1][2]["option"] for call in found] == [call.id for call in found]
    assert [visit.seconds for visit in visits_of(found[0])] == [2.0]
    assert (found[0].result, found[0].reason) == ("served", "agent")
    assert await MenuCalls(database).without_number(0.0, 100.0) == 1


async def test_calls_of_another_time_going_on_or_made_by_us_are_left_out(database):
    await _call(database, "old", 9.0)
    await _call(database, "going-on", 20.0, ended_at=None, result=None, reason=None)
    await _call(database, "callback-7", 20.0)
    await _call(database, "late", 50.0)
    await _call(database, "in-time", 10.0)
    assert [call.id async for call in MenuCalls(database).of(10.0, 50.0)] == ["in-time"]
