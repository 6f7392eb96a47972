"""A phone that several people share never shows one's habits to another: menus, decision records, the agent's line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from ivr.bank.sql import SqlBank
from ivr.conversation import converse
from ivr.pop import pop_for_agent
from ivr.testing.accounts import MemoryAccount
from ivr.testing.bank_database import open_account
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.line import HangUp
from ivr.testing.stage import Stage
from menus.facts import MenuMemory
from models.agents import Agents
from models.calls import CallJournal
from models.cases import CaseBook
from models.customers import Customers
from models.database import Database
from models.tables import CallEventRow, HistoryEventRow, NeedRow, OfferRow

MINE, SHARED = "+8613800000001", "+8613800000002"
MONTH_S = 30.4 * 86_400


@dataclass
class Home:
    """A node on a database, in which Li and Wang share a phone; Li asks about cards on this day of each month."""

    database: Database
    stage: Stage
    log: CallJournal
    parts: Any

    async def call(self, call_id: str, ani: str) -> dict[str, Any]:
        """The first menu of a call: the event that tells what was heard, and why."""
        await converse(self.stage.leg(HangUp(after_s=1), call_id=call_id, ani=ani), self.parts)
        assert await self.log.settle(call_id, deadline_s=5)
        async with self.database.read() as session:
            events = select(CallEventRow.data).where(CallEventRow.call_id == call_id, CallEventRow.kind == "menu")
            first = (await session.scalars(events.order_by(CallEventRow.id))).first()
        assert first is not None
        return dict(first)

    async def habit_line(self, call_id: str) -> str:
        """What the agent reads of a caller's habits when this call is offered."""
        async with self.database.write() as session:
            need = NeedRow(call_id=call_id, queue="general", required={}, language="en", not_agents=[], since=0.0,
                           state="offered")  # fmt: skip
            session.add(need)
            await session.flush()
            session.add(
                OfferRow(call_id=call_id, need_id=need.id, agent_id=1, node="node-a", fence=1, state="claimed", why={},
                         made_at=0.0)
            )  # fmt: skip
        pop = await pop_for_agent(self.parts, 1)
        assert pop is not None
        async with self.database.write() as session:
            for offer in await session.scalars(select(OfferRow)):
                offer.closed_at, offer.state = 1.0, "closed"
        return pop.habit


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    async with fresh_database(request.param, tmp_path) as database:
        for account in (
            MemoryAccount(customer_id=1, numbers=(MINE, SHARED), language="en"),
            MemoryAccount(customer_id=2, numbers=(SHARED,), language="en"),
        ):
            await open_account(database, account)
        stage = Stage(settings={"calls": {"lookup_s": 20}})  # this is not about time
        now = stage.clock.now()
        async with database.write() as session:
            rows = [{"customer_id": 1, "at": now - months * MONTH_S, "task": "card"} for months in range(1, 12)]
            await session.execute(insert(HistoryEventRow), rows)
        await Agents(database).add("anna", "", "", "PJSIP/anna", {})
        async with CallJournal(database, "node-a") as log:
            zone = stage.parts.settings.zone
            parts = replace(
                stage.parts,
                log=log,
                directory=Customers(database, zone),
                roster=Agents(database),
                bank=SqlBank(database, zone),
                cases=CaseBook(database, zone),
            )
            yield Home(database, stage, log, parts)


async def test_the_owner_of_a_number_hears_and_shows_their_habit(home: Home) -> None:
    """Else the tests below would prove nothing."""
    heard = await home.call("own", MINE)
    assert heard["order"][0]["option"] == "cards"
    assert heard["record"]["scores"]["card"] > 0.5
    assert "asks about cards" in await home.habit_line("own")


async def test_a_shared_phone_hears_the_books_order_and_nothing_of_a_habit_is_recorded(home: Home) -> None:
    heard = await home.call("shared", SHARED)
    assert [option["option"] for option in heard["order"]][:3] == ["balance", "transfer", "cards"]
    record = heard["record"]
    assert (record["scores"], record["promoted"], record["memory"], record["segment"]) == ({}, [], None, None)
    assert {option["score"] for option in heard["order"]} == {0}


async def test_the_agent_reads_no_habit_of_who_calls_from_a_shared_phone(home: Home) -> None:
    await home.call("shared", SHARED)
    assert await home.habit_line("shared") == ""


async def test_what_one_has_heard_before_does_not_order_the_menu_of_a_shared_phone(home: Home) -> None:
    now = home.stage.clock.now()
    for subject in ("customer:1", f"number:{SHARED}"):
        home.log.menu_heard(subject, "main", MenuMemory(promoted=("cards",), frozen=True), now)
    await home.call("own", MINE)  # settles what was written before
    heard = await home.call("shared", SHARED)
    assert heard["order"][0]["option"] == "balance"
    assert heard["record"]["memory"] is None


async def test_who_is_verified_on_a_shared_phone_gets_nothing_of_the_others_habits(home: Home) -> None:
    await home.call("shared", SHARED)
    facts = await home.parts.directory.customer(2, ani=SHARED, now=home.stage.clock.now(), deadline_s=5)
    assert (facts.customer_id, facts.history, facts.memory) == (2, (), {})
    assert [(call.task, call.step) for call in facts.recent] == [(None, None)]  # that there was a call, not of what
