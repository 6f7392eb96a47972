"""Rows that lead nowhere: agents and needs in an offer that does not exist, conversations that nobody will end."""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.database import Database
from models.locks import CALL, hold
from models.mending import each, end_anyway
from models.tables import AgentRow, CallRow, NeedRow, NodeRow, OfferRow
from routing.agent import AgentState
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState
from routing.talk import Talk, talk_of

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

    return sum(await each(database, free_need, stray_needs)) + sum(await each(database, free_agent, stray_agents))


async def end_orphans(
    database: Database,
    there: frozenset[tuple[str, str]],
    *,
    seen_at: float,
    now: float,
    wrap_up_s: float,
    judge: str | None = None,
) -> int:
    """End conversations of dead nodes whose phone has left the call; `there`: phones on the switch, by call and id.

    The node that holds a call ends its conversation by itself. When it is dead and nobody has taken the call over, the
    caller may stand in the static queue for long; the agent must not be busy meanwhile.
    """
    talks = (
        select(OfferRow, AgentRow.phone, NeedRow.kind, NodeRow)
        .join(AgentRow, AgentRow.id == OfferRow.agent_id)
        .join(NeedRow, NeedRow.id == OfferRow.need_id)
        .join(CallRow, CallRow.id == OfferRow.call_id)
        .outerjoin(NodeRow, NodeRow.name == CallRow.node)
        .where(OfferRow.state == OfferState.ANSWERED, OfferRow.closed_at.is_(None))
    )
    async with database.read() as session:
        rows = (await session.execute(talks)).all()
        mine = None if judge is None else await session.get(NodeRow, judge)
    first = {offer.call_id: talk_of(offer.talk) for offer, _, kind, _ in rows if kind == CALL}
    found = [
        (offer.id, offer.fence)
        for offer, phone, kind, node in rows
        if not is_there(offer, phone, there, None if kind == CALL else first.get(offer.call_id))
        and is_on_our_switch(node, mine)
        and is_orphaned(node, offer.answered_at, seen_at=seen_at, now=now)
    ]

    async def complete(session: AsyncSession, key: tuple[int, int]) -> bool:
        held = await hold(session, *key)
        if held is None or held[2].state != OfferState.ANSWERED:
            return False
        end_anyway(*held, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)
        return True

    return sum(await each(database, complete, found[:MOST]))


def is_on_our_switch(node: NodeRow | None, mine: NodeRow | None) -> bool:
    """Whether what we see on our switch says anything of a call of that node: another switch has calls of its own."""
    if node is None or node.switch is None or (mine is not None and node.name == mine.name):
        return True
    return mine is not None and node.switch == mine.switch


def is_there(offer: OfferRow, phone: str, there: frozenset[tuple[str, str]], first: Talk | None) -> bool:
    """Whether the agent's phone is in the conversation; `first`: the one about which this agent is consulted.

    A phone that was rung into a room has a channel id of its own there; any other one stands under the call.
    """
    own = talk_of(offer.talk).own if first is None else first.channel
    return (offer.call_id, phone) in there or (own, phone) in there


def is_orphaned(node: NodeRow | None, answered_at: float | None, *, seen_at: float, now: float) -> bool:
    """Whether nobody carries out a conversation: its node is dead, or a new process since it began."""
    since = answered_at or 0.0
    if node is None or since > seen_at - GRACE_S:
        return False
    return node.seen_at < now - NODE_LOST_S or node.started_at > since
