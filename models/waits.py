"""What queues have seen of late, and the expected waits that callers were told, with what came of them."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.exc import IntegrityError

from models.database import Database
from models.tables import NeedRow, OfferRow, ToldWaitRow
from routing.outlook import Lately
from routing.wait_ranges import Told, WaitRange

#: What is of late, and how many needs and ranges of all queues are looked at for it at most.
LATELY_S, MOST_LOOKED_AT = 7200.0, 2000
#: Outcomes of needs whose caller left while waiting.
LEFT = frozenset({"abandoned", "gave_up", "callback"})

#: Of a need that is over: queue, since, closed at, outcome; of its conversation: offered, answered, ended, wrapped up.
Over = tuple[str, float, float, str | None, float | None, float | None, float | None, float | None]


class WaitBook:
    """The waits of a site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lately(self, wrap_up_s: Mapping[str, float], *, now: float) -> dict[str, Lately]:
        """By queue, what it has seen; `wrap_up_s` counts where an agent has noted nothing after the conversation."""
        talked = and_(
            OfferRow.call_id == NeedRow.call_id, OfferRow.need_id == NeedRow.id, OfferRow.answered_at.is_not(None)
        )
        newest = select(func.max(NeedRow.id) - MOST_LOOKED_AT).scalar_subquery()
        found = (
            select(NeedRow.queue, NeedRow.since, NeedRow.closed_at, NeedRow.outcome)
            .add_columns(OfferRow.made_at, OfferRow.answered_at, OfferRow.closed_at, OfferRow.wrapped_up_at)
            .outerjoin(OfferRow, talked)
            .where(NeedRow.id > newest, NeedRow.closed_at >= now - LATELY_S)
        )
        async with self._database.read() as session:
            return summed((tuple(row) for row in await session.execute(found)), wrap_up_s)

    async def tell(
        self, need_id: int, said: WaitRange, *, mean_s: float, ahead: float, agents: int, now: float
    ) -> bool:
        """Keep a range that was said to the caller of a need; False when there is no such need."""
        try:
            async with self._database.write() as session:
                session.add(told_row(need_id, said, mean_s, ahead, agents, now))
        except IntegrityError:
            return False
        return True

    async def told(self, *, now: float, since: float | None = None) -> Sequence[Told]:
        """The ranges that were said since then, or the newest, in the order in which they were said."""
        answered = (
            select(func.min(OfferRow.answered_at))
            .where(OfferRow.call_id == NeedRow.call_id, OfferRow.need_id == NeedRow.id)
            .scalar_subquery()
        )
        some = (
            ToldWaitRow.at >= since
            if since is not None
            else ToldWaitRow.id > select(func.max(ToldWaitRow.id) - MOST_LOOKED_AT).scalar_subquery()
        )
        found = (
            select(ToldWaitRow, NeedRow.queue, answered, NeedRow.closed_at)
            .join(NeedRow, NeedRow.id == ToldWaitRow.need_id)
            .where(some)
            .order_by(ToldWaitRow.id)
        )
        async with self._database.read() as session:
            rows = (await session.execute(found)).all()
        return [told_of(row, queue, answered_at, closed_at, now) for row, queue, answered_at, closed_at in rows]


def summed(over: Iterable[Over], wrap_up_s: Mapping[str, float]) -> dict[str, Lately]:
    """By queue, what needs that are over say together."""
    services: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    left: dict[str, int] = {}
    for queue, since, closed_at, outcome, made_at, answered_at, ended_at, wrapped_up_at in over:
        waits.setdefault(queue, []).append(max((answered_at or closed_at) - since, 0.0))
        left[queue] = left.get(queue, 0) + (outcome in LEFT)
        if made_at is not None and ended_at is not None:
            free_at = wrapped_up_at if wrapped_up_at is not None else ended_at + wrap_up_s.get(queue, 0.0)
            services.setdefault(queue, []).append(max(free_at, ended_at) - made_at)
    return {
        queue: Lately(
            services=len(took := services.get(queue, [])),
            service_s=sum(took) / len(took) if took else 0.0,
            left=left[queue],
            waited_s=sum(waited),
        )
        for queue, waited in waits.items()
    }


def told_row(need_id: int, said: WaitRange, mean_s: float, ahead: float, agents: int, now: float) -> ToldWaitRow:
    """A range as it is stored."""
    return ToldWaitRow(
        need_id=need_id,
        at=now,
        least_min=said.least_min,
        most_min=said.most_min,
        mean_s=mean_s,
        ahead=ahead,
        agents=agents,
    )


def told_of(row: ToldWaitRow, queue: str, answered_at: float | None, closed_at: float | None, now: float) -> Told:
    """A range with what came of it."""
    over = answered_at is not None and answered_at >= row.at
    until = answered_at if over and answered_at is not None else closed_at if closed_at is not None else now
    return Told(queue, WaitRange(row.least_min, row.most_min), row.mean_s, max(until - row.at, 0.0), over)
