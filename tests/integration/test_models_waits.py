"""What was to be seen when waits were told, read again to be learned from, on every database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.waits import SIGHT
from models.database import Database
from models.tables import AgentRow, CallRow, NeedRow, OfferRow, ToldWaitRow
from models.waits import WaitBook
from routing.wait_ranges import WaitRange
from routing.waits import SeenWait

T = 1_790_000_000.0


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as database:
        yield database


async def _needs(database: Database) -> None:
    """One is answered after 90 s, one leaves after 40 s, one still waits."""
    async with database.write() as session:
        session.add(AgentRow(id=1, name="grace", full_name="Grace", password_hash="", phone="PJSIP/x"))
        session.add(CallRow(id="c", uniqueid="c", channel="c", node="a", state="ended", started_at=T))
        await session.flush()
        for number, state, closed_at in ((1, "closed", T + 300), (2, "closed", T + 40), (3, "waiting", None)):
            session.add(NeedRow(id=number, call_id="c", queue=f"q{number}", required={}, language="en", not_agents=[],
                                since=T, state=state, closed_at=closed_at))  # fmt: skip
        await session.flush()
        session.add(OfferRow(call_id="c", need_id=1, agent_id=1, node="a", fence=1, state="completed", why={},
                             made_at=T + 80, answered_at=T + 90, closed_at=T + 300))  # fmt: skip


async def test_waits_that_are_over_are_read_page_by_page_with_what_was_to_be_seen(database: Database) -> None:
    await _needs(database)
    book = WaitBook(database)
    for need_id, at, said in ((1, 0, None), (2, 10, WaitRange(0, 3)), (3, 20, None), (1, 60, WaitRange(0, 2))):
        assert await book.tell(need_id, said, SIGHT, mean_s=60.0, basis=None, now=T + at)
    async with database.write() as session:  # of a version that kept no sight
        session.add(ToldWaitRow(need_id=1, at=T + 61, least_min=0, most_min=2, mean_s=60.0, ahead=1.0, agents=2))
    every = [
        SeenWait("q1", T + 60, SIGHT, 30.0, served=True),
        SeenWait("q2", T + 10, SIGHT, 30.0, served=False),
        SeenWait("q1", T, SIGHT, 90.0, served=True),
    ]
    assert [one async for one in book.seen(since=T, most=100, page=2)] == every
    assert [one async for one in book.seen(since=T + 5, most=100, page=2)] == every[:2]
    assert [one async for one in book.seen(since=T, most=2, page=2)] == every[:1]
