"""Who is calling, from the database."""

import logging
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, insert, text

from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.facts import CallerFacts, CaseFact, HistoryEvent
from menus.learning.habits import MOST_DAYS
from models.customers import Customers
from models.database import Database
from models.habits import recount
from models.tables import CaseRow, CustomerRow, HistoryEventRow, NumberRow

T = 1_790_000_000.0
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        await fill(opened)
        yield opened


async def fill(database: Database) -> None:
    """Li Na alone with +8601, Wang and Zhang share +8602."""
    people = [(1, "Li Na", "zh"), (2, "Wang", "en"), (3, "Zhang", "zh")]
    async with database.write() as session:
        await session.execute(
            insert(CustomerRow),
            [
                {"id": id_, "name": name, "language": language, "segment": "mass", "since_on": date(2020, 1, 1)}
                for id_, name, language in people
            ],
        )
        await session.execute(
            insert(NumberRow),
            [
                {"e164": "+8601", "customer_id": 1},
                {"e164": "+8602", "customer_id": 2},
                {"e164": "+8602", "customer_id": 3},
            ],
        )
        await session.execute(
            insert(HistoryEventRow),
            [
                {"customer_id": 1, "at": T - 86400 * days, "task": "transfer", "source": "ivr"}
                for days in [3, 60, 30, -1, 0]
            ],
        )
        await session.execute(
            insert(CaseRow),
            [
                {"number": number, "customer_id": 1, "subject": "x", "tier": 1, "state": state, "opened_at": T}
                for number, state in [("C-1", "open"), ("C-2", "closed"), ("C-3", "open")]
            ],
        )


async def test_the_one_customer_of_a_number_is_known_with_the_days_of_their_history(database):
    facts = await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)
    assert facts == CallerFacts(
        ani="+8601",
        customer_id=1,
        matches=1,
        language="zh",
        segment="mass",
        history=tuple(
            HistoryEvent(
                datetime.fromtimestamp(T - 86400 * days, ZONE).replace(hour=12, minute=0, second=0), "transfer"
            )
            for days in (60, 30, 3, 0, -1)  # what lies ahead of now is known, and weighs nothing
        ),
        open_cases=2,
        case_tier=1,
        cases=tuple(CaseFact(T, is_open) for is_open in (True, False, True)),
        since_on=date(2020, 1, 1),
    )
    assert facts.history[0].at.tzinfo is ZONE


async def test_a_shared_number_gives_nobodys_habits_language_or_name(database):
    facts = await Customers(database, ZONE).find("+8602", now=T, deadline_s=5)
    assert facts == CallerFacts(ani="+8602", matches=2)


async def test_an_unknown_or_withheld_number_gives_bare_facts(database):
    customers = Customers(database, ZONE)
    assert await customers.find("+8699", now=T, deadline_s=5) == CallerFacts(ani="+8699")
    assert await customers.find(None, now=T, deadline_s=5) == CallerFacts()


@pytest.mark.parametrize("number", ["' OR 1=1 --", "\x00", "\ud800", "x" * 10_000, ""])
async def test_a_number_that_is_none_gives_bare_facts(database, number):
    assert await Customers(database, ZONE).find(number, now=T, deadline_s=5) == CallerFacts(ani=number)


async def test_a_long_history_costs_no_more_than_a_short_one(database):
    async with database.write() as session:
        await session.execute(
            insert(HistoryEventRow),
            [{"customer_id": 1, "at": T - 86400 * n, "task": "balance", "source": "app"} for n in range(500)],
        )
    facts = await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)
    assert len(facts.history) == MOST_DAYS + 5
    assert [one.at for one in facts.history] == sorted(one.at for one in facts.history)


async def test_a_known_caller_costs_five_statements_that_use_an_index(database):
    statements: list[str] = []

    def note(connection, cursor, statement, parameters, context, many) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    async with database.write() as session:
        await recount(session, 1, ZONE)
    event.listen(database._engine.sync_engine, "before_cursor_execute", note)
    await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)
    assert len(statements) == 5
    if not database.on_postgresql:
        async with database.read() as session:
            for statement in statements:
                marks = {f"p{n}": "x" for n in range(statement.count("?"))}
                for name in marks:
                    statement = statement.replace("?", f":{name}", 1)
                plan = " ".join(row[3] for row in await session.execute(text(f"EXPLAIN QUERY PLAN {statement}"), marks))
                assert set(re.findall(r"SCAN (\w+)", plan)) <= {"recent"}  # the few calls that were just found


async def test_a_look_up_that_is_late_gives_bare_facts_in_time(database, caplog):
    with caplog.at_level(logging.WARNING):
        assert await Customers(database, ZONE).find("+8601", now=T, deadline_s=0) == CallerFacts(ani="+8601")
    assert "too late" in caplog.text
    again = await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)
    assert again.customer_id == 1


@pytest.mark.postgresql
async def test_a_database_that_hangs_costs_the_caller_no_more_than_the_deadline(tmp_path):
    async with fresh_database(POSTGRESQL, tmp_path) as database:
        await fill(database)
        async with database.write() as session:
            await session.execute(text("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE"))
            facts = await Customers(database, ZONE).find("+8601", now=T, deadline_s=0.2)
        assert facts == CallerFacts(ani="+8601")
        assert (await Customers(database, ZONE).find("+8601", now=T, deadline_s=5)).customer_id == 1
