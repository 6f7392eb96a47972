"""Cards of the SQL bank: blocking, limits, plans, and the points that are collected with them."""

from sqlalchemy import insert, select, update

from ivr.bank.orders import Work
from ivr.bank.terms import (
    POINTS_PER_CENT,
    instalment_of,
    limit_refusal,
    month_later,
    plan_refusal,
    redeem_refusal,
    reference_of,
    refused,
)
from ivr.ports import BankAnswer
from menus.spoken.money import Money
from models.tables import CardRow, InstalmentRow, PointsRow, ProductRow


async def block_card(work: Work) -> BankAnswer:
    """Block a card; one that is blocked already is as good."""
    wanted = work.order.params.get("card")
    cards = [card for card in await _cards(work) if wanted is None or card.last_four == wanted]
    active = [card for card in cards if card.state == "active"]
    if len(active) > 1:
        return refused("which_card")
    if not active and (wanted is None or not cards):
        return refused("no_card")
    card = (active or cards)[0]
    card.state = "blocked"
    return BankAnswer({"card": card.last_four, "reference": reference_of(work.order.key)})


async def card_limit(work: Work) -> BankAnswer:
    """The limit of the credit card."""
    card = await _credit_card(work)
    if card is None:
        return refused("no_card")
    return BankAnswer(
        {
            "card": card.last_four,
            "limit": Money(card.limit_cents),
            "used": Money(max(0, card.used_cents)),
            "limit_most": Money(card.limit_most_cents),
        }
    )


async def set_card_limit(work: Work) -> BankAnswer:
    """Change the limit of the credit card."""
    limit: Money = work.param("limit")
    card = await _credit_card(work)
    if card is None:
        return refused("no_card")
    refusal = limit_refusal(limit.cents, used_cents=card.used_cents, most_cents=card.limit_most_cents)
    if refusal is not None:
        return refused(refusal)
    card.limit_cents = limit.cents
    return BankAnswer({"card": card.last_four, "limit": limit})


async def points(work: Work) -> BankAnswer:
    """The reward points."""
    return BankAnswer({"points": await _points(work)})


async def redeem(work: Work) -> BankAnswer:
    """Turn points into money on the credit card; whole cents only, the rest stay points."""
    card = await _credit_card(work)
    if card is None:
        return refused("no_card")
    wanted: int = work.param("points")
    if redeem_refusal(wanted, has=await _points(work)) is not None:
        return refused("too_few_points")
    cents = wanted // POINTS_PER_CENT
    taken = await work.session.scalar(
        update(PointsRow)
        .where(PointsRow.customer_id == work.order.customer_id, PointsRow.points >= cents * POINTS_PER_CENT)
        .values(points=PointsRow.points - cents * POINTS_PER_CENT)
        .returning(PointsRow.points)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        return refused("too_few_points")
    card.used_cents -= cents
    await _owe(work, card, -cents)
    return BankAnswer({"points": taken, "credited": Money(cents)})


async def instalment_plan(work: Work) -> BankAnswer:
    """Turn what is used of the credit card into a plan; the card is free again, the debt stays."""
    months: int = work.param("months")
    card = await _credit_card(work)
    if card is None:
        return refused("no_card")
    refusal = plan_refusal(months, used_cents=card.used_cents)
    if refusal is not None:
        return refused(refusal)
    each, due = instalment_of(card.used_cents, months), month_later(work.today)
    await work.session.execute(
        insert(InstalmentRow).values(product_id=card.product_id, amount_cents=each, remaining=months, next_on=due)
    )
    card.used_cents = 0
    return BankAnswer({"instalment": Money(each), "due": due, "months": months})


async def _cards(work: Work) -> list[CardRow]:
    """The customer's cards, held for a change when the order is one."""
    found = select(CardRow).where(CardRow.customer_id == work.order.customer_id).order_by(CardRow.id)
    return list(await work.session.scalars(found.with_for_update() if work.writes else found))


async def _credit_card(work: Work) -> CardRow | None:
    found = (
        select(CardRow)
        .join(ProductRow, ProductRow.id == CardRow.product_id)
        .where(
            CardRow.customer_id == work.order.customer_id,
            CardRow.state == "active",
            ProductRow.kind == "credit_card",
        )
        .order_by(CardRow.id)
        .limit(1)
    )
    return await work.session.scalar(found.with_for_update(of=CardRow) if work.writes else found)


async def _points(work: Work) -> int:
    kept = await work.session.scalar(select(PointsRow.points).where(PointsRow.customer_id == work.order.customer_id))
    return kept or 0


async def _owe(work: Work, card: CardRow, cents: int) -> None:
    """Let the product's balance follow what is owed on its card."""
    await work.session.execute(
        update(ProductRow)
        .where(ProductRow.id == card.product_id)
        .values(balance_cents=ProductRow.balance_cents - cents)
        .execution_options(synchronize_session=False)
    )
