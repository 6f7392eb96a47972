"""What became of the offers of each agent, counted for a span of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from models.database import Database
from models.tables import AgentRow, OfferRow
from routing.offer import OPEN_OFFERS


@dataclass(slots=True)
class OfferCount:
    """Of one agent: closed offers by their state, refusals by their reason."""

    agent: str
    states: dict[str, int] = field(default_factory=dict)
    refused_for: dict[str, int] = field(default_factory=dict)

    @property
    def offers(self) -> int:
        """All of them."""
        return sum(self.states.values())


async def offer_counts(database: Database, since: float, until: float) -> tuple[OfferCount, ...]:
    """Offers made from `since` and before `until` that are closed, by agent in the order of their names."""
    found: dict[str, OfferCount] = {}
    counted = (
        select(AgentRow.name, OfferRow.state, OfferRow.refused_for, func.count())
        .join(AgentRow, AgentRow.id == OfferRow.agent_id)
        .where(OfferRow.made_at >= since, OfferRow.made_at < until, OfferRow.state.not_in(OPEN_OFFERS))
        .group_by(AgentRow.name, OfferRow.state, OfferRow.refused_for)
        .order_by(AgentRow.name, OfferRow.state, OfferRow.refused_for)
    )
    async with database.read() as session:
        for name, state, reason, count in await session.execute(counted):
            one = found.setdefault(name, OfferCount(name))
            one.states[state] = one.states.get(state, 0) + count
            if reason is not None:
                one.refused_for[reason] = count
    return tuple(found.values())


def plain(counts: tuple[OfferCount, ...]) -> list[Mapping[str, object]]:
    """As JSON."""
    return [
        {"agent": one.agent, "offers": one.offers, "states": one.states, "refused_for": one.refused_for}
        for one in counts
    ]
