"""Customers of the bank's twin in a database."""

from collections.abc import Awaitable, Callable
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import insert

from ivr.bank.contracts import HOLDERS
from ivr.bank.credentials import card_hash, card_key
from ivr.testing.accounts import MemoryAccount, MemoryInstalment
from models.database import Database
from models.tables import (
    AccountRow,
    CardRow,
    CredentialRow,
    CustomerRow,
    InstalmentRow,
    MovementRow,
    NumberRow,
    PointsRow,
    ProductRow,
    Table,
)

#: Hashes that cost next to nothing: tests compare many.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def open_account(database: Database, account: MemoryAccount) -> None:
    """Put a customer of the twin into the SQL bank: the same person in both."""
    ids = {"customer_id": account.customer_id}
    view = account.view()
    async with database.write() as session:

        async def add(table: type[Table], **values: Any) -> int:
            added = await session.execute(insert(table).values(**values).returning(*table.__table__.primary_key))
            return int(added.scalar_one())

        async def product(kind: str, **values: Any) -> int:
            return await add(ProductRow, kind=kind, name=kind, opened_on=view.since_on, **ids, **values)

        await session.execute(
            insert(CustomerRow).values(
                id=view.id, name=view.name, language=view.language, segment=view.segment, since_on=view.since_on
            )
        )
        for number in account.numbers:
            await add(NumberRow, e164=number, **ids)
        if account.pin or account.birthday:
            pin, birthday = (CHEAP.hash(secret or "none") for secret in (account.pin, account.birthday))
            await add(CredentialRow, pin_hash=pin, birthday_hash=birthday, **ids)
        current: int | None = None
        if account.account is not None:
            held = {"balance_cents": account.balance_cents, "currency": account.currency}
            current = await product("current_account", **held)
            if account.account:
                await add(AccountRow, product_id=current, number=account.account)
            for at, cents, about in account.movements:
                await add(MovementRow, product_id=current, at=at, amount_cents=cents, about=about)
        for number, currency in account.further.items():
            await add(AccountRow, product_id=await product("savings", currency=currency), number=number)
        for card in account.cards:
            debt: int | None = current
            if card.credit:
                debt = await product("credit_card", balance_cents=-card.used_cents)
            await add(
                CardRow,
                product_id=debt,
                number_hash=card_hash(card.number, card_key()),
                last_four=card.last_four,
                state="blocked" if card.blocked else "active",
                limit_cents=card.limit_cents,
                limit_most_cents=card.limit_most_cents,
                used_cents=card.used_cents,
                **ids,
            )
        if account.points:
            await add(PointsRow, points=account.points, **ids)
        plans = list(account.instalments)
        for kind, day, due_cents in account.key_dates:
            owner = await product(HOLDERS.get(kind, "loan"), key_kind=kind, key_on=day)
            if kind == "instalment_due" and plans:
                await _plan(add, owner, plans.pop(0))
            elif due_cents is not None:
                await add(InstalmentRow, product_id=owner, amount_cents=due_cents, remaining=1, next_on=day)
        for plan in plans:
            await _plan(add, await product("instalment"), plan)


async def _plan(add: Callable[..., Awaitable[int]], product_id: int, plan: MemoryInstalment) -> None:
    await add(
        InstalmentRow,
        product_id=product_id,
        amount_cents=plan.amount_cents,
        remaining=plan.remaining,
        next_on=plan.next_on,
    )
