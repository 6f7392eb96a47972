"""Accounts of the SQL bank: balance, movements, payees, transfers."""

from typing import Any, cast

from sqlalchemy import Row, func, select, update
from sqlalchemy import insert as insert_into

from ivr.bank.orders import Work
from ivr.bank.terms import RECEIVED, SENT, reference_of, refused, rows_wanted, transfer_refusal
from ivr.ports import BankAnswer, BankRow
from menus.spoken.money import Money
from models.tables import AccountRow, MovementRow, ProductRow

#: A row of `_current_account` or `_account`.
_Found = Row[*tuple[Any, ...]]


async def balance(work: Work) -> BankAnswer:
    """The balance of the current account."""
    mine = await _current_account(work)
    return refused("no_account") if mine is None else BankAnswer({"balance": Money(mine.balance_cents, mine.currency)})


async def transactions(work: Work) -> BankAnswer:
    """The last movements, newest first."""
    mine = await _current_account(work)
    if mine is None:
        return refused("no_account")
    found = await work.session.execute(
        select(MovementRow.at, MovementRow.amount_cents)
        .where(MovementRow.product_id == mine.id, MovementRow.at <= work.now)
        .order_by(MovementRow.at.desc(), MovementRow.id.desc())
        .limit(rows_wanted(work.order.params.get("count")))
    )
    rows = [(work.day_of(at), cents) for at, cents in found]
    return BankAnswer(
        rows=tuple(
            BankRow("in" if cents > 0 else "out", {"date": day, "amount": Money(abs(cents), mine.currency)})
            for day, cents in rows
        )
    )


async def payee(work: Work) -> BankAnswer:
    """Whom an account number belongs to, by its last digits only."""
    to = work.param("to")
    other = await _account(work, to)
    if other is None:
        return refused("unknown_payee")
    if other.customer_id == work.order.customer_id:
        return refused("own_account")
    return BankAnswer({"payee_known": True, "payee_ending": to[-4:]})


async def transfer(work: Work) -> BankAnswer:
    """Move money to another account: out only if it is there, in only if it went out, the day's sum kept."""
    amount: Money = work.param("amount")
    mine, other = await _current_account(work), await _account(work, work.param("to"))
    if mine is None or mine.currency != amount.currency:
        return refused("no_account")
    if other is None or other.currency != amount.currency:
        return refused("unknown_payee")
    if other.customer_id == work.order.customer_id:
        return refused("own_account")
    held = (mine.id, other.id)  # in one order, so that two transfers that cross do not wait for each other
    balances = await work.session.execute(
        select(ProductRow.id, ProductRow.balance_cents)
        .where(ProductRow.id.in_(held))
        .order_by(ProductRow.id)
        .with_for_update()
    )
    left = next(cents for id_, cents in balances.all() if id_ == mine.id)
    refusal = transfer_refusal(
        amount.cents, balance_cents=left, sent_today_cents=await _sent_today(work, mine.id), segment=work.segment
    )
    if refusal is not None:
        return refused(refusal)
    if not await _add(work, mine.id, -amount.cents):
        return refused("insufficient_funds")
    await _add(work, other.id, amount.cents)
    for product_id, cents, about in ((mine.id, -amount.cents, SENT), (other.id, amount.cents, RECEIVED)):
        await work.session.execute(
            insert_into(MovementRow).values(product_id=product_id, at=work.now, amount_cents=cents, about=about)
        )
    return BankAnswer(
        {"reference": reference_of(work.order.key), "balance": Money(left - amount.cents, amount.currency)}
    )


async def _add(work: Work, product_id: int, cents: int) -> bool:
    """Change a balance if it stays at least 0."""
    changed = await work.session.execute(
        update(ProductRow)
        .where(ProductRow.id == product_id, (ProductRow.balance_cents + cents >= 0) | (cents > 0))
        .values(balance_cents=ProductRow.balance_cents + cents)
        .returning(ProductRow.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None


async def _current_account(work: Work) -> _Found | None:
    found = await work.session.execute(
        select(ProductRow.id, ProductRow.balance_cents, ProductRow.currency)
        .where(ProductRow.customer_id == work.order.customer_id, ProductRow.kind == "current_account")
        .order_by(ProductRow.id)
        .limit(1)
    )
    return cast(_Found | None, found.first())


async def _account(work: Work, number: str) -> _Found | None:
    found = await work.session.execute(
        select(ProductRow.id, ProductRow.customer_id, ProductRow.currency)
        .join(AccountRow, AccountRow.product_id == ProductRow.id)
        .where(AccountRow.number == number)
    )
    return cast(_Found | None, found.first())


async def _sent_today(work: Work, product_id: int) -> int:
    """What left the account by telephone since midnight, in cents."""
    return -int(
        await work.session.scalar(
            select(func.coalesce(func.sum(MovementRow.amount_cents), 0)).where(
                MovementRow.product_id == product_id, MovementRow.at >= work.midnight, MovementRow.about == SENT
            )
        )
        or 0
    )
