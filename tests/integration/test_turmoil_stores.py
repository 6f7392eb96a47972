"""The state machine on databases: the product's own claims, moves and sweeps on rows, with its journal of calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from ivr.testing.databases import POSTGRESQL, SQLITE
from ivr.testing.turmoil.callback_machine import Callbacks
from ivr.testing.turmoil.ground import DatabaseGround, prepared, stored_ground
from ivr.testing.turmoil.machine import NODES, Turmoil
from models import claiming, claims
from models.tables import AgentRow, NeedRow
from routing.decision import Decision

SETTINGS = settings(
    stateful_step_count=25, suppress_health_check=list(HealthCheck), deadline=None, database=None, print_blob=True
)


@asynccontextmanager
async def database(kind: str, *statements: str) -> AsyncIterator[DatabaseGround]:
    with TemporaryDirectory(prefix="ringwise-turmoil-") as folder:
        names = tuple(f"node-{number}" for number in range(NODES))
        async with stored_ground(kind, Path(folder), names) as ground:
            async with ground.database.write() as session:
                for statement in statements:
                    await session.execute(text(statement))
            yield ground


class OnSqlite(Callbacks):
    ground = staticmethod(lambda: database(SQLITE))


class OnPostgresql(Callbacks):
    ground = staticmethod(lambda: database(POSTGRESQL))


class WithoutIndexes(Turmoil):
    ground = staticmethod(
        lambda: database(SQLITE, "DROP INDEX one_open_offer_per_agent", "DROP INDEX one_open_offer_per_need")
    )


@pytest.mark.fault("F18", "lost hints, claims and writes, dead nodes and wrong clocks in many simulated offers")
def test_nothing_goes_wrong_on_sqlite() -> None:
    run_state_machine_as_test(OnSqlite, settings=settings(SETTINGS, max_examples=5))


@pytest.mark.postgresql
@pytest.mark.fault("F18", "lost hints, claims and writes, dead nodes and wrong clocks in many simulated offers")
def test_nothing_goes_wrong_on_postgresql(tmp_path: Path) -> None:
    asyncio.run(prepared(POSTGRESQL, tmp_path))
    run_state_machine_as_test(OnPostgresql, settings=settings(SETTINGS, max_examples=4))


def test_claims_that_compare_nothing_are_found_without_the_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    take_all_alone = claiming.take_all_alone

    async def careless(session: Any, decisions: Sequence[Decision], holder: claiming.Holder) -> Any:
        """Everybody is as they were decided on, by main force."""
        as_decided = []
        for one in decisions:
            need, agent = await session.get_one(NeedRow, one.need_id), await session.get_one(AgentRow, one.agent_id)
            need.state, agent.state = "waiting", "ready"
            as_decided.append(Decision(need.id, need.version, agent.id, agent.version, one.call_id))
        await session.flush()
        return await take_all_alone(session, as_decided, holder)

    monkeypatch.setattr(claims, "take_all_alone", careless)
    machine = WithoutIndexes()
    machine.begin(callers=1, decided=True, served=True)
    with pytest.raises(AssertionError, match="was claimed"):
        machine.an_old_decision_is_claimed(1, 0)
    with pytest.raises(AssertionError, match="has 2 open offers"):
        machine.nothing_is_wrong()
    with pytest.raises(AssertionError):
        machine.teardown()
