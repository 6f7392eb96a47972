"""One set of tests of the unified view for every implementation of the Bank port: SQL, webhook and twin."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import insert

from ivr.bank.sql import SqlBank
from ivr.bank.webhook import WebhookBank
from ivr.ports import Bank, CaseSeen, ContactSeen, CustomerView, ProductSeen
from ivr.testing.bank import MemoryBank
from ivr.testing.bank_server import bank_app
from ivr.testing.databases import fresh_database
from models.database import Database
from models.tables import AgentRow, CaseRow, CustomerRow, HistoryEventRow, LifeEventRow, NumberRow, ProductRow

NOW = 1_796_100_000.0  # 2026-12-01 in Shanghai
NUMBER = "+8613800000099"
BankWith = Callable[..., Awaitable[Bank]]

EMMA = CustomerView(
    id=41,
    name="Emma O'Connor <b>",
    language="en",
    segment="affluent",
    since_on=date(2019, 2, 28),
    yearly_value_cents=123_400,
    churn_risk=0.25,
    numbers=(NUMBER, "+861055500001"),
    products=(
        ProductSeen("current_account", "Everyday account", 1_234_500, "CNY"),
        ProductSeen("credit_card", "Gold card ·0042", -70_010, "CNY", "card_expiry", date(2027, 1, 31)),
    ),
    life_events=(("moving_house", date(2026, 9, 3)), ("marriage", date(2026, 4, 18))),
    cases=(
        CaseSeen("C-2", "Charged twice", 2, NOW - 86_400, NOW + 86_400),
        CaseSeen("C-1", "Card kept", 1, NOW - 9 * 86_400, None),
    ),
    contacts=(ContactSeen(NOW - 60, "ivr", "transfer"), ContactSeen(NOW - 7_200, "branch", "card")),
    agent="Ruth Adler",
)


def stranger(id_: int, *numbers: str) -> CustomerView:
    return CustomerView(id_, f"Customer {id_}", "zh", "mass", date(2020, 1, 1), 0, 0.0, numbers, (), (), (), ())


async def store(database: Database, *customers: CustomerView) -> None:
    async with database.write() as session:
        who = {"password_hash": "x", "phone": "PJSIP/ruth"}
        await session.execute(insert(AgentRow).values(name="ruth", full_name="Ruth Adler", **who))
        for one in customers:
            own = {"customer_id": one.id}
            await session.execute(
                insert(CustomerRow).values(
                    id=one.id,
                    name=one.name,
                    language=one.language,
                    segment=one.segment,
                    since_on=one.since_on,
                    yearly_value_cents=one.yearly_value_cents,
                    churn_risk=one.churn_risk,
                    agent=one.agent and "ruth",
                )
            )
            for e164 in one.numbers:
                await session.execute(insert(NumberRow).values(e164=e164, **own))
            for product in one.products:
                await session.execute(
                    insert(ProductRow).values(
                        kind=product.kind,
                        name=product.name,
                        opened_on=one.since_on,
                        balance_cents=product.balance_cents,
                        currency=product.currency,
                        key_kind=product.key_kind,
                        key_on=product.key_on,
                        **own,
                    )
                )
            for kind, happened_on in one.life_events:
                await session.execute(insert(LifeEventRow).values(kind=kind, happened_on=happened_on, **own))
            for case in one.cases:
                await session.execute(
                    insert(CaseRow).values(
                        number=case.number,
                        subject=case.subject,
                        tier=case.tier,
                        opened_at=case.opened_at,
                        due_at=case.due_at,
                        **own,
                    )
                )
            for contact in one.contacts:
                await session.execute(
                    insert(HistoryEventRow).values(at=contact.at, task=contact.about, source=contact.channel, **own)
                )


@pytest.fixture(params=["memory", "webhook", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def bank_with(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BankWith]:
    """Makes a bank that knows the given customers."""

    async def memory(*customers: CustomerView) -> Bank:
        return MemoryBank(*customers)

    if request.param == "memory":
        yield memory
        return
    if request.param == "webhook":

        async def webhook(*customers: CustomerView) -> Bank:
            served = httpx.ASGITransport(bank_app(MemoryBank(*customers), "s3cret"))
            return WebhookBank("http://bank", "s3cret", lookup_s=5, transport=served)

        yield webhook
        return
    async with fresh_database(request.param, tmp_path) as database:

        async def sql(*customers: CustomerView) -> Bank:
            await store(database, *customers)
            return SqlBank(database, ZoneInfo("Asia/Shanghai"))

        yield sql


async def test_a_withheld_number_is_nobody(bank_with: BankWith) -> None:
    bank = await bank_with(EMMA, stranger(42))
    assert await bank.customers_by_number(None, now=NOW) == ()


async def test_an_unknown_number_is_nobody(bank_with: BankWith) -> None:
    bank = await bank_with(EMMA)
    assert await bank.customers_by_number("+8613800000098", now=NOW) == ()


async def test_a_customer_is_found_by_each_number_with_everything_that_is_known(bank_with: BankWith) -> None:
    bank = await bank_with(stranger(7, "+8613800000007"), EMMA)
    for number in EMMA.numbers:
        assert await bank.customers_by_number(number, now=NOW) == (EMMA,)


async def test_a_shared_number_gives_everyone_by_id_each_with_their_own(bank_with: BankWith) -> None:
    wife = replace(stranger(52, NUMBER), contacts=(ContactSeen(NOW - 5, "app", "points"),))
    husband = stranger(9, NUMBER)
    bank = await bank_with(wife, EMMA, husband)
    assert await bank.customers_by_number(NUMBER, now=NOW) == (husband, EMMA, wife)


async def test_of_a_number_shared_by_many_the_first_ten_are_given(bank_with: BankWith) -> None:
    bank = await bank_with(*(stranger(id_, NUMBER) for id_ in range(30, 18, -1)))
    assert [one.id for one in await bank.customers_by_number(NUMBER, now=NOW)] == list(range(19, 29))


async def test_what_has_not_happened_yet_is_left_out(bank_with: BankWith) -> None:
    bank = await bank_with(EMMA)
    (then,) = await bank.customers_by_number(NUMBER, now=NOW - 86_401)
    assert [case.number for case in then.cases] == ["C-1"]
    assert then.contacts == ()
    (at_that_moment,) = await bank.customers_by_number(NUMBER, now=NOW - 60)
    assert at_that_moment.contacts == EMMA.contacts[1:]


async def test_the_ten_newest_contacts_are_given_newest_first(bank_with: BankWith) -> None:
    many = tuple(ContactSeen(NOW - 100 + n, "ivr", "balance") for n in range(25))
    bank = await bank_with(replace(EMMA, contacts=many))
    (seen,) = await bank.customers_by_number(NUMBER, now=NOW)
    assert seen.contacts == tuple(reversed(many))[:10]


async def test_a_customer_is_found_by_id_with_everything_that_is_known(bank_with: BankWith) -> None:
    bank = await bank_with(stranger(7), EMMA)
    assert await bank.customer(EMMA.id, now=NOW, deadline_s=5) == EMMA
    assert await bank.customer(7, now=NOW, deadline_s=5) == stranger(7)
    assert await bank.customer(8, now=NOW, deadline_s=5) is None
