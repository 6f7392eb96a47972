"""Keeping the roster on both databases: the list, passwords, skills; and no work on tables of another version."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from ivr.lab.postgresql import shared_server
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from models.agents import Agents
from models.database import Database
from models.errors import AgentInCall, NotMigrated, UnknownAgent, UnknownSkill
from models.migrate import migrate, opened
from models.tables import AgentRow
from routing.agent import AgentEvent, AgentState
from routing.errors import IllegalMove

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as database:
        yield database


@pytest.fixture
async def roster(database: Database) -> Agents:
    roster = Agents(database, CHEAP)
    await roster.add("zoe", "Zoe", "old password", "PJSIP/zoe", {})
    await roster.add("anna", "Anna", "other password", "PJSIP/anna", {"general": 3, "lang:en": 5})
    return roster


async def test_all_agents_come_by_name_each_with_their_own_skills(roster: Agents) -> None:
    assert [(card.name, card.skills) for card in await roster.all()] == [
        ("anna", {"general": 3, "lang:en": 5}),
        ("zoe", {}),
    ]


async def test_a_new_password_is_that_agents_only(roster: Agents) -> None:
    await roster.set_password("zoe", "new password")
    assert await roster.check_password("zoe", "old password") is None
    zoe = await roster.check_password("zoe", "new password")
    assert zoe is not None
    assert zoe.sessions == 1, "the cookies of before are worthless"
    zoe = await roster.say(zoe.id, AgentEvent.SIGN_IN, now=1.0)
    assert (await roster.say(zoe.id, AgentEvent.SIGN_OUT, now=2.0)).sessions == 2
    assert await roster.check_password("anna", "other password") is not None


async def test_skills_change_where_they_are_named_and_make_the_agents_version_newer(roster: Agents) -> None:
    before = await roster.by_name("anna")
    card = await roster.set_skills("anna", {"general": 9, "cards": 1}, without=["lang:en"])
    assert card.skills == {"general": 9, "cards": 1}
    assert card == await roster.by_name("anna")
    assert before is not None
    assert card.version == before.version + 1


async def test_a_skill_that_the_agent_does_not_have_cannot_be_taken_away_and_nothing_changes(roster: Agents) -> None:
    before = await roster.by_name("anna")
    with pytest.raises(UnknownSkill, match="anna has no skill 'never-had' to take away"):
        await roster.set_skills("anna", {"general": 9}, without=["lang:en", "never-had"])
    assert await roster.by_name("anna") == before


async def test_an_agent_who_does_not_exist_is_named_and_nothing_is_stored(roster: Agents) -> None:
    with pytest.raises(UnknownAgent, match="'bob'"):
        await roster.set_password("bob", "new password")
    with pytest.raises(UnknownAgent, match="'bob'"):
        await roster.set_skills("bob", {"general": 1})
    assert len(await roster.all()) == 2


async def test_who_is_removed_is_signed_out_and_their_open_window_can_do_nothing(roster: Agents) -> None:
    anna = await _ready(roster)
    await roster.remove("anna", now=300.0)
    assert await roster.card(anna) is None
    assert await roster.by_name("anna") is None
    assert [card.name for card in await roster.all()] == ["zoe"]
    with pytest.raises(IllegalMove, match="removed"):
        await roster.say(anna, AgentEvent.SIGN_IN, now=301.0)
    await roster.set_password("anna", "back again")
    card = await roster.card(anna)
    assert card is not None
    assert (card.state, card.since) == (AgentState.LOGGED_OUT, 300.0)


@pytest.mark.parametrize("state", [AgentState.OFFERED, AgentState.BUSY])
async def test_who_is_in_a_call_keeps_phone_and_place(roster: Agents, database: Database, state: AgentState) -> None:
    anna = await _ready(roster)
    async with database.write() as session:
        (await session.get_one(AgentRow, anna)).state = state.value
    before = await roster.card(anna)
    with pytest.raises(AgentInCall, match="anna is in a call"):
        await roster.remove("anna", now=300.0)
    with pytest.raises(AgentInCall):
        await roster.set_phone("anna", "PJSIP/other")
    assert await roster.card(anna) == before


async def test_another_phone_makes_older_decisions_void(roster: Agents) -> None:
    before = await roster.by_name("anna")
    card = await roster.set_phone("anna", "PJSIP/other")
    assert card == await roster.by_name("anna")
    assert before is not None
    assert (card.phone, card.version) == ("PJSIP/other", before.version + 1)


async def _ready(roster: Agents) -> int:
    anna = await roster.by_name("anna")
    assert anna is not None
    for event in (AgentEvent.SIGN_IN, AgentEvent.READY):
        await roster.say(anna.id, event, now=200.0)
    return anna.id


@pytest.mark.postgresql
async def test_an_empty_postgresql_asks_to_be_migrated_and_opens_after_that() -> None:
    server = shared_server()
    name = await server.create_database()
    try:
        with pytest.raises(NotMigrated, match="revision none"):
            async with opened(server.url(name)):
                pass
        await migrate(server.url(name))
        async with opened(server.url(name)) as database:
            assert database.on_postgresql
    finally:
        await server.drop_database(name)


async def test_a_missing_sqlite_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotMigrated, match="does not exist"):
        async with opened(f"sqlite:///{tmp_path}/none.db"):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_a_database_locked_by_a_writer_still_opens(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ringwise.db"
    await migrate(url)
    async with Database.opened(url) as writer, writer.write(), opened(url) as database:
        assert await Agents(database, CHEAP).all() == ()
