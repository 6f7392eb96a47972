"""A phone that was answered in the moment in which its offer was refused or lapsed: what is stored follows the phone.

What has been offered to others since, or to this agent, is withdrawn: neither was rung, as the caller's line was busy.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import moves
from models.errors import StoreBusy
from models.tables import AgentRow, NeedRow, OfferRow
from routing.agent import AgentEvent, AgentState, Stance
from routing.errors import IllegalMove
from routing.need import NeedEvent, NeedState, move_need
from routing.offer import CROSSED, OfferEvent, OfferState
from routing.set_aside import REFUSED

#: A need, an agent and the offer between them.
Held = tuple[NeedRow, AgentRow, OfferRow]


def check(held: Held, since: Collection[Held]) -> None:
    """Raises IllegalMove when an offer cannot be answered any more; `since`: what else is open for need or agent."""
    need, agent, offer = held
    if offer.state not in CROSSED or any(other.state != OfferState.OFFERED for _, _, other in since):
        raise IllegalMove("offer", offer.state, OfferEvent.ANSWER)
    if need.closed_at is not None:
        raise IllegalMove("need", need.state, NeedEvent.ANSWER)
    offered = any(one is agent for _, one, _ in since)
    if not offered and agent.state not in (AgentState.READY, AgentState.PAUSED, AgentState.MISSED):
        raise IllegalMove("agent", agent.state, AgentEvent.ANSWER)


def answer(held: Held, now: float) -> None:
    """They talk, as if the offer had not ended. Checked before, and nothing else is open for need or agent by now."""
    need, agent, offer = held
    pause = agent.pause_reason if agent.pause_reason != REFUSED else None
    moves.take_stance(agent, Stance(AgentState.BUSY, pause_after=pause), now)
    agent.missed_at = None
    if offer.state == OfferState.REFUSED:
        agent.refused_at = [at for at in agent.refused_at or () if at != offer.closed_at]
        need.refused_by = [one for one in need.refused_by or () if one != agent.id]
    need.state = move_need(move_need(NeedState(need.state), NeedEvent.OFFER), NeedEvent.ANSWER).value
    need.version += 1
    offer.state, offer.answered_at, offer.closed_at = OfferState.ANSWERED.value, now, None
    offer.expires_at = offer.refused_for = None


async def answer_late(session: AsyncSession, offer_id: int, fence: int, now: float) -> bool:
    """Both, in the database; False, and nothing changed, when it cannot be answered any more.

    Rows are locked as everywhere: needs, agents, offers, of several the lower number first. Raises StoreBusy when
    something else was offered meanwhile.
    """
    mine = select(OfferRow.need_id, OfferRow.agent_id).where(
        OfferRow.id == offer_id, OfferRow.fence == fence, OfferRow.state.in_(CROSSED)
    )
    keys = (await session.execute(mine)).first()
    if keys is None:
        return False
    open_ones = select(OfferRow.id, OfferRow.need_id, OfferRow.agent_id).where(
        OfferRow.closed_at.is_(None), (OfferRow.need_id == keys.need_id) | (OfferRow.agent_id == keys.agent_id)
    )
    seen = (await session.execute(open_ones)).all()
    needs, agents = dict[int, NeedRow](), dict[int, AgentRow]()
    for id_ in sorted({keys.need_id, *(one.need_id for one in seen)}):
        needs[id_] = await session.get_one(NeedRow, id_, with_for_update=True)
    for id_ in sorted({keys.agent_id, *(one.agent_id for one in seen)}):
        agents[id_] = await session.get_one(AgentRow, id_, with_for_update=True)
    locked = select(OfferRow).where(OfferRow.id.in_([offer_id, *(one.id for one in seen)])).order_by(OfferRow.id)
    offers = {row.id: row for row in await session.scalars(locked.with_for_update())}
    if (await session.execute(open_ones)).all() != seen:
        raise StoreBusy("something else was offered at the same moment")
    held = (needs[keys.need_id], agents[keys.agent_id], offers.pop(offer_id))
    since = [(needs[one.need_id], agents[one.agent_id], one) for one in offers.values()]
    try:
        check(held, since)
    except IllegalMove:
        return False
    for other in since:
        moves.end(*other, OfferEvent.WITHDRAW, now=now, wrap_up_s=0)
    await session.flush()  # there is one open offer for a need, and for an agent
    answer(held, now)
    return True
