"""Told waits in memory: the rules of `models.waits` on rows in lists."""

from collections.abc import Mapping, Sequence

from ivr.testing.store import MemoryStore
from models.locks import CALL
from models.waits import LATELY_S, summed, told_of, told_row
from routing.callback import OURS
from routing.outlook import Lately
from routing.sights import LOOK_BACK_S, Start
from routing.wait_ranges import Told, WaitRange
from routing.waits import Sight

#: A queue where three wait, two of them ahead of the caller, for four agents.
SIGHT = Sight(
    waiting=3,
    ahead=2,
    agents=4,
    service_s=200.0,
    services=20,
    patience_s=300.0,
    formula_s=140.0,
    last_wait_s=50.0,
    head_wait_s=60.0,
    mean_wait_s=30.0,
    recent_wait_s=40.0,
    starts_5=5,
    starts_15=15,
)


class MemoryWaits:
    """Twin of `models.waits.WaitBook` (port Waits)."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.seen: dict[str, Lately] = {}  #: what queues have seen besides what the rows tell

    async def lately(self, wrap_up_s: Mapping[str, float], *, now: float) -> dict[str, Lately]:
        """By queue, what it has seen of late."""
        store = self.store
        store.reach()
        talked = {offer.need_id: offer for offer in store.offers.values() if offer.answered_at is not None}
        over = [
            (need.queue, need.since, need.closed_at, need.outcome, None, None, None, None)
            if (offer := talked.get(need.id)) is None
            else (
                *(need.queue, need.since, need.closed_at, need.outcome),
                *(offer.made_at, offer.answered_at, offer.closed_at, offer.wrapped_up_at),
            )
            for need in store.needs.values()
            if need.closed_at is not None and need.closed_at >= now - LATELY_S and need.kind == CALL
        ]
        return summed(over, wrap_up_s) | self.seen

    async def starts(self, *, now: float) -> Sequence[Start]:
        """Callers who came to an agent of late."""
        store = self.store
        store.reach()
        found = [
            Start((need := store.needs[offer.need_id]).queue, offer.answered_at, offer.answered_at - need.since)
            for offer in store.offers.values()
            if offer.answered_at is not None and offer.answered_at >= now - LOOK_BACK_S
            if store.needs[offer.need_id].kind == CALL and not offer.call_id.startswith(OURS)
        ]
        return sorted(found, key=lambda one: one.at)

    async def tell(
        self, need_id: int, said: WaitRange | None, sight: Sight, *, mean_s: float, basis: str | None, now: float
    ) -> bool:
        """Keep an estimate, and what was said."""
        self.store.reach()
        if need_id not in self.store.needs:
            return False
        self.store.told_waits.append(told_row(need_id, said, sight, mean_s, basis, now))
        return True

    async def told(self, *, now: float, since: float | None = None) -> Sequence[Told]:
        """The ranges that were said."""
        store = self.store
        store.reach()
        answered = {one.need_id: one.answered_at for one in store.offers.values() if one.answered_at is not None}
        rows = [(row, store.needs[row.need_id]) for row in store.told_waits if since is None or row.at >= since]
        told = [told_of(row, need.queue, answered.get(need.id), need.closed_at, now) for row, need in rows]
        return [one for one in told if one is not None]
