"""Expected waits learned from a simulated centre: told and stored, trained by the command, served to a caller."""

import asyncio
import json
import time
from importlib import import_module
from pathlib import Path

import pytest

from ivr.testing.books import book_with_wait_words
from ivr.testing.clock import FakeClock
from ivr.testing.command import ivr
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from ivr.wait_models.content import CURRENT, read_waits
from ivr.wait_models.live import LiveWaits
from models.database import Database
from models.moves import stated
from models.tables import AgentRow, CallRow, NeedRow, OfferRow
from models.waits import told_row
from routing.agent import AgentState
from routing.outlook import Lately
from routing.views import NeedWish

BENCH = Path(__file__).parents[2] / "bench"
DAYS, CALLS_A_DAY, AGENTS = 26, 150, 6
#: What the formula believes of a conversation, and how much longer they are.
BELIEVED_MIN, LONGER = 4.0, 1.5
DAY_S = 86400.0


def simulated(day: int) -> list:
    """Waits of one day on the product's own routing: two types of calls, agents who take both."""
    simulation, told_waits = import_module("parts.simulation"), import_module("told_waits")
    rate = AGENTS / BELIEVED_MIN / LONGER / 2
    scene = simulation.Scene((rate, rate), ((0, 1),) * AGENTS, service_min=BELIEVED_MIN * LONGER, patience_min=30.0)
    policy = told_waits.Telling(scene, BELIEVED_MIN * 60)
    simulation.run(scene, simulation.stream(scene, CALLS_A_DAY, day), policy)
    return list(policy.seen.values())


async def store(url: str, days: range, now: float) -> int:
    """What was told on these days, with what came of it."""
    async with Database.opened(url) as database, database.write() as session:
        session.add(AgentRow(id=1, name="grace", full_name="Grace", password_hash="", phone="PJSIP/x"))
        number = 0
        for day in days:
            for seen in simulated(day):
                number, at = number + 1, now - (days.stop - day) * DAY_S + seen.at
                over = at + seen.wait_s
                queue = "general" if seen.queue == "type-0" else "loans"
                session.add(CallRow(id=f"c{number}", uniqueid="", channel="", node="a", state="ended", started_at=at))
                session.add(NeedRow(id=number, call_id=f"c{number}", queue=queue, required={}, language="en",
                                    not_agents=[], since=at, state="closed", closed_at=over + 60 * seen.served,
                                    outcome="served" if seen.served else "abandoned"))  # fmt: skip
                await session.flush()
                session.add(told_row(number, None, seen.sight, seen.sight.formula_s, None, at))
                if seen.served:
                    session.add(OfferRow(call_id=f"c{number}", need_id=number, agent_id=1, node="a", fence=1,
                                         state="completed", why={}, made_at=over, answered_at=over,
                                         closed_at=over + 60))  # fmt: skip
    return number


def waits_by(fitted: LiveWaits | None) -> Stage:
    """A node that serves what was published; seven wait for six agents, who are believed to talk for four minutes."""
    announced = {"service_s": BELIEVED_MIN * 60}
    node = Stage(book_with_wait_words(), queue={"announce_wait": announced}, fitted_waits=fitted)
    node.waits.seen["general"] = Lately(100, BELIEVED_MIN * 60)
    for number in range(AGENTS):
        node.agent(f"busy{number}").state = AgentState.BUSY.value
    for number in range(7):
        need = stated(f"other{number}", NeedWish("general", {"general": 1}, "en", ""), node.clock.now() - 60)
        need.id = number + 1
        node.store.needs[need.id] = need
    return node


async def test_waits_that_were_told_are_learned_and_the_model_tells_them_better(
    cli_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    Path("settings.yaml").write_text(f"database: {{url: '{cli_url}'}}\nlearning: {{folder: models}}\n")
    how = ("-s", "settings.yaml")
    refused = await in_a_thread("train", "waits", "--json", *how)
    assert refused.status == 1
    assert "waits of 0 days; 25 are needed" in json.loads(refused.out)["objections"][0]
    misplaced = await in_a_thread("train", "--dry-run", "waits")
    assert (misplaced.status, misplaced.err) == (1, "write the options after `waits`\n")
    stored = await store(cli_url, range(DAYS), time.time())
    assert stored > 2000

    trained = await in_a_thread("train", "waits", *how)
    assert (trained.status, trained.err) == (0, "")
    fitted = read_waits(tmp_path / "models" / CURRENT)
    assert f"published models/{fitted.basis}.waits" in trained.out
    assert set(fitted.served) == {"general", "loans"}
    scores = fitted.about["scores"]
    assert scores["this model"]["rmse_s"] < 0.9 * scores["formula"]["rmse_s"]
    assert fitted.about["lead"][1] < 0
    assert abs(scores["this model"]["bias_s"]) < abs(scores["formula"]["bias_s"]) / 2

    live = LiveWaits(tmp_path / "models", FakeClock())
    await live.look()
    rows = []
    for by in (None, live):
        node = waits_by(by)
        await node.take(leg := node.leg(Press("0", hearing="main.balance"), HangUp(after_s=20)))
        assert {"less", "between", "more"} & set(leg.heard)
        rows += node.store.told_waits
    formula, model = rows
    assert (formula.basis, model.basis) == (None, fitted.basis)
    assert formula.mean_s * 1.15 < model.mean_s < formula.mean_s * LONGER * 1.2


async def in_a_thread(*arguments: str):
    """The command has a loop of its own."""
    return await asyncio.to_thread(ivr, *arguments)
