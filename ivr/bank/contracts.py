"""Contracts of the SQL bank: the running instalment, and the next dates of everything that has one."""

from sqlalchemy import func, select

from ivr.bank.orders import Work
from ivr.bank.terms import MOST_ROWS, due_on, refused
from ivr.ports import BankAnswer, BankRow
from menus.operations import OPERATIONS
from menus.spoken.money import Money
from menus.values import Value
from models.tables import InstalmentRow, ProductRow

#: Products whose instalments are premiums: a date to know, not a debt.
PREMIUMS = "insurance"
#: The product that a key date belongs to when nothing else names it; a loan for other dates.
HOLDERS = {"card_expiry": "credit_card", "premium_due": PREMIUMS, "instalment_due": "instalment"}


async def instalments(work: Work) -> BankAnswer:
    """The running instalment that is due next."""
    rows = await work.session.execute(
        select(InstalmentRow.amount_cents, InstalmentRow.remaining, InstalmentRow.next_on)
        .join(ProductRow, ProductRow.id == InstalmentRow.product_id)
        .where(ProductRow.customer_id == work.order.customer_id, ProductRow.kind != PREMIUMS)
        .order_by(InstalmentRow.id)
    )
    plans = [(due, cents) for cents, left, on in rows if (due := due_on(on, left, work.today)) is not None]
    if not plans:
        return refused("no_instalment")
    due, cents = min(plans, key=lambda plan: plan[0].on)
    return BankAnswer(
        {
            "due": due.on,
            "instalment": Money(cents),
            "remaining": due.remaining,
            "outstanding": Money(cents * due.remaining),
        }
    )


async def key_dates(work: Work) -> BankAnswer:
    """The next dates of the customer's contracts, soonest first; one whose amount nobody knows is left out."""
    kinds = OPERATIONS["key_dates"].rows
    amount = (
        select(func.max(InstalmentRow.amount_cents)).where(InstalmentRow.product_id == ProductRow.id).scalar_subquery()
    )
    found = await work.session.execute(
        select(ProductRow.key_kind, ProductRow.key_on, amount)
        .where(ProductRow.customer_id == work.order.customer_id, ProductRow.key_on >= work.today)
        .order_by(ProductRow.key_on, ProductRow.id)
    )
    rows: list[BankRow] = []
    for kind, on, cents in found:
        values: dict[str, Value] = {"date": on}
        if "amount" in kinds.get(kind, {}):
            if cents is None:
                continue
            values["amount"] = Money(cents)
        if kind in kinds:
            rows.append(BankRow(kind, values))
    return BankAnswer(rows=tuple(rows[:MOST_ROWS])) if rows else refused("no_dates")
