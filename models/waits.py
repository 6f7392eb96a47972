"""What queues have seen of late, and the expected waits that callers were told, with what came of them."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ScalarSelect, and_, func, select
from sqlalchemy.exc import IntegrityError

from models.database import Database
from models.locks import CALL
from models.tables import NeedRow, OfferRow, ToldWaitRow
from routing.callback import OURS
from routing.outlook import Lately
from routing.sights import LOOK_BACK_S, Start
from routing.wait_ranges import Told, WaitRange
from routing.waits import SeenWait, Sight

#: What is of late, and how many needs and ranges of all queues are looked at for it at most.
LATELY_S, MOST_LOOKED_AT = 7200.0, 2000
#: Outcomes of needs whose caller left while waiting.
LEFT = frozenset({"abandoned", "gave_up", "callback"})
#: How many estimates are read at once when a model is fitted.
PAGE = 5000

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
            .where(NeedRow.id > newest, NeedRow.closed_at >= now - LATELY_S, NeedRow.kind == CALL)
        )
        async with self._database.read() as session:
            return summed((tuple(row) for row in await session.execute(found)), wrap_up_s)

    async def starts(self, *, now: float) -> Sequence[Start]:
        """Callers who came to an agent in the last half hour, the newest of all queues, in that order."""
        newest = select(func.max(OfferRow.id) - MOST_LOOKED_AT).scalar_subquery()
        found = (
            select(NeedRow.queue, OfferRow.answered_at, NeedRow.since)
            .join(NeedRow, NeedRow.id == OfferRow.need_id)
            .where(OfferRow.id > newest, OfferRow.answered_at >= now - LOOK_BACK_S)
            .where(NeedRow.kind == CALL, OfferRow.call_id.not_like(f"{OURS}%"))  # their callers waited at home
            .order_by(OfferRow.answered_at)
        )
        async with self._database.read() as session:
            rows = (await session.execute(found)).all()
        return [Start(queue, at, max(at - since, 0.0)) for queue, at, since in rows if at is not None]

    async def tell(
        self, need_id: int, said: WaitRange | None, sight: Sight, *, mean_s: float, basis: str | None, now: float
    ) -> bool:
        """Keep an estimate for the caller of a need, and the range that was said; None: too uncertain to be said.

        False when there is no such need.
        """
        try:
            async with self._database.write() as session:
                session.add(told_row(need_id, said, sight, mean_s, basis, now))
        except IntegrityError:
            return False
        return True

    async def told(self, *, now: float, since: float | None = None) -> Sequence[Told]:
        """The ranges that were said since then, or the newest, in the order in which they were said."""
        some = (
            ToldWaitRow.at >= since
            if since is not None
            else ToldWaitRow.id > select(func.max(ToldWaitRow.id) - MOST_LOOKED_AT).scalar_subquery()
        )
        found = (
            select(ToldWaitRow, NeedRow.queue, _answered(), NeedRow.closed_at)
            .join(NeedRow, NeedRow.id == ToldWaitRow.need_id)
            .where(some, ToldWaitRow.least_min.is_not(None))
            .order_by(ToldWaitRow.id)
        )
        async with self._database.read() as session:
            rows = (await session.execute(found)).all()
        told = [told_of(row, queue, answered_at, closed_at, now) for row, queue, answered_at, closed_at in rows]
        return [one for one in told if one is not None]

    async def seen(self, *, since: float, most: int, page: int = PAGE) -> AsyncIterator[SeenWait]:
        """What was to be seen of waits that are over, the newest of them first; at most so many estimates are read."""
        before: int | None = None
        for _ in range(0, most, page):
            found = (
                select(ToldWaitRow, NeedRow.queue, _answered(), NeedRow.closed_at)
                .join(NeedRow, NeedRow.id == ToldWaitRow.need_id)
                .where(ToldWaitRow.at >= since, *(() if before is None else (ToldWaitRow.id < before,)))
                .order_by(ToldWaitRow.id.desc())
                .limit(page)
            )
            async with self._database.read() as session:
                rows = (await session.execute(found)).all()
            for row, queue, answered_at, closed_at in rows:
                before = row.id
                if (one := seen_of(row, queue, answered_at, closed_at)) is not None:
                    yield one
            if len(rows) < page:
                return


def _answered() -> ScalarSelect[Any]:
    return (
        select(func.min(OfferRow.answered_at))
        .where(OfferRow.call_id == NeedRow.call_id, OfferRow.need_id == NeedRow.id)
        .scalar_subquery()
    )


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


def told_row(
    need_id: int, said: WaitRange | None, sight: Sight, mean_s: float, basis: str | None, now: float
) -> ToldWaitRow:
    """An estimate as it is stored."""
    return ToldWaitRow(
        need_id=need_id,
        at=now,
        least_min=None if said is None else said.least_min,
        most_min=None if said is None else said.most_min,
        mean_s=mean_s,
        ahead=sight.ahead,
        agents=sight.agents,
        basis=basis,
        sight=sight.as_row(),
    )


def range_in(row: ToldWaitRow) -> WaitRange | None:
    """What the caller was told; None: nothing."""
    return None if row.least_min is None else WaitRange(row.least_min, row.most_min)


def told_of(
    row: ToldWaitRow, queue: str, answered_at: float | None, closed_at: float | None, now: float
) -> Told | None:
    """A range with what came of it; None when nothing was said."""
    over = answered_at is not None and answered_at >= row.at
    until = answered_at if over and answered_at is not None else closed_at if closed_at is not None else now
    said = range_in(row)
    return None if said is None else Told(queue, said, row.mean_s, max(until - row.at, 0.0), over, row.basis)


def seen_of(row: ToldWaitRow, queue: str, answered_at: float | None, closed_at: float | None) -> SeenWait | None:
    """What was to be seen, and the wait; None while that goes on, or of a version that saw other things."""
    sight = None if row.sight is None else Sight.from_row(row.sight)
    until = closed_at if answered_at is None else answered_at
    if sight is None or until is None or until < row.at:
        return None
    return SeenWait(queue, row.at, sight, until - row.at, served=answered_at is not None)
