"""Statements that take rows for a change, always in the order need, agent, offer, so that nobody waits in a circle."""

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import AgentRow, NeedRow, OfferRow
from routing.agent import AgentState
from routing.decision import Decision
from routing.need import NeedState
from routing.offer import Claimed, OfferState


class TooLate(Exception):
    """What the decision was made on has changed."""


def open_need(call_id: str) -> Select[NeedRow]:
    """The open need of a call; there is at most one."""
    return select(NeedRow).where(NeedRow.call_id == call_id, NeedRow.closed_at.is_(None))


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


async def take(session: AsyncSession, decision: Decision, *, node: str, now: float, expires_at: float) -> Claimed:
    """Take need and agent if both are exactly as decided on, and open the offer. Raises TooLate."""
    fence = await session.scalar(
        update(NeedRow)
        .where(NeedRow.id == decision.need_id, NeedRow.version == decision.need_version)
        .where(NeedRow.state == NeedState.WAITING, NeedRow.closed_at.is_(None))
        .values(state=NeedState.OFFERED.value, version=NeedRow.version + 1)
        .returning(NeedRow.version)
        .execution_options(synchronize_session=False)
    )
    if fence is None:
        raise TooLate("the need has moved on")
    idle_since = await session.scalar(select(AgentRow.since).where(AgentRow.id == decision.agent_id))
    agent = (
        await session.execute(
            update(AgentRow)
            .where(AgentRow.id == decision.agent_id, AgentRow.version == decision.agent_version)
            .where(AgentRow.state == AgentState.READY)
            .values(state=AgentState.OFFERED.value, since=now, version=AgentRow.version + 1)
            .returning(AgentRow.name, AgentRow.phone)
            .execution_options(synchronize_session=False)
        )
    ).first()
    if agent is None:
        raise TooLate("the agent has moved on")
    offer = OfferRow(
        call_id=decision.call_id,
        need_id=decision.need_id,
        agent_id=decision.agent_id,
        node=node,
        fence=fence,
        state=OfferState.OFFERED.value,
        why=dict(decision.why),
        agent_since=idle_since,
        made_at=now,
        expires_at=expires_at,
    )
    session.add(offer)
    await session.flush()
    return Claimed(offer.id, fence, decision.call_id, decision.need_id, decision.agent_id, agent.name, agent.phone)
