"""All nodes of a database serve one and the same switch: whether they do."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from ivr.errors import SwitchAway
from ivr.parts import Parts
from ivr.rounds import rounds

log = structlog.get_logger()

#: Seconds between two looks.
LOOK_EVERY_S = 5.0


class Serving(Protocol):
    """Which switch each node serves. Raises StoreAway."""

    async def serves(self, switch: str, *, now: float) -> Sequence[str]:
        """This node serves this switch; the nodes that live and serve another one."""
        ...


class OneSwitch:
    """Tells which switch this node serves, and notices nodes on another one."""

    def __init__(self, parts: Parts, nodes: Serving, registry: CollectorRegistry) -> None:
        self._parts, self._nodes = parts, nodes
        self.elsewhere: tuple[str, ...] = ()  #: nodes on another switch
        registry.register(self)

    async def look(self) -> None:
        """Once. Raises StoreAway."""
        parts = self._parts
        if not parts.switchboard.up:
            return
        try:
            switch = await parts.switchboard.identity()
        except SwitchAway:
            return
        before = self.elsewhere
        self.elsewhere = tuple(await self._nodes.serves(switch, now=parts.clock.now()))
        if self.elsewhere and self.elsewhere != before:
            log.error(
                "nodes of this database serve another switch; no call can be told from one that is lost there",
                nodes=list(self.elsewhere),
                switch=switch,
            )

    async def run(self) -> None:
        """Look until cancelled."""
        await rounds(
            self.look,
            lambda: self._parts.clock.sleep(LOOK_EVERY_S),
            away="the store is away; nobody knows which switch the nodes serve",
            failed="a look at the nodes' switches failed",
        )

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figure, as prometheus_client asks for it."""
        yield GaugeMetricFamily(
            "ringwise_nodes_on_another_switch",
            "Nodes of this database that live and serve another Asterisk; must be 0",
            value=len(self.elsewhere),
        )
