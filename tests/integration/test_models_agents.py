"""What only the real roster does: hashes, equal time for unknown names, sparing writes."""

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select, update

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from models.agents import Agents
from models.errors import NameTaken, UnknownAgent
from models.tables import AgentRow
from routing.agent import AgentEvent, AgentState

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


async def row(database, name="anna") -> AgentRow:
    async with database.read() as session:
        return (await session.scalars(select(AgentRow).where(AgentRow.name == name))).one()


async def test_a_new_agent_is_logged_out_and_can_be_found_by_name(database):
    roster = Agents(database, CHEAP)
    card = await roster.add("anna", "Anna 安娜", "secret", "PJSIP/anna", {"general": 3})
    assert (card.state, card.full_name, card.phone, card.skills) == (
        AgentState.LOGGED_OUT,
        "Anna 安娜",
        "PJSIP/anna",
        {"general": 3},
    )
    assert await roster.by_name("anna") == card == await roster.card(card.id)
    assert await roster.by_name("bob") is None
    assert await roster.card(999) is None


async def test_a_name_is_given_once(database):
    roster = Agents(database, CHEAP)
    await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    with pytest.raises(NameTaken, match="anna"):
        await roster.add("anna", "Another", "secret", "PJSIP/other", {})


async def test_the_password_is_stored_as_an_argon2_hash(database):
    roster = Agents(database)
    await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    stored = (await row(database)).password_hash
    assert stored.startswith("$argon2id$")
    assert "secret" not in stored


class CountingHasher(PasswordHasher):
    """Counts how often a password was really compared."""

    verified = 0

    def verify(self, hash, password) -> bool:
        type(self).verified += 1
        return super().verify(hash, password)


async def test_an_unknown_name_costs_the_same_hash_as_a_wrong_password(database):
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    roster = Agents(database, hasher)
    await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    for name in ("anna", "nobody"):
        before = hasher.verified
        assert await roster.check_password(name, "guess") is None
        assert hasher.verified == before + 1


async def test_a_hash_that_is_none_opens_no_door(database):
    roster = Agents(database, CHEAP)
    await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    async with database.write() as session:
        await session.execute(update(AgentRow).values(password_hash=""))
    assert await roster.check_password("anna", "") is None


async def test_the_loop_goes_on_while_passwords_are_checked(database):
    roster = Agents(database, PasswordHasher(time_cost=4, memory_cost=65536, parallelism=1))
    guesses = [asyncio.create_task(roster.check_password("nobody", "guess")) for _ in range(4)]
    turns = 0
    while not all(guess.done() for guess in guesses):
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 20


async def test_signs_of_life_are_written_sparingly_and_never_change_the_version(database):
    roster = Agents(database, CHEAP)
    card = await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    writes = 0

    def note(connection, cursor, statement, parameters, context, many) -> None:
        nonlocal writes
        writes += statement.startswith("UPDATE")

    event.listen(database._engine.sync_engine, "before_cursor_execute", note)
    for now in (100.0, 101.0, 104.9, 106.0):
        await roster.seen(card.id, now=now)
    assert writes == 2
    stored = await row(database)
    assert (stored.desk_seen_at, stored.version) == (106.0, card.version)


async def test_an_unknown_agent_says_nothing(database):
    with pytest.raises(UnknownAgent):
        await Agents(database, CHEAP).say(99, AgentEvent.READY, now=1.0)


async def test_two_browsers_of_one_agent_move_them_one_after_the_other(database):
    roster = Agents(database, CHEAP)
    card = await roster.add("anna", "Anna", "secret", "PJSIP/anna", {})
    await roster.say(card.id, AgentEvent.SIGN_IN, now=1.0)
    said = [AgentEvent.READY, AgentEvent.PAUSE] * 5
    results = await asyncio.gather(
        *(roster.say(card.id, event_, now=2.0, reason="meal") for event_ in said), return_exceptions=True
    )
    moved = [result.version for result in results if not isinstance(result, BaseException)]
    assert len(moved) == len(set(moved))
    assert (await row(database)).version == max(moved)
