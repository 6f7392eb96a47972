"""The expected wait of a caller, from the live picture of the queue: what `routing.outlook` makes of the database.

Pictures are shared by all callers of a node for a moment. Nothing here ever holds a caller: what cannot be read in
time is not said.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog

from ivr.ports import Callbacks, Clock, Exchange, Waits
from ivr.queues import Queue
from ivr.wait_models.live import LiveWaits
from routing.callback import in_line
from routing.errors import StoreAway
from routing.outlook import Hall, Lately
from routing.sights import Belief, Start, sight_of
from routing.snapshot import Snapshot
from routing.wait_ranges import COVERAGE, Told, WaitRange, aimed_at, is_news, range_of
from routing.waits import Sight

log = structlog.get_logger()

#: How long a picture of everybody serves, who came to an agent, and what queues have seen of late, seconds.
PICTURE_S, STARTS_S, LATELY_S = 2.0, 5.0, 30.0
#: How long a caller waits for an estimate, or for its being stored, before they hear the rest.
ESTIMATE_S = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller is told, and what it rests on."""

    range: WaitRange | None  #: None: too uncertain to be told, kept to be learned from
    mean_s: float
    sight: Sight
    at: float
    basis: str | None  #: digest of the fitted model; None: the formula


class ExpectedWaits:
    """Expected waits of callers on this node."""

    def __init__(
        self,
        exchange: Exchange,
        callbacks: Callbacks,
        waits: Waits,
        queues: Mapping[str, Queue],
        clock: Clock,
        *,
        zone: tzinfo,
        fitted: LiveWaits | None = None,
    ) -> None:
        self._exchange, self._callbacks, self._waits = exchange, callbacks, waits
        self._queues, self._clock, self._zone, self._fitted = queues, clock, zone, fitted
        self._reading = asyncio.Lock()
        self._hall = Hall(Snapshot((), ()))
        self._hall_at = self._starts_at = self._lately_at = float("-inf")
        self._lately: Mapping[str, Lately] = {}
        self._starts: Sequence[Start] = ()
        self._aimed: Mapping[str, float] = {}  #: by queue, for ranges of the formula …
        self._aimed_fitted: Mapping[str, float] = {}  #: … and for those of fitted models
        self.told: Counter[tuple[str, str]] = Counter()  #: ranges said by this node, by queue and formula or model
        self.fates: Mapping[str, Counter[str]] = {}  #: by queue: what came of the newest ranges of all nodes

    async def of(self, call_id: str, queue: str, last: Said | None) -> Said | None:
        """What to tell a caller of this queue now; None when it cannot be known, or is no news after the last.

        The first estimate of a caller is also given without a range, when it is too uncertain to be told.
        """
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
        belief = Belief(*service, lately.patience_s(), expected.mean_s)
        wall = datetime.fromtimestamp(now, self._zone)
        hour = wall.hour + wall.minute / 60
        sight, basis = sight_of(self._hall, call_id, outlook, belief, self._starts, now=now, hour=hour), None
        if self._fitted is not None:
            by_model = self._fitted.estimate(queue, sight, self._aimed_fitted.get(queue, COVERAGE))
            expected, basis = by_model if by_model is not None else (expected, None)
        told = last.range if last is not None else None
        found = range_of(expected, told)
        if found is None:
            return Said(None, expected.mean_s, sight, now, basis) if last is None else None
        if last is not None and told is not None and not is_news(found, told, now - last.at):
            return None
        return Said(found, expected.mean_s, sight, now, basis)

    async def tell(self, need_id: int, queue: str, said: Said) -> None:
        """Keep what a caller was told, or what was estimated and not told; that it is not kept harms no call."""
        if said.range is not None:
            self.told[queue, "formula" if said.basis is None else "model"] += 1
        try:
            async with asyncio.timeout(ESTIMATE_S):
                kept = await self._waits.tell(
                    need_id, said.range, said.sight, mean_s=said.mean_s, basis=said.basis, now=said.at
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
            if since - self._starts_at >= STARTS_S:
                self._starts = await self._waits.starts(now=now)
                self._starts_at = since
            if since - self._hall_at >= PICTURE_S:
                wishes = in_line(await self._callbacks.all_open(now=now), now)
                snapshot = await self._exchange.snapshot(now=now)
                self._hall = Hall(snapshot, [wish.as_need() for wish in wishes])
                self._hall_at = since

    def _learn(self, told: Sequence[Told]) -> None:
        self._aimed = aimed_at(one for one in told if one.basis is None)
        self._aimed_fitted = aimed_at(one for one in told if one.basis is not None)
        fates: dict[str, Counter[str]] = {}
        for one in told:
            if one.fate is not None:
                fates.setdefault(one.queue, Counter())[one.fate] += 1
        self.fates = fates
