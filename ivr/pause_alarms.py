"""Pauses that last longer than their reason allows: told once each in the log, and counted for supervisors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from ivr.ports import AgentCard, Clock
from ivr.staff import Staff
from routing.agent import AgentState
from routing.errors import StoreAway

log = structlog.get_logger()

#: Seconds between two looks at who is paused.
LOOK_EVERY_S = 15.0


class Everybody(Protocol):
    """The roster of agents."""

    async def all(self) -> Sequence[AgentCard]: ...


class PauseAlarms:
    """Looks at who is paused, and for how long."""

    def __init__(self, roster: Everybody, staff: Staff, clock: Clock, registry: CollectorRegistry) -> None:
        self._roster, self._staff, self._clock = roster, staff, clock
        self.over: dict[tuple[int, float], AgentCard] = {}  #: agent and since when → who has paused for too long
        registry.register(self)

    async def run(self) -> None:
        """Look until cancelled; never when no reason has a limit."""
        while any(reason.most_minutes is not None for reason in self._staff.pauses.values()):
            try:
                await self.look()
            except StoreAway:
                log.warning("the store is away; pauses are looked at later")
            except Exception:
                log.exception("pauses could not be looked at")
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Find pauses that are over their limit, and tell of those that were not before. Raises StoreAway."""
        now = self._clock.now()
        over = {(card.id, card.since): card for card in await self._roster.all() if self._is_over(card, now)}
        for key, card in over.items():
            if key not in self.over:
                minutes = round((now - card.since) / 60, 1)
                log.warning("a pause lasts too long", agent=card.name, reason=card.pause_reason, minutes=minutes)
        self.over = over

    def _is_over(self, card: AgentCard, now: float) -> bool:
        reason = self._staff.pauses.get(card.pause_reason or "")
        if card.state is not AgentState.PAUSED or reason is None or reason.most_minutes is None:
            return False
        return now - card.since > reason.most_minutes * 60

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every figure, as prometheus_client asks for them."""
        found = GaugeMetricFamily(
            "ringwise_pauses_over", "Agents whose pause lasts longer than its reason allows", labels=["reason"]
        )
        for reason, count in Counter(card.pause_reason or "" for card in self.over.values()).items():
            found.add_metric([reason], count)
        yield found
