"""What only the SQL bank can show: closed cases, earlier calls with an agent, indexes."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text
from sqlalchemy.dialects import sqlite

from ivr.bank import sql
from ivr.bank.sql import SqlBank
from ivr.ports import ContactSeen
from ivr.testing.databases import fresh_database
from models.database import Database
from models.tables import (
    AgentRow,
    CallRow,
    CaseRow,
    CustomerRow,
    HistoryEventRow,
    LifeEventRow,
    NeedRow,
    NumberRow,
    OfferRow,
    ProductRow,
    Table,
)

NOW = 1_796_100_000.0  # 2026-12-01 12:40 in Shanghai
NUMBER = "+8613800000099"
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(request.param, tmp_path) as made:
        await add(made, CustomerRow, id=1, name="Emma", language="en", segment="mass", since_on=date(2020, 1, 1))
        await add(made, NumberRow, e164=NUMBER, customer_id=1)
        await add(made, AgentRow, id=3, name="chris", full_name="Chris Lam", password_hash="", phone="PJSIP/agent-101")
        yield made


async def add(database: Database, table: Any, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(insert(table).values(**values))


async def add_call(database: Database, id_: str, *, at: float, ended_at: float | None, disposition: str | None) -> None:
    await add(
        database, CallRow, id=id_, uniqueid=id_, channel="PJSIP/x", node="node-a", customer_id=1, state="ended",
        started_at=at, ended_at=ended_at,
    )  # fmt: skip
    need = {"queue": "cards", "required": {}, "language": "en", "not_agents": [], "since": at, "state": "closed"}
    await add(database, NeedRow, id=int(id_), call_id=id_, reason="Card", closed_at=at + 9, **need)
    offer = {"agent_id": 3, "node": "node-a", "fence": 1, "state": "completed", "why": {}, "made_at": at + 2}
    await add(
        database, OfferRow, call_id=id_, need_id=int(id_), answered_at=at + 5, closed_at=at + 9,
        disposition=disposition, **offer,
    )  # fmt: skip


async def contacts(database: Database) -> tuple[ContactSeen, ...]:
    (seen,) = await SqlBank(database, ZONE).customers_by_number(NUMBER, now=NOW)
    return seen.contacts


async def test_a_closed_case_is_not_shown(database: Database) -> None:
    case = {"customer_id": 1, "subject": "Card kept", "opened_at": NOW - 500}
    await add(database, CaseRow, number="C-1", state="closed", closed_at=NOW - 100, **case)
    await add(database, CaseRow, number="C-2", state="open", **case)
    (seen,) = await SqlBank(database, ZONE).customers_by_number(NUMBER, now=NOW)
    assert [case.number for case in seen.cases] == ["C-2"]


async def test_a_life_event_counts_from_its_day_in_the_banks_own_time_zone(database: Database) -> None:
    await add(database, LifeEventRow, customer_id=1, kind="marriage", happened_on=date(2026, 12, 1))
    evening_before_in_utc = 1_796_055_000.0  # 2026-12-01 00:10 in Shanghai, 2026-11-30 in UTC
    for zone, shown in ((ZONE, 1), (ZoneInfo("UTC"), 0)):
        (seen,) = await SqlBank(database, zone).customers_by_number(NUMBER, now=evening_before_in_utc)
        assert len(seen.life_events) == shown


async def test_an_earlier_conversation_shows_what_it_was_about_and_what_came_of_it(database: Database) -> None:
    await add_call(database, "11", at=NOW - 900, ended_at=NOW - 800, disposition="resolved")
    assert await contacts(database) == (ContactSeen(NOW - 895, "agent", "Card", "resolved"),)


async def test_a_conversation_that_has_not_been_yet_is_not_a_contact(database: Database) -> None:
    await add_call(database, "11", at=NOW + 900, ended_at=NOW + 950, disposition="resolved")
    assert await contacts(database) == ()


async def test_a_customer_with_endless_products_does_not_hold_up_the_pop(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            insert(ProductRow),
            [{"customer_id": 1, "kind": "savings", "name": str(n), "opened_on": date(2020, 1, 1)} for n in range(300)],
        )
    (seen,) = await SqlBank(database, ZONE).customers_by_number(NUMBER, now=NOW)
    assert [product.name for product in seen.products] == [str(n) for n in range(200)]


async def test_a_conversation_without_a_disposition_is_not_a_contact_yet(database: Database) -> None:
    await add_call(database, "11", at=NOW - 900, ended_at=NOW - 800, disposition=None)
    assert await contacts(database) == ()


async def test_the_call_that_is_going_on_is_not_an_earlier_contact(database: Database) -> None:
    await add_call(database, "11", at=NOW - 900, ended_at=None, disposition="resolved")
    await add(database, HistoryEventRow, customer_id=1, at=NOW - 890, task="card", call_id="11")
    assert await contacts(database) == ()


async def test_conversations_and_other_contacts_stand_in_one_list_newest_first(database: Database) -> None:
    for n in range(8):
        await add_call(database, str(n), at=NOW - 900 - 20 * n, ended_at=NOW - 800, disposition="resolved")
        await add(database, HistoryEventRow, customer_id=1, at=NOW - 905 - 20 * n, task="card", call_id=str(n))
    seen = await contacts(database)
    assert [contact.channel for contact in seen] == ["agent", "ivr"] * 5
    assert [contact.at for contact in seen] == sorted((contact.at for contact in seen), reverse=True)


async def test_what_the_customer_did_in_a_call_whose_record_is_gone_still_counts(database: Database) -> None:
    await add(database, HistoryEventRow, customer_id=1, at=NOW - 50, task="balance", call_id="99")
    assert await contacts(database) == (ContactSeen(NOW - 50, "ivr", "balance"),)


@pytest.mark.parametrize("statement", [sql._CUSTOMERS, sql._PRODUCTS, sql._LIFE_EVENTS, sql._OPEN_CASES, sql._CONTACTS])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_table_is_read_from_end_to_end_on_the_way_to_a_pop(database: Database, statement: Any) -> None:
    values = {"ani": NUMBER, "ids": [1, 2], "now": NOW, "today": date(2026, 12, 1)}
    compiled = statement.params({name: values[name] for name in statement.compile().params if name in values}).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    async with database.read() as session:
        plan = [row.detail for row in await session.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
    assert any(step.startswith("SEARCH") for step in plan), plan
    assert not [step for step in plan if step.split()[0] == "SCAN" and step.split()[1] in Table.metadata.tables], plan
