"""What one round of the dispatcher costs from end to end: reading the picture, deciding, claiming, on a real database.

Many agents talk, many callers wait; before each round one agent becomes ready.
"""

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

from sqlalchemy import insert, select, update

from ivr.dispatch import Dispatcher
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_url
from ivr.testing.stage import Stage
from models.claims import Claims
from models.database import Database
from models.tables import AgentRow, AgentSkillRow, CallRow, NeedRow
from routing.agent import AgentState
from routing.need import NeedState

AGENTS, NEEDS, SKILLS, ROUNDS, NOW = 2_000, 1_000, 40, 60, 1_790_000_000.0


async def fill(database: Database, rng: Random) -> None:
    """Agents of 60 kinds who all talk, callers who all wait."""
    kinds = [
        {f"skill-{rng.randrange(SKILLS)}": rng.randint(1, 10) for _ in range(rng.randint(2, 6))} for _ in range(60)
    ]
    async with database.write() as session:
        for number in range(1, AGENTS + 1):
            session.add(
                AgentRow(id=number, name=f"agent-{number}", full_name="", password_hash="", phone=f"PJSIP/{number}",
                         state=AgentState.BUSY.value, since=NOW, version=0)
            )  # fmt: skip
        await session.flush()
        skills = [
            {"agent_id": number, "skill": skill, "level": level}
            for number in range(1, AGENTS + 1)
            for skill, level in {**kinds[number % len(kinds)], "lang:en": 5}.items()
        ]
        await session.execute(insert(AgentSkillRow), skills)
        asked = [skill for kind in kinds for skill in kind]
        for number in range(1, NEEDS + 1):
            session.add(CallRow(id=f"c{number}", uniqueid="", channel="", node="a", state="waiting", started_at=NOW))
        await session.flush()
        for number in range(1, NEEDS + 1):
            session.add(
                NeedRow(call_id=f"c{number}", queue="q", required={rng.choice(asked): 1}, language="en", not_agents=[],
                        terms={"goal_s": 20.0}, since=NOW - number, state=NeedState.WAITING.value, version=0)
            )  # fmt: skip


async def one_is_ready(database: Database, rng: Random) -> None:
    """An agent who talks becomes ready."""
    async with database.write() as session:
        busy = (await session.scalars(select(AgentRow.id).where(AgentRow.state == AgentState.BUSY))).all()
        await session.execute(
            update(AgentRow)
            .where(AgentRow.id == rng.choice(busy))
            .values(state=AgentState.READY.value, version=AgentRow.version + 1)
        )


async def measured(kind: str) -> dict[str, float]:
    """Milliseconds of a round in which one agent has become ready, and of one in which nothing has happened.

    By the wall, and of this process alone: without the database's own where it is another process.
    """
    rng, busy, idle = Random(5), list[tuple[float, float]](), list[tuple[float, float]]()
    with tempfile.TemporaryDirectory() as folder:
        async with fresh_url(kind, Path(folder)) as url, Database.opened(url) as database:
            await fill(database, rng)
            stage = Stage()
            dispatcher = Dispatcher(replace(stage.parts, exchange=Claims(database, "node-a")))
            for number in range(ROUNDS):
                await one_is_ready(database, rng)
                for took in (busy, idle):
                    began, own = time.perf_counter(), time.process_time()
                    await dispatcher.round()
                    if number >= 5:
                        took.append((time.perf_counter() - began, time.process_time() - own))
            if dispatcher.claims_won < ROUNDS * 0.8:
                raise SystemExit(f"only {dispatcher.claims_won} of {ROUNDS} agents got a caller")
    found: dict[str, float] = {}
    for name, took in (("round", busy), ("idle_round", idle)):
        for clock, times in zip(("ms", "cpu_ms"), zip(*took, strict=True), strict=True):
            found[f"{name}_{clock}"] = round(sorted(times)[len(times) // 2] * 1000, 2)
    return found


def rounds() -> dict[str, object]:
    """On both databases."""
    return {"rounds": {kind: asyncio.run(measured(kind)) for kind in (SQLITE, POSTGRESQL)}}
