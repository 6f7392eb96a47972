"""Calls that the switch serves without an engine: which node sees to them, and needs that nobody is to be offered."""

from collections.abc import Collection
from functools import partial

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.database import Database
from models.locks import open_need
from models.strays import NODE_LOST_S
from models.tables import AgentRow, NeedRow, NodeRow, OfferRow
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState

#: Needs in these states wait for an agent; of others somebody talks.
WAITING = frozenset({NeedState.WAITING, NeedState.OFFERED})


async def is_first(database: Database, node: str, *, now: float) -> bool:
    """Whether no node lives whose name comes before."""
    before = exists().where(NodeRow.name < node, NodeRow.seen_at >= now - NODE_LOST_S)
    async with database.read() as session:
        return not await session.scalar(select(before))


async def give_up(database: Database, call_ids: Collection[str], *, now: float) -> None:
    """Close the waiting needs of these calls as lost; their places are kept for when they come back."""

    async def work(session: AsyncSession, call_id: str) -> None:
        need = await session.scalar(open_need(call_id).with_for_update())
        if need is not None and need.state in WAITING:
            await close_need(session, need, "lost", now)

    async with database.read() as session:
        waiting = (NeedRow.call_id.in_(call_ids), NeedRow.closed_at.is_(None), NeedRow.state.in_(WAITING))
        found = (await session.scalars(select(NeedRow.call_id).where(*waiting))).all()
    for call_id in found:
        await database.transact(partial(work, call_id=call_id))


async def close_need(session: AsyncSession, need: NeedRow, outcome: str, now: float) -> None:
    """Close an open need that is held by this transaction; an open offer that was not answered is withdrawn."""
    offer = await session.scalar(select(OfferRow).where(OfferRow.need_id == need.id, OfferRow.closed_at.is_(None)))
    if offer is not None and offer.state != OfferState.ANSWERED:
        agent = await session.get_one(AgentRow, offer.agent_id, with_for_update=True)
        moves.end(need, agent, offer, OfferEvent.WITHDRAW, now=now, wrap_up_s=0)
    moves.close(need, outcome, now)
