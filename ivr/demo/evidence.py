"""What the books and the phones prove after a node was killed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import select

from models.database import Database
from models.tables import AgentRow, CallRow, NeedRow, OfferRow
from routing.need import NeedState

#: An agent's or a caller's time with an offer, or a phone's with a call: whose, from, until (None: still).
Span = tuple[str, float, float | None]


@dataclass(frozen=True, slots=True)
class OfferMade:
    """One offer, as the database has it. Times are the engines'."""

    id: int
    ani: str | None
    agent: str
    node: str
    state: str
    since: float  #: what the caller's age in the queue counts from
    made_at: float
    popped_at: float | None
    answered_at: float | None
    closed_at: float | None


async def offers_after(database: Database, offer_id: int) -> Sequence[OfferMade]:
    """The offers that were made after that one, oldest first."""
    async with database.read() as session:
        rows = await session.execute(
            select(OfferRow, CallRow.ani, AgentRow.name, NeedRow.since)
            .join(CallRow, CallRow.id == OfferRow.call_id)
            .join(AgentRow, AgentRow.id == OfferRow.agent_id)
            .join(NeedRow, NeedRow.id == OfferRow.need_id)
            .where(OfferRow.id > offer_id)
            .order_by(OfferRow.id)
        )
        return [
            OfferMade(
                offer.id, ani, agent, offer.node, offer.state, since,
                offer.made_at, offer.popped_at, offer.answered_at, offer.closed_at,
            )
            for offer, ani, agent, since in rows
        ]  # fmt: skip


async def newest_offer(database: Database) -> int:
    """Id of the last offer so far, 0 without any."""
    async with database.read() as session:
        return await session.scalar(select(OfferRow.id).order_by(OfferRow.id.desc()).limit(1)) or 0


async def holder(database: Database, ani: str) -> str:
    """The node that holds the newest call of a number."""
    async with database.read() as session:
        return (
            await session.scalar(
                select(CallRow.node).where(CallRow.ani == ani).order_by(CallRow.started_at.desc()).limit(1)
            )
            or ""
        )


def doubles(spans: Iterable[Span]) -> int:
    """How many pairs of spans of one agent, caller or phone overlap."""
    return sum(
        one[0] == other[0]
        and one[1] < (other[2] if other[2] is not None else float("inf"))
        and other[1] < (one[2] if one[2] is not None else float("inf"))
        for one, other in combinations(spans, 2)
    )


async def queue_order(database: Database) -> Sequence[tuple[str, float]]:
    """Who waits, by number, and since when, in order of age."""
    async with database.read() as session:
        rows = await session.execute(
            select(CallRow.ani, NeedRow.since)
            .join(CallRow, CallRow.id == NeedRow.call_id)
            .where(NeedRow.closed_at.is_(None), NeedRow.state == NeedState.WAITING)
            .order_by(NeedRow.since)
        )
        return [(ani or "", since) for ani, since in rows]
