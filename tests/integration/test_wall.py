"""The wall: the same truth for every node, read from the database; only for supervisors; every act written down."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from ivr.clock import SystemClock
from ivr.listening import Listeners
from ivr.settings import Web
from ivr.supervising import Supervising
from ivr.testing.databases import fresh_database
from ivr.testing.desktop import RunningDesktop, running_desktop
from ivr.testing.stage import Stage
from ivr.testing.world import CHEAP, T
from models.agents import Agents
from models.cases import CaseBook
from models.database import Database
from models.listenings import Listenings
from models.supervision import SupervisorActs
from models.tables import AgentRow, CallbackRow, CallRow, NeedRow, OfferRow
from models.wall import WallFigures
from routing.agent import AgentEvent, AgentState
from routing.errands import NewCase
from routing.wall import QueueCounts


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as made:
        yield made


async def test_queues_are_counted_by_what_stands_in_the_database(database: Database) -> None:
    call = {"uniqueid": "", "channel": "", "node": "node-a", "state": "menu", "started_at": T}
    need = {"queue": "general", "required": {}, "language": "en", "not_agents": [], "state": "closed", "outcome": None,
            "closed_at": None}  # fmt: skip
    needs: list[dict[str, Any]] = [
        {**need, "since": T - 1, "closed_at": T, "outcome": "abandoned"},  # before today
        {**need, "since": T + 1, "closed_at": T + 99, "outcome": "served"},  # answered after 5 s
        {**need, "since": T + 2, "closed_at": T + 99, "outcome": "served"},  # answered after 25 s
        {**need, "since": T + 3, "closed_at": T + 99, "outcome": "abandoned"},
        {**need, "since": T + 4, "closed_at": T + 99, "outcome": "gave_up"},
        {**need, "since": T + 5, "closed_at": T + 99, "outcome": "callback"},
        {**need, "since": T + 6, "state": "talking"},  # answered after 1 s
        {**need, "since": T + 7, "state": "waiting"},
        {**need, "since": T + 8, "state": "offered"},
        {**need, "since": T + 9, "state": "waiting", "queue": "cards"},
        {**need, "since": T + 9, "state": "waiting", "queue": "cards", "kind": "second"},  # an agent who consults
    ]
    offer = {"agent_id": 1, "node": "node-a", "fence": 1, "state": "completed", "why": {}, "made_at": T}
    await Agents(database, CHEAP).add("anna", "Anna", "secret", "PJSIP/anna", {"general": 5})
    async with database.write() as session:
        for n, row in enumerate(needs, start=1):
            await session.execute(insert(CallRow).values(id=f"c{n}", **call))
            await session.execute(insert(NeedRow).values(id=n, call_id=f"c{n}", **row))
        for n, answered_at, closed_at in ((2, T + 6, T + 99), (3, T + 27, T + 99), (7, T + 7, None)):
            await session.execute(
                insert(OfferRow).values(
                    call_id=f"c{n}", need_id=n, answered_at=answered_at, closed_at=closed_at, **offer
                )
            )
        await session.execute(
            insert(CallbackRow).values(
                call_id="c6", number="+8613800000001", queue="general", reason="", language="en", required={},
                kind="now", since=T, due_at=T, next_at=T, made_at=T, state="waiting", tier=1, credit_s=0, tries=0,
                fence=0,
            )
        )  # fmt: skip
        row = await session.get_one(AgentRow, 1)
        row.state = AgentState.BUSY.value
    figures = WallFigures(database)
    day = await figures.day(since=T, goals={"general": 20.0, "cards": 20.0})
    counts, agents = await figures.now(day)
    assert counts["general"] == QueueCounts(
        waiting=2, waiting_since=T + 7, talking=1, callbacks=1, came=8, answered=3, in_time=2, abandoned=2
    )
    assert (counts["cards"].waiting, counts["cards"].came) == (1, 1)
    (anna,) = agents
    assert (anna.state, anna.queue, anna.talking_since) == (AgentState.BUSY, "general", T + 7)


NODES = ("https://desk-a.bank.example", "https://desk-b.bank.example")


@dataclass
class Wall:
    """A desktop on a database with a supervisor, an agent and somebody who is neither."""

    desktop: RunningDesktop
    roster: Agents
    acts: SupervisorActs
    cookies: dict[str, str]

    async def state(self, name: str) -> tuple[int, Any]:
        answer = await self.desktop.request("GET", "/wall/state", cookie=self.cookies[name])
        return answer.status, json.loads(answer.body)

    async def act(self, name: str, *, origin: str | None = None, **wish: Any) -> tuple[int, Any]:
        more = {} if origin is None else {"origin": origin}
        answer = await self.desktop.request("POST", "/wall/act", json=wish, cookie=self.cookies[name], **more)
        return answer.status, json.loads(answer.body)

    async def id_of(self, name: str) -> int:
        card = await self.roster.by_name(name)
        assert card is not None
        return card.id


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database("sqlite", tmp_path))
        roster, clock = Agents(database, CHEAP), SystemClock()
        for name in ("ada", "grace", "tom"):
            await roster.add(name, name.title(), "right", f"PJSIP/{name}", {"general": 5}, supervisor=name == "ada")
        parts = replace(Stage().parts, roster=roster, clock=clock)
        due = {1: clock.now() + 3600, 2: clock.now() + 3 * 86_400}
        for number, tier in enumerate(due):
            case = NewCase(f"Fees {tier}", tier, 5, f"c{number}", None, None, None, due_at=due)
            await CaseBook(database, ZoneInfo("Asia/Shanghai")).open(case, now=clock.now())
        acts = SupervisorActs(database)
        listeners = Listeners(parts, Listenings(database), acts)
        supervising = Supervising(
            parts, WallFigures(database), acts, listeners, CaseBook(database, ZoneInfo("Asia/Shanghai"))
        )
        desktop = await stack.enter_async_context(
            running_desktop(roster, clock, web=Web(nodes=NODES), supervising=supervising)  # type: ignore[arg-type]
        )
        yield Wall(desktop, roster, acts, {name: await desktop.sign_in(name) for name in ("ada", "grace")})


async def test_the_wall_is_for_supervisors_and_says_who_is_there(wall: Wall) -> None:
    status, seen = await wall.state("ada")
    assert status == 200
    assert [(agent["full_name"], agent["state"]) for agent in seen["agents"]] == [
        ("Ada", "paused"),
        ("Grace", "paused"),
    ]
    assert [queue["queue"] for queue in seen["queues"]] == ["general"]
    assert seen["queues"][0]["alarms"] == ["nobody_there"]
    assert [(case["number"], case["subject"], case["handler"]) for case in seen["cases"]] == [
        ("100001", "Fees 1", None)
    ]
    page = await wall.desktop.request("GET", "/wall", cookie=wall.cookies["ada"])
    assert (page.status, "wall.js" in page.body) == (200, True)


async def test_who_is_no_supervisor_sees_nothing_and_does_nothing(wall: Wall) -> None:
    ada = await wall.id_of("ada")
    assert (await wall.state("grace"))[0] == 403
    assert (await wall.desktop.request("GET", "/wall", cookie=wall.cookies["grace"])).status == 403
    assert (await wall.desktop.request("GET", "/wall")).status == 303
    assert (await wall.desktop.request("GET", "/wall/state")).status == 401
    assert await wall.act("grace", act="sign_out", agent=ada) == (403, {"error": "not_supervisor"})
    assert await wall.acts.newest(9) == ()
    await wall.roster.set_supervisor("ada", supervisor=False)
    assert (await wall.state("ada"))[0] == 403, "a role that was taken away is gone at once"


async def test_a_supervisor_pauses_an_agent_and_signs_them_out_and_all_of_it_is_written_down(wall: Wall) -> None:
    grace = await wall.id_of("grace")
    await wall.roster.say(grace, AgentEvent.READY, now=T)
    assert await wall.act("ada", act="pause", agent=grace) == (200, {})
    card = await wall.roster.card(grace)
    assert card is not None
    assert (card.state, card.pause_reason) == (AgentState.PAUSED, "supervisor")
    assert await wall.act("ada", act="sign_out", agent=grace) == (200, {})
    assert await wall.act("ada", act="sign_out", agent=grace) == (409, {"error": "not_now"})
    told = [(one.supervisor, one.act, one.agent, one.done) for one in await wall.acts.newest(9)]
    assert told == [
        ("ada", "sign_out", "grace", False),
        ("ada", "sign_out", "grace", True),
        ("ada", "pause", "grace", True),
    ]


@pytest.mark.parametrize(
    "wish",
    [
        {"act": "promote", "agent": 1},
        {"act": "pause"},
        {"act": "pause", "agent": "1"},
        {"act": "pause", "agent": 1, "x": 1},
    ],
)
async def test_what_is_no_act_is_refused(wall: Wall, wish: dict[str, Any]) -> None:
    assert (await wall.act("ada", **wish))[0] == 400


async def test_a_foreign_page_acts_on_nobody(wall: Wall) -> None:
    grace = await wall.id_of("grace")
    assert (await wall.act("ada", origin="https://evil.example", act="sign_out", agent=grace))[0] == 403
    assert await wall.acts.newest(9) == ()


async def test_an_agent_who_does_not_exist_is_acted_on_by_nobody(wall: Wall) -> None:
    assert await wall.act("ada", act="pause", agent=99) == (409, {"error": "not_now"})


async def test_nobody_is_listened_to_who_does_not_talk(wall: Wall) -> None:
    grace = await wall.id_of("grace")
    for act in ("listen", "whisper", "barge", "stop"):
        assert await wall.act("ada", act=act, agent=grace) == (409, {"error": "not_talking"})


async def test_the_wall_of_another_node_goes_on_here_when_that_node_has_failed(wall: Wall) -> None:
    page = await wall.desktop.request("GET", "/wall", cookie=wall.cookies["ada"])
    assert f'data-nodes="{" ".join(NODES)}"' in page.body
    answer = await wall.desktop.request("GET", "/wall/state", cookie=wall.cookies["ada"], origin=NODES[0])
    assert answer.headers["access-control-allow-origin"] == NODES[0]
    grace = await wall.id_of("grace")
    assert await wall.act("ada", origin=NODES[0], act="sign_out", agent=grace) == (200, {})
