"""Told waits in memory: the rules of `models.waits` on rows in lists."""

from collections.abc import Mapping, Sequence

from ivr.testing.store import MemoryStore
from models.waits import LATELY_S, summed, told_of, told_row
from routing.outlook import Lately
from routing.wait_ranges import Told, WaitRange


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
            if need.closed_at is not None and need.closed_at >= now - LATELY_S
        ]
        return summed(over, wrap_up_s) | self.seen

    async def tell(
        self, need_id: int, said: WaitRange, *, mean_s: float, ahead: float, agents: int, now: float
    ) -> bool:
        """Keep a range that was said."""
        self.store.reach()
        if need_id not in self.store.needs:
            return False
        self.store.told_waits.append(told_row(need_id, said, mean_s, ahead, agents, now))
        return True

    async def told(self, *, now: float, since: float | None = None) -> Sequence[Told]:
        """The ranges that were said."""
        store = self.store
        store.reach()
        answered = {one.need_id: one.answered_at for one in store.offers.values() if one.answered_at is not None}
        rows = [(row, store.needs[row.need_id]) for row in store.told_waits if since is None or row.at >= since]
        return [told_of(row, need.queue, answered.get(need.id), need.closed_at, now) for row, need in rows]
