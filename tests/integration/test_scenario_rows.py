"""A caller of a scenario file is the same person in the twins and in the tables."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from ivr.bank.sql import SqlBank
from ivr.ports import BankAnswer, BankOrder
from ivr.rehearsal.callers import account_of, facts_of, ids_of, view_of
from ivr.rehearsal.rows import move_in
from ivr.rehearsal.schema import Caller, ScenarioFile
from ivr.testing.bank import MemoryBank
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from menus.spoken.money import Money
from menus.values import Value
from menus.yaml_source import read_yaml
from models.customers import Customers
from models.tables import CallbackRow, CallRow, CredentialRow, KeepsakeRow, OptOutRow

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
CALLERS = """\
version: 1
callers:
  li_na:
    number: "+8613800000001"
    name: Li Na
    language: en
    segment: affluent
    value_yearly: 3100
    churn_risk: 0.25
    pin: "24680"
    points: 40
    products:
      - {kind: current_account, name: Current account, balance: 8250.5, account: "6222000011112222"}
      - {kind: insurance, name: Household, balance: 480, key_date: premium_due, key_on: +12 days}
    life_events: {moving_house: -20 days}
    open_cases: [{subject: Charged twice, number: C-77, tier: 2, opened: -5 days, due: -1 day}]
    habits: [{task: transfer, day: 1, months: 8}, {task: balance, day: 15, months: 2}]
    remembers: {points_news: "2026-11-01"}
  wife: {number: "+8613800000005", name: Liu Yang, language: en}
  husband: {number: "+8613800000005", name: Zhou Lei, language: zh}
  stranger:
    number: "+8613900000099"
    opted_out: true
    missed_callback: true
    recent_calls: [{hours_ago: 3, task: balance, step: tell_balance, result: left}, {hours_ago: 30}]
"""


@pytest.fixture
def callers() -> dict[str, Caller]:
    """The callers of a file."""
    return dict(read_yaml(CALLERS, "callers.yaml", ScenarioFile).callers)


@pytest.mark.parametrize("kind", [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def test_the_bank_tells_the_same_of_a_customer_in_both(
    kind: str, callers: dict[str, Caller], tmp_path: Path
) -> None:
    async with fresh_database(kind, tmp_path) as database:
        await move_in(database, callers, NOW)
        bank, numbers = SqlBank(database, ZONE), Customers(database, ZONE)
        for name, id_ in ids_of(callers).items():
            seen = await bank.customers_by_number(callers[name].number, now=NOW.timestamp())
            (found,) = [view for view in seen if view.id == id_]
            wanted = view_of(id_, callers[name], NOW)
            newest = tuple(sorted(wanted.contacts, key=lambda contact: -contact.at)[:10])
            assert found.contacts == newest
            for field in set(wanted.__dataclass_fields__) - {"contacts"}:
                assert getattr(found, field) == getattr(wanted, field), field
        for name, customer_id in (("li_na", 1), ("stranger", None)):
            facts = await numbers.find(callers[name].number, now=NOW.timestamp(), deadline_s=5)
            kept = callers[name].remembers  # the twins' directory adds them
            wished = facts_of(callers[name], customer_id, NOW)
            assert replace(facts, history=()) == replace(wished, remembered=kept, history=())
            # The tables remember days, not the time of day.
            assert [(one.at.date(), one.task) for one in facts.history] == [
                (one.at.date(), one.task) for one in wished.history
            ]
        shared = await numbers.find("+8613800000005", now=NOW.timestamp(), deadline_s=5)
        assert (shared.matches, shared.customer_id) == (2, None)


async def test_what_is_remembered_of_a_number_lies_in_its_tables(callers: dict[str, Caller], tmp_path: Path) -> None:
    async with fresh_database(SQLITE, tmp_path) as database:
        await move_in(database, callers, NOW, language="zh")
        async with database.read() as session:
            kept = {(row.subject, row.name): row.value for row in await session.scalars(select(KeepsakeRow))}
            assert kept[("customer:1", "points_news")] == "2026-11-01"
            assert kept[("number:+8613900000099", "language")] == "zh"
            assert [row.number for row in await session.scalars(select(OptOutRow))] == ["+8613900000099"]
            (missed,) = await session.scalars(select(CallbackRow))
            assert (missed.number, missed.outcome) == ("+8613900000099", "missed")
            assert len(list(await session.scalars(select(CallRow)))) == 2
            (credentials,) = await session.scalars(select(CredentialRow))
            assert "24680" not in credentials.pin_hash


async def test_each_scenario_begins_with_its_own_callers_only(callers: dict[str, Caller], tmp_path: Path) -> None:
    async with fresh_database(SQLITE, tmp_path) as database:
        await move_in(database, callers, NOW)
        await move_in(database, {"wife": callers["wife"]}, NOW)
        bank = SqlBank(database, ZONE)
        assert await bank.customers_by_number(callers["li_na"].number, now=NOW.timestamp()) == ()
        (only,) = await bank.customers_by_number(callers["wife"].number, now=NOW.timestamp())
        assert only.name == "Liu Yang"


HOLDERS = """\
version: 1
callers:
  saver:
    name: Mei Lin
    products:
      - {kind: savings, balance: 5, account: "6222000044440001"}
      - {kind: current_account, balance: 70.5, currency: USD}
      - {kind: current_account, balance: 9, account: "6222000044440002", currency: EUR}
  bare: {name: Tom Yeo, products: [{kind: current_account, balance: 3}]}
  none: {name: Amy Goh, products: [{kind: savings, balance: 3}]}
"""
INVENTED = ("900001", "900002", "900003")


async def test_accounts_are_told_and_found_alike_in_both(tmp_path: Path) -> None:
    holders = dict(read_yaml(HOLDERS, "holders.yaml", ScenarioFile).callers)
    twin = MemoryBank(accounts=tuple(account_of(id_, holders[name], NOW) for name, id_ in ids_of(holders).items()))
    params: list[dict[str, Value]] = [{"to": to} for to in (*INVENTED, "6222000044440001", "6222000044440002")]
    orders = [("balance", {}), *(("payee", one) for one in params)]
    orders += [("transfer", one | {"amount": Money(50, cur)}) for one in params for cur in ("USD", "CNY")]
    said: dict[tuple[int, str], BankAnswer] = {}
    async with fresh_database(SQLITE, tmp_path) as database:
        await move_in(database, holders, NOW)
        bank = SqlBank(database, ZONE)
        for id_ in ids_of(holders).values():
            for place, (operation, given) in enumerate(orders):
                order = BankOrder(operation, id_, given, f"{id_}:{place}")
                real = await bank.perform(order, now=NOW.timestamp(), deadline_s=5)
                assert await twin.perform(order, now=NOW.timestamp(), deadline_s=5) == real, order
                said[id_, f"{operation} {given.get('to', '')}".strip()] = real
    assert said[1, "balance"].values == {"balance": Money(70_50, "USD")}
    assert said[2, "payee 6222000044440001"].refusal is said[2, "payee 6222000044440002"].refusal is None
    assert said[1, "payee 900002"].refusal is None
    assert said[1, "payee 900003"].refusal == "unknown_payee"
