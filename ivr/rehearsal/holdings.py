"""What a customer of the database holds at the bank, as the Bank port's twin has it: a copy for one trial call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.bank.contracts import PREMIUMS
from ivr.bank.credentials import MOST_SECRET
from ivr.ports import Claimant, CustomerView
from ivr.testing.accounts import MemoryAccount, MemoryCard, MemoryInstalment
from models.database import Database
from models.tables import AccountRow, CardRow, CredentialRow, InstalmentRow, MovementRow, PointsRow, ProductRow

#: Accounts of other customers that can be paid to in a trial call.
MOST_PAYEES = 10_000
#: Movements of the current account that come along, newest first.
MOST_MOVEMENTS = 100


@dataclass(frozen=True)
class _Product:
    """A product with what belongs to it."""

    row: ProductRow
    account: str | None
    plans: tuple[InstalmentRow, ...]


async def holdings_of(database: Database, view: CustomerView, now: datetime) -> MemoryAccount:
    """Accounts, cards, plans and proofs of one customer; `now` is the aware time of the call."""
    async with database.read() as session:
        products = await _products(session, view.id)
        current = next((one for one in products if one.row.kind == "current_account"), None)
        kept = await session.get(CredentialRow, view.id)
        return MemoryAccount(
            view.id,
            numbers=view.numbers,
            name=view.name,
            language=view.language,
            segment=view.segment,
            proves=_prover(kept),
            account=None if current is None else current.account or "",
            balance_cents=0 if current is None else current.row.balance_cents,
            currency="CNY" if current is None else current.row.currency,
            further={
                one.account: one.row.currency for one in products if one.account is not None and one is not current
            },
            cards=await _cards(session, view.id, {one.row.id: one.row.kind for one in products}),
            points=await session.scalar(select(PointsRow.points).where(PointsRow.customer_id == view.id)) or 0,
            instalments=[
                MemoryInstalment(plan.amount_cents, plan.remaining, plan.next_on)
                for one in products
                if one.row.kind != PREMIUMS
                for plan in one.plans
            ],
            key_dates=[
                (one.row.key_kind, one.row.key_on, max((plan.amount_cents for plan in one.plans), default=None))
                for one in sorted(products, key=lambda one: (one.row.key_on is None, one.row.key_on, one.row.id))
                if one.row.key_kind is not None and one.row.key_on is not None
            ],
            movements=[] if current is None else await _movements(session, current.row.id, now.timestamp()),
        )


async def payees_for(database: Database, but: frozenset[int]) -> list[MemoryAccount]:
    """Other customers by their accounts, `MOST_PAYEES` at most, so that a transfer finds somebody to pay to."""
    payees: dict[int, MemoryAccount] = {}
    async with database.read() as session:
        found = await session.execute(
            select(ProductRow.customer_id, AccountRow.number, ProductRow.currency)
            .join(AccountRow, AccountRow.product_id == ProductRow.id)
            .where(ProductRow.customer_id.not_in(but))
            .order_by(ProductRow.id)
            .limit(MOST_PAYEES)
        )
        for customer_id, number, currency in found:
            payees.setdefault(customer_id, MemoryAccount(customer_id)).further[number] = currency
    return list(payees.values())


async def _products(session: AsyncSession, customer_id: int) -> list[_Product]:
    rows = await session.scalars(
        select(ProductRow).where(ProductRow.customer_id == customer_id).order_by(ProductRow.id)
    )
    products = list(rows)
    ids = [one.id for one in products]
    accounts = {
        row.product_id: row.number
        for row in await session.scalars(select(AccountRow).where(AccountRow.product_id.in_(ids)))
    }
    plans = list(
        await session.scalars(select(InstalmentRow).where(InstalmentRow.product_id.in_(ids)).order_by(InstalmentRow.id))
    )
    return [
        _Product(one, accounts.get(one.id), tuple(plan for plan in plans if plan.product_id == one.id))
        for one in products
    ]


async def _cards(session: AsyncSession, customer_id: int, kinds: dict[int, str]) -> list[MemoryCard]:
    rows = await session.scalars(select(CardRow).where(CardRow.customer_id == customer_id).order_by(CardRow.id))
    return [
        MemoryCard(
            f"************{row.last_four}",
            credit=kinds.get(row.product_id or 0) == "credit_card",
            limit_cents=row.limit_cents,
            limit_most_cents=row.limit_most_cents,
            used_cents=row.used_cents,
            blocked=row.state != "active",
            number_hash=row.number_hash,
        )
        for row in rows
    ]


async def _movements(session: AsyncSession, product_id: int, now: float) -> list[tuple[float, int, str]]:
    rows = await session.execute(
        select(MovementRow.at, MovementRow.amount_cents, MovementRow.about)
        .where(MovementRow.product_id == product_id, MovementRow.at <= now)
        .order_by(MovementRow.at.desc(), MovementRow.id.desc())
        .limit(MOST_MOVEMENTS)
    )
    return [(at, cents, about) for at, cents, about in rows]


def _prover(kept: CredentialRow | None) -> Callable[[Claimant], bool]:
    """Compares a secret with the customer's hash; with none it is never right."""

    def proves(claimant: Claimant) -> bool:
        if kept is None:
            return False
        try:
            secret = kept.pin_hash if claimant.by == "pin" else kept.birthday_hash
            return PasswordHasher().verify(secret, claimant.secret[:MOST_SECRET])
        except (VerificationError, InvalidHashError):
            return False

    return proves
