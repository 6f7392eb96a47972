"""How a call was routed: its needs, what their callers were told, and each offer with the decision's reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from models.database import Database
from models.snapshots import SnapshotReader
from models.tables import AgentRow, NeedRow, OfferRow, ToldWaitRow
from models.texts import stored
from models.waits import range_in
from routing.floor import Floor
from routing.need import NeedState
from routing.reasons import why_nobody
from routing.wait_ranges import WaitRange

#: Needs of a call, and offers of a need, that are told: the oldest.
MOST = 50


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer of a need, with the reasons that were kept of the decision. Times are seconds of the epoch."""

    agent: str
    state: str
    made_at: float
    ringing_at: float | None
    answered_at: float | None
    closed_at: float | None
    refused_for: str | None
    why: Mapping[str, Any]  #: as `routing.reasons.why` gives it


@dataclass(frozen=True, slots=True)
class Estimate:
    """A wait that was estimated for the caller of a need."""

    at: float
    range: WaitRange | None  #: that the caller was told; None: too uncertain
    mean_s: float
    ahead: float
    agents: int
    basis: str | None  #: digest of the fitted model; None: the formula


@dataclass(frozen=True, slots=True)
class Routed:
    """A need of a call, and what became of it."""

    need_id: int
    kind: str  #: `call`, or `second`: of an agent who consults another
    queue: str
    asked: Mapping[str, int]  #: skill → least level, as it was stated
    language: str
    tier: int
    credit_s: float
    since: float
    state: str
    outcome: str | None
    closed_at: float | None
    told: tuple[Estimate, ...]
    offers: tuple[Offered, ...]
    why_nobody: tuple[tuple[str, int], ...] = ()  #: of one that waits: what keeps agents from it, and how many


async def routed(database: Database, call_id: str, *, now: float) -> tuple[Routed, ...]:
    """The needs of a call, oldest first; none when it asked for nobody. Raises StoreAway."""
    of_call = stored(call_id, 150)
    async with database.read() as session:
        needs = (
            await session.scalars(select(NeedRow).where(NeedRow.call_id == of_call).order_by(NeedRow.id).limit(MOST))
        ).all()
        numbers = [need.id for need in needs]
        told: dict[int, list[Estimate]] = {}
        found = select(ToldWaitRow).where(ToldWaitRow.need_id.in_(numbers)).order_by(ToldWaitRow.id)
        for row in await session.scalars(found):
            estimate = Estimate(row.at, range_in(row), row.mean_s, row.ahead, row.agents, row.basis)
            told.setdefault(row.need_id, []).append(estimate)
        offers: dict[int, list[Offered]] = {}
        made = (
            select(OfferRow, AgentRow.name)
            .join(AgentRow, AgentRow.id == OfferRow.agent_id)
            .where(OfferRow.call_id == of_call, OfferRow.need_id.in_(numbers))
            .order_by(OfferRow.id)
        )
        for offer, agent in await session.execute(made):
            offers.setdefault(offer.need_id, []).append(_offered(offer, agent))
        floor = None
        if any(need.state == NeedState.WAITING for need in needs):
            floor = Floor.of(await SnapshotReader().read(session, now), now)
    return tuple(
        Routed(
            need_id=need.id,
            kind=need.kind,
            queue=need.queue,
            asked=need.required,
            language=need.language,
            tier=need.tier,
            credit_s=need.credit_s,
            since=need.since,
            state=need.state,
            outcome=need.outcome,
            closed_at=need.closed_at,
            told=tuple(told.get(need.id, ())[:MOST]),
            offers=tuple(offers.get(need.id, ())[:MOST]),
            why_nobody=() if floor is None else why_nobody(floor, need.id, now),
        )
        for need in needs
    )


def _offered(row: OfferRow, agent: str) -> Offered:
    return Offered(
        agent=agent,
        state=row.state,
        made_at=row.made_at,
        ringing_at=row.ringing_at,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        refused_for=row.refused_for,
        why=row.why,
    )
