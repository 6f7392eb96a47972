"""The sweep: what time or a lost channel has left behind is mended, one short transaction each."""

import logging
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.database import Database
from models.errors import StoreBusy
from models.locks import hold
from models.mending import close_anyway, each, end_anyway, lapse
from models.strays import GRACE_S, NODE_LOST_S, end_orphans, free_strays, is_on_our_switch
from models.tables import AgentRow, CallEventRow, CallRow, NeedRow, NodeRow, OfferRow
from routing.agent import AgentEvent, AgentState
from routing.call import CallState, Ending, Reason, Result
from routing.errors import StoreAway
from routing.need import NeedState
from routing.offer import OfferEvent, OfferState
from routing.views import Swept

log = logging.getLogger(__name__)

Done = TypeVar("Done")

#: A need whose offers lapsed so often is held by nobody (its call went down the dialplan): it must not hold up agents
#: again and again. A call that comes back states its need anew.
MOST_EXPIRED = 2


async def sweep(
    database: Database,
    *,
    now: float,
    desk_lost_s: float,
    alive: frozenset[str] | None,
    alive_at: float,
    wrap_up_s: float,
    phones: frozenset[tuple[str, str]] | None = None,
    judge: str | None = None,
) -> Swept:
    """Expired offers, then agents, then calls whose channel is gone. Safe to run on several nodes at once.

    `judge` is the node that has looked at its switch: nothing is said of the calls of nodes on another one.

    What one stage cannot do does not stop the others; raises the last fault when none could do anything.
    """
    stages = _Stages()
    expired = await stages.run(_expire_offers(database, now), [])
    mended = await stages.run(_mend_agents(database, now, desk_lost_s), [])
    closed = await stages.run(_close_lost(database, alive, alive_at, now, wrap_up_s, judge), [])
    ended = 0
    if phones is not None:
        orphans = end_orphans(database, phones, seen_at=alive_at, now=now, wrap_up_s=wrap_up_s, judge=judge)
        ended = await stages.run(orphans, 0)
    freed = await stages.run(free_strays(database, now=now, wrap_up_s=wrap_up_s), 0)
    stages.tell()
    return Swept(
        offers_expired=expired.count(False),
        wrap_ups_over=mended.count(AgentEvent.WRAP_UP_OVER),
        desks_lost=mended.count(AgentEvent.DESK_LOST),
        calls_closed=closed.count(True),
        misses_over=mended.count(AgentEvent.MISS_OVER),
        strays_freed=expired.count(True) + freed,
        talks_over=ended,
    )


class _Stages:
    """The stages of one sweep, each of which may fail."""

    def __init__(self) -> None:
        self._done = False
        self._fault: Exception | None = None

    async def run(self, stage: Awaitable[Done], nothing: Done) -> Done:
        """What a stage has done; `nothing` when it failed. Raises StoreAway when the others would fail as well."""
        try:
            done = await stage
        except StoreBusy as fault:
            self._fault = fault
            log.warning("a stage of the sweep waits for the next one: %s", fault)
        except StoreAway:
            raise
        except Exception as fault:
            self._fault = fault
            log.exception("a stage of the sweep failed")
        else:
            self._done = True
            return done
        return nothing

    def tell(self) -> None:
        """Raise the last fault when nothing could be done at all."""
        if not self._done and self._fault is not None:
            raise self._fault


async def _expire_offers(database: Database, now: float) -> Sequence[bool | None]:
    """Of each offer whose lease was over, whether its rows contradicted each other; None when it goes on after all."""
    lapsed = (OfferRow.closed_at.is_(None), OfferRow.expires_at <= now)
    async with database.read() as session:
        rows = await session.execute(select(OfferRow.id, OfferRow.fence).where(*lapsed))
        found = [(id_, fence) for id_, fence in rows]

    async def expire(session: AsyncSession, key: tuple[int, int]) -> bool | None:
        held = await hold(session, *key)
        if held is None or held[2].expires_at is None or held[2].expires_at > now:
            return None  # ended, answered or ringing anew meanwhile
        need = held[0]
        if lapse(*held, now):
            return True
        expired = await session.scalar(
            select(func.count()).where(OfferRow.need_id == need.id, OfferRow.state == OfferState.EXPIRED)
        )
        if (expired or 0) >= MOST_EXPIRED and need.closed_at is None:
            moves.close(need, "lost", now)
        return False

    return await each(database, expire, found)


async def _mend_agents(database: Database, now: float, desk_lost_s: float) -> Sequence[AgentEvent | None]:
    async with database.read() as session:
        agents = (
            await session.scalars(
                select(AgentRow)
                .where(AgentRow.state.in_([AgentState.WRAP_UP, AgentState.READY, AgentState.MISSED]))
                .order_by(AgentRow.id)
            )
        ).all()
        ids = [
            agent.id
            for agent in agents
            if moves.wrap_up_is_over(agent, now)
            or moves.miss_is_over(agent, now)
            or moves.desk_is_lost(agent, now=now, desk_lost_s=desk_lost_s)
        ]

    async def mend(session: AsyncSession, agent_id: int) -> AgentEvent | None:
        agent = await session.get_one(AgentRow, agent_id, with_for_update=True)
        return moves.mend_agent(agent, now=now, desk_lost_s=desk_lost_s)

    return await each(database, mend, ids)


async def _close_lost(
    database: Database,
    alive: frozenset[str] | None,
    alive_at: float,
    now: float,
    wrap_up_s: float,
    judge: str | None,
) -> Sequence[bool]:
    async with database.read() as session:
        mine = None if judge is None else await session.get(NodeRow, judge)
        lost = await _lost_calls(session, alive, alive_at, now, mine)

    async def close(session: AsyncSession, call_id: str) -> bool:
        return await _close_call(session, call_id, now=now, wrap_up_s=wrap_up_s)

    return await each(database, close, lost)


async def _lost_calls(
    session: AsyncSession, alive: frozenset[str] | None, alive_at: float, now: float, mine: NodeRow | None
) -> list[str]:
    """Calls without a channel, and ended calls that have left a need or an offer open."""
    open_needs = select(NeedRow.call_id).where(NeedRow.closed_at.is_(None))
    open_offers = select(OfferRow.call_id).where(OfferRow.closed_at.is_(None))
    leaves_open = or_(CallRow.id.in_(open_needs), CallRow.id.in_(open_offers))
    found = await session.execute(
        select(CallRow.id, CallRow.started_at, CallRow.ended_at, CallRow.reason, NodeRow)
        .outerjoin(NodeRow, NodeRow.name == CallRow.node)
        .where(or_(CallRow.ended_at.is_(None), leaves_open))
        .order_by(CallRow.id)
    )
    return [
        call_id
        for call_id, started_at, ended_at, reason, node in found
        if (is_gone(call_id, started_at, alive, alive_at) and is_on_our_switch(node, mine))
        or is_over(ended_at, reason, now)
    ]


def is_gone(call_id: str, started_at: float, alive: frozenset[str] | None, alive_at: float) -> bool:
    """Whether the call had no channel when the switch was asked, and is old enough for that to mean something."""
    return alive is not None and call_id not in alive and started_at <= alive_at - GRACE_S


def is_over(ended_at: float | None, reason: str | None, now: float) -> bool:
    """Whether the call ended a while ago; one that was sent down the dialplan may come back and find its place."""
    return ended_at is not None and ended_at <= now - GRACE_S and reason != Reason.FALLBACK


async def _close_call(session: AsyncSession, call_id: str, *, now: float, wrap_up_s: float) -> bool:
    talked = False
    needs = await session.scalars(
        select(NeedRow).where(NeedRow.call_id == call_id, NeedRow.closed_at.is_(None)).with_for_update()
    )
    open_needs = needs.all()
    for offer_id, fence in (
        await session.execute(
            select(OfferRow.id, OfferRow.fence).where(OfferRow.call_id == call_id, OfferRow.closed_at.is_(None))
        )
    ).all():
        held = await hold(session, offer_id, fence)
        if held is None:
            continue
        answered = held[2].state == OfferState.ANSWERED
        talked |= answered
        event = OfferEvent.COMPLETE if answered else OfferEvent.WITHDRAW
        end_anyway(*held, event, now=now, wrap_up_s=wrap_up_s)
    for need in open_needs:
        if need.closed_at is None:
            close_anyway(need, "served" if need.state == NeedState.TALKING else "lost", now)
    call = await session.get_one(CallRow, call_id, with_for_update={"key_share": True})
    if call.ended_at is not None:
        return False
    ending = ending_of(call, await session.get(NodeRow, call.node), talked=talked, now=now)
    call.state, call.ended_at = CallState.ENDED.value, now
    call.result, call.reason = ending.result.value, ending.reason.value
    session.add(
        CallEventRow(
            call_id=call_id,
            at=now,
            kind="ended",
            data={"result": ending.result, "reason": ending.reason, "by": "sweep"},
        )
    )
    return True


def ending_of(call: CallRow, node: NodeRow | None, *, talked: bool, now: float) -> Ending:
    """Served when they talked; else lost by the switch if the call's engine has lived on, or by that engine."""
    if talked or call.state == CallState.TALKING:
        return Ending(Result.SERVED, Reason.AGENT)
    lived_on = node is not None and node.seen_at >= now - NODE_LOST_S and node.started_at <= call.started_at
    return Ending(Result.FAILED, Reason.SWITCH_LOST if lived_on else Reason.ENGINE_LOST)
