"""The sweep on a database in which one thing after the other cannot be done."""

from pathlib import Path

import pytest

from ivr.testing.databases import SQLITE
from ivr.testing.world import T, stored_world
from models import sweep as sweeping
from models.errors import StoreBusy
from models.tables import AgentRow
from routing.agent import AgentState


async def test_a_stage_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object, **__: object) -> list[bool]:
        raise ValueError("rows that nobody thought of")

    async with stored_world(SQLITE, tmp_path) as world:
        await world.call("c1")
        monkeypatch.setattr(sweeping, "_expire_offers", fails)
        assert (await world.sweep(now=T + 60, alive=frozenset())).calls_closed == 1
    assert "a stage of the sweep failed" in caplog.text


async def test_a_sweep_that_could_do_nothing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object, **__: object) -> list[bool]:
        raise StoreBusy("locked by another")

    async with stored_world(SQLITE, tmp_path) as world:
        for stage in ("_expire_offers", "_mend_agents", "_close_lost", "free_strays"):
            monkeypatch.setattr(sweeping, stage, busy)
        with pytest.raises(StoreBusy):
            await world.sweep(now=T)


async def test_an_agent_whose_row_makes_no_sense_does_not_keep_the_others_from_being_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stored_world(SQLITE, tmp_path) as world:
        odd, good = await world.agent("odd", ready_at=T), await world.agent("good", ready_at=T)
        mend = sweeping.moves.mend_agent

        def unless_odd(agent: AgentRow, *, now: float, desk_lost_s: float) -> object:
            if agent.id == odd:
                raise KeyError("a state that is none")
            return mend(agent, now=now, desk_lost_s=desk_lost_s)

        monkeypatch.setattr(sweeping.moves, "mend_agent", unless_odd)
        assert (await world.sweep(now=T + 100, desk_lost_s=45)).desks_lost == 1
        assert await world.state(good) is AgentState.PAUSED
    assert f"the sweep cannot mend row {odd}" in caplog.text
