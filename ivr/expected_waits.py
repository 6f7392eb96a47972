"""The expected wait of a caller, from the live picture of the queue: what `routing.outlook` makes of the database.

Pictures are shared by all callers of a node for a moment. Nothing here ever holds a caller: what cannot be read in
time is not said.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from ivr.ports import Callbacks, Clock, Exchange, Waits
from ivr.queues import Queue
from routing.callback import in_line
from routing.errors import StoreAway
from routing.outlook import Hall, Lately, Outlook
from routing.snapshot import Snapshot
from routing.wait_ranges import COVERAGE, Told, WaitRange, aimed_at, is_news, range_of

log = structlog.get_logger()

#: How long a picture of everybody serves, and what queues have seen of late, seconds.
PICTURE_S, LATELY_S = 2.0, 30.0
#: How long a caller waits for an estimate, or for its being stored, before they hear the rest.
ESTIMATE_S = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller is told, and what it rests on."""

    range: WaitRange
    mean_s: float
    outlook: Outlook
    at: float


class ExpectedWaits:
    """Expected waits of callers on this node."""

    def __init__(
        self, exchange: Exchange, callbacks: Callbacks, waits: Waits, queues: Mapping[str, Queue], clock: Clock
    ) -> None:
        self._exchange, self._callbacks, self._waits = exchange, callbacks, waits
        self._queues, self._clock = queues, clock
        self._reading = asyncio.Lock()
        self._hall = Hall(Snapshot((), (), 0.0))
        self._hall_at = self._lately_at = float("-inf")
        self._lately: Mapping[str, Lately] = {}
        self._aimed: Mapping[str, float] = {}
        self.told: Counter[str] = Counter()  #: ranges said by this node, by queue
        self.fates: Mapping[str, Counter[str]] = {}  #: by queue: what came of the newest ranges of all nodes

    async def of(self, call_id: str, queue: str, last: Said | None) -> Said | None:
        """What to tell a caller of this queue now; None when it cannot be known, or is no news after the last."""
        announced = self._queues[queue].announce_wait
        if announced is None:
            return None
        try:
            async with asyncio.timeout(ESTIMATE_S):
                await self._look()
        except (TimeoutError, StoreAway):
            log.warning("the store is away or slow; no expected wait is told")
            return None
        now = self._clock.now()
        lately = self._lately.get(queue, Lately())
        outlook, service = self._hall.outlook(call_id, now), lately.service(announced.service_s)
        if outlook is None or service is None or outlook.agents < announced.least_agents:
            return None
        expected = outlook.expect(*service, lately.patience_s(), self._aimed.get(queue, COVERAGE))
        found = range_of(expected, last.range if last is not None else None)
        if found is None or (last is not None and not is_news(found, last.range, now - last.at)):
            return None
        return Said(found, expected.mean_s, outlook, now)

    async def tell(self, need_id: int, queue: str, said: Said) -> None:
        """Keep what a caller was told; that it is not kept harms no call."""
        self.told[queue] += 1
        looks = said.outlook
        try:
            async with asyncio.timeout(ESTIMATE_S):
                kept = await self._waits.tell(
                    need_id, said.range, mean_s=said.mean_s, ahead=looks.ahead, agents=looks.agents, now=said.at
                )
            if not kept:
                log.error("what a caller was told of their wait is not kept: there is no such need", need_id=need_id)
        except (TimeoutError, StoreAway):
            log.warning("the store is away or slow; what a caller was told of their wait is not kept")
        except Exception:
            log.exception("what a caller was told of their wait could not be kept")

    async def _look(self) -> None:
        """Read what is older than it may be; one caller reads for all. Raises StoreAway."""
        async with self._reading:
            now, since = self._clock.now(), self._clock.monotonic()
            if since - self._lately_at >= LATELY_S:
                wrap_up_s = {name: one.wrap_up_s for name, one in self._queues.items()}
                self._lately = await self._waits.lately(wrap_up_s, now=now)
                self._learn(await self._waits.told(now=now))
                self._lately_at = since
            if since - self._hall_at >= PICTURE_S:
                wishes = in_line(await self._callbacks.all_open(now=now), now)
                snapshot = await self._exchange.snapshot(now=now)
                self._hall = Hall(snapshot, [wish.as_need() for wish in wishes])
                self._hall_at = since

    def _learn(self, told: Sequence[Told]) -> None:
        self._aimed = aimed_at(told)
        fates: dict[str, Counter[str]] = {}
        for one in told:
            if one.fate is not None:
                fates.setdefault(one.queue, Counter())[one.fate] += 1
        self.fates = fates
