"""How the calls of each line that can be dialled went: taken, answered in time, abandoned."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, case, func, literal, select

from models.database import Database
from models.tables import CallRow, NeedRow, OfferRow
from routing.call import Reason
from routing.callback import OURS


@dataclass(frozen=True, slots=True)
class EntryTally:
    """The calls of one entry and campaign within a time."""

    entry: str  #: empty for calls whose number no entry names
    campaign: str
    calls: int
    asked: int  #: callers who asked for an agent
    answered: int  #: by an agent
    in_time: int  #: of these, within what is promised, from asking to the agent's word
    abandoned: int  #: hung up while they waited


class Entries:
    """Reports over the lines of a site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tallies(
        self, *, since: float, until: float, within_s: Mapping[str, float], usual_s: float
    ) -> tuple[EntryTally, ...]:
        """Ended calls that came in within this time, by entry and campaign; calls that we made are not among them.

        `within_s`: entry → seconds that are promised; `usual_s` for every other one.
        """
        asked = select(NeedRow.call_id, func.min(NeedRow.since).label("at")).group_by(NeedRow.call_id).subquery()
        answered = (
            select(OfferRow.call_id, func.min(OfferRow.answered_at).label("at"))
            .where(OfferRow.answered_at.is_not(None))
            .group_by(OfferRow.call_id)
            .subquery()
        )
        whens = [(CallRow.entry == name, seconds) for name, seconds in within_s.items()]
        promised = case(*whens, else_=usual_s) if whens else literal(usual_s)
        in_time = and_(answered.c.at.is_not(None), answered.c.at - asked.c.at <= promised)
        abandoned = CallRow.reason.in_([Reason.IN_QUEUE.value, Reason.WHILE_RINGING.value])
        entry, campaign = func.coalesce(CallRow.entry, ""), func.coalesce(CallRow.campaign, "")
        found = (
            select(
                entry,
                campaign,
                func.count(),
                func.count(asked.c.at),
                func.count(answered.c.at),
                func.sum(case((in_time, 1), else_=0)),
                func.sum(case((abandoned, 1), else_=0)),
            )
            .select_from(CallRow)
            .outerjoin(asked, asked.c.call_id == CallRow.id)
            .outerjoin(answered, answered.c.call_id == CallRow.id)
            .where(CallRow.started_at >= since, CallRow.started_at < until, CallRow.ended_at.is_not(None))
            .where(CallRow.id.not_like(f"{OURS}%"))
            .group_by(CallRow.entry, CallRow.campaign)
            .order_by(entry, campaign)
        )
        async with self._database.read() as session:
            return tuple(EntryTally(*row) for row in await session.execute(found))
