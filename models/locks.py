"""Statements that take rows for a change, always in the order need, agent, offer, so that nobody waits in a circle."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import AgentRow, NeedRow, OfferRow

#: Kinds of need: of a caller, and of an agent who consults another.
CALL, SECOND = "call", "second"


def open_need(call_id: str) -> Select[NeedRow]:
    """The open need of a call, not that of an agent who consults another; there is at most one."""
    return select(NeedRow).where(NeedRow.call_id == call_id, NeedRow.kind == CALL, NeedRow.closed_at.is_(None))


def open_second(call_id: str) -> Select[NeedRow]:
    """The open need of an agent who consults another about a call; there is at most one."""
    return select(NeedRow).where(NeedRow.call_id == call_id, NeedRow.kind == SECOND, NeedRow.closed_at.is_(None))


async def hold(session: AsyncSession, offer_id: int, fence: int) -> tuple[NeedRow, AgentRow, OfferRow] | None:
    """The rows of an open offer, held until the transaction ends; None when it has ended or carries another fence."""
    mine = (OfferRow.id == offer_id, OfferRow.fence == fence, OfferRow.closed_at.is_(None))
    found = (await session.execute(select(OfferRow.need_id, OfferRow.agent_id).where(*mine))).first()
    if found is None:
        return None
    need = await session.get_one(NeedRow, found.need_id, with_for_update=True)
    agent = await session.get_one(AgentRow, found.agent_id, with_for_update=True)
    # Asked again: whoever held the need before us may have ended the offer.
    offer = await session.scalar(select(OfferRow).where(*mine).with_for_update())
    return None if offer is None else (need, agent, offer)
