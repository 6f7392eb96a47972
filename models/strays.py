"""Rows that lead nowhere: agents and needs in an offer that does not exist, conversations that nobody will end."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.database import Database
from models.locks import CALL, hold
from models.tables import AgentRow, CallRow, NeedRow, NodeRow, OfferRow
from routing.agent import AgentState
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState

#: A call, and what an ended call has left open, is judged only this many seconds after it began or ended, an agent
#: after their last move: their own engine may be about to write.
GRACE_S = 2.0
#: Seconds since its last sign of life within which a node is taken to live.
NODE_LOST_S = 15.0
#: Rows that one sweep mends of each kind.
MOST = 200


async def free_strays(database: Database, *, now: float, wrap_up_s: float) -> int:
    """Free agents and needs that stand in an offer without there being one; how many.

    No transaction of ours leaves such rows behind. A row that was changed by hand, or a backup that was put back,
    may; nothing else would ever move them.
    """
    agent_is_in_one = exists().where(OfferRow.agent_id == AgentRow.id, OfferRow.closed_at.is_(None))
    need_is_in_one = exists().where(OfferRow.need_id == NeedRow.id, OfferRow.closed_at.is_(None))
    agents = select(AgentRow.id).where(
        AgentRow.state.in_([AgentState.OFFERED, AgentState.BUSY]), AgentRow.since <= now - GRACE_S, ~agent_is_in_one
    )
    needs = select(NeedRow.id).where(
        NeedRow.closed_at.is_(None), NeedRow.state.in_([NeedState.OFFERED, NeedState.TALKING]), ~need_is_in_one
    )
    async with database.read() as session:
        stray_agents = list(await session.scalars(agents.limit(MOST)))
        stray_needs = list(await session.scalars(needs.limit(MOST)))

    async def free_need(session: AsyncSession, need_id: int) -> bool:
        need = await session.scalar(
            select(NeedRow).where(NeedRow.id == need_id, needs.whereclause).with_for_update()  # type: ignore[arg-type]
        )
        return need is not None and moves.free_stray_need(need, now)

    async def free_agent(session: AsyncSession, agent_id: int) -> bool:
        agent = await session.scalar(
            select(AgentRow).where(AgentRow.id == agent_id, agents.whereclause).with_for_update()  # type: ignore[arg-type]
        )
        return agent is not None and moves.free_stray_agent(agent, now=now, wrap_up_s=wrap_up_s)

    return await _each(database, free_need, stray_needs) + await _each(database, free_agent, stray_agents)


async def end_orphans(
    database: Database, there: frozenset[tuple[str, str]], *, seen_at: float, now: float, wrap_up_s: float
) -> int:
    """End conversations of dead nodes whose phone has left the call; `there`: calls and phones on the switch.

    The node that holds a call ends its conversation by itself. When it is dead and nobody has taken the call over, the
    caller may stand in the static queue for long; the agent must not be busy meanwhile.
    """
    calls = {call_id for call_id, _ in there}
    apart = or_(OfferRow.talk.is_not(None), NeedRow.kind != CALL)
    talks = (
        select(OfferRow.id, OfferRow.fence, OfferRow.call_id, AgentRow.phone, OfferRow.answered_at, apart, NodeRow)
        .join(AgentRow, AgentRow.id == OfferRow.agent_id)
        .join(NeedRow, NeedRow.id == OfferRow.need_id)
        .join(CallRow, CallRow.id == OfferRow.call_id)
        .outerjoin(NodeRow, NodeRow.name == CallRow.node)
        .where(OfferRow.state == OfferState.ANSWERED, OfferRow.closed_at.is_(None))
    )
    async with database.read() as session:
        found = [
            (id_, fence)
            for id_, fence, call_id, phone, answered_at, is_apart, node in await session.execute(talks)
            if (call_id, phone) not in there
            and (call_id not in calls or not is_apart)  # in a room, where phones are not known by the call
            and is_orphaned(node, answered_at, seen_at=seen_at, now=now)
        ]

    async def complete(session: AsyncSession, key: tuple[int, int]) -> bool:
        held = await hold(session, *key)
        if held is None or held[2].state != OfferState.ANSWERED:
            return False
        moves.end(*held, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)
        return True

    return await _each(database, complete, found[:MOST])


def is_orphaned(node: NodeRow | None, answered_at: float | None, *, seen_at: float, now: float) -> bool:
    """Whether nobody carries out a conversation: its node is dead, or a new process since it began."""
    since = answered_at or 0.0
    if node is None or since > seen_at - GRACE_S:
        return False
    return node.seen_at < now - NODE_LOST_S or node.started_at > since


async def _each(
    database: Database, mend: Callable[[AsyncSession, Any], Awaitable[bool]], keys: Sequence[object]
) -> int:
    """Mend one row after the other, each in a short transaction of its own; how many were."""
    return sum([await database.transact(partial(_mend, mend=mend, key=key)) for key in keys])


async def _mend(session: AsyncSession, *, mend: Callable[[AsyncSession, Any], Awaitable[bool]], key: object) -> bool:
    return await mend(session, key)
