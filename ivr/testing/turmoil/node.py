"""One engine node of a centre in turmoil: the product's dispatcher, watcher and conversations on faulty ports."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ivr.callbacks import CallbackDialler
from ivr.clock import StoreClock
from ivr.dispatch import Dispatcher
from ivr.handling import Handler
from ivr.heartbeat import Heartbeat
from ivr.parts import Parts
from ivr.ports import OfferSeen, Pop, SwitchEvent
from ivr.testing.records import MemoryHints, MemoryRoster, MemoryStore
from ivr.testing.turmoil.faulty import FaultyCallbacks, FaultyExchange, FaultyLife, FaultyTalks
from ivr.testing.turmoil.ground import Ground
from ivr.testing.turmoil.link import Link
from ivr.testing.turmoil.still import MachineClock, StillTime
from ivr.testing.turmoil.switch import Switch
from ivr.watch import Watcher
from routing.errors import StoreAway

#: Seconds that machines' clocks gain in a second.
DRIFTS = (3e-4, -3e-4, 0.0)


class QuietDesk:
    """Browsers that take every pop (port Desk)."""

    async def pop(self, agent_id: int, pop: Pop, *, deadline_s: float) -> bool:
        """Shown at once."""
        return True

    def changed(self, agent_id: int | None = None) -> None:
        """Nobody looks."""


class NoPops(MemoryRoster):
    """A roster by which no pop is put together: what it shows is of no account here."""

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """None to be seen."""
        return None


class Nudges(MemoryHints):
    """Hints of a node, told to whoever wants to know."""

    def __init__(self, node: "EngineNode") -> None:
        super().__init__()
        self._node = node

    def nudge(self, topic: str) -> None:
        """Something has changed."""
        if self._node.on_nudge is not None:
            self._node.on_nudge(topic)


@dataclass
class EngineNode:
    """An engine that may die and begin again: then it knows nothing of what it knew before."""

    name: str
    time: StillTime
    machine: MachineClock
    on_nudge: Callable[[str], None] | None = None
    up: bool = field(default=False, init=False)
    clock: StoreClock = field(init=False)
    life: FaultyLife = field(init=False)
    heartbeat: Heartbeat = field(init=False)
    exchange: FaultyExchange = field(init=False)
    callbacks: FaultyCallbacks = field(init=False)
    talks: FaultyTalks = field(init=False)
    link: Link = field(init=False)
    parts: Parts = field(init=False)
    handler: Handler = field(init=False)
    dialler: CallbackDialler = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    watcher: Watcher = field(init=False)

    @classmethod
    def of(cls, number: int, time: StillTime) -> "EngineNode":
        """A node that is not started yet."""
        machine = MachineClock(time, booted=1000.0 * number, drift=DRIFTS[number % len(DRIFTS)])
        return cls(f"node-{number}", time, machine)

    async def start(
        self,
        parts: Parts,
        ground: Ground,
        switch: Switch,
        injected: Callable[[str], None],
        wake: Callable[[str], None],
    ) -> None:
        """A new process; it reads the time, and tells that it lives."""
        self.life = FaultyLife(ground.life(self.name), self.time, injected)
        self.clock = StoreClock(self.machine)
        self.heartbeat = Heartbeat(self.life, self.clock)
        await self.heartbeat.start()
        self.exchange = FaultyExchange(ground.exchange(self.name), injected)
        self.callbacks = FaultyCallbacks(ground.callbacks, injected)
        self.talks = FaultyTalks(ground.talks, injected)
        self.link = Link(switch, wake)
        self.parts = replace(
            parts,
            settings=parts.settings.model_copy(update={"node": self.name}),
            clock=self.clock,
            log=ground.log(self.name),
            exchange=self.exchange,
            callbacks=self.callbacks,
            talks=self.talks,
            roster=NoPops(MemoryStore()),
            desk=QuietDesk(),
            switchboard=self.link,
            hints=Nudges(self),
            live={},
            endings=Counter(),
            arrivals=Counter(),
            called_back=Counter(),
        )
        self.handler = Handler(replace(self.parts, roster=ground.roster))
        self.dialler = CallbackDialler(self.parts)
        self.dispatcher, self.watcher = Dispatcher(self.parts, self.dialler), Watcher(self.parts)
        self.up = True

    def die(self) -> None:
        """What is under way gets nothing done any more."""
        self.up, self.link.dead, self.talks.dead = False, True, True

    async def beat(self) -> None:
        """One heartbeat."""
        try:
            await self.heartbeat.beat()
        except StoreAway:
            return

    async def dispatch(self) -> None:
        """One round; a store that is away ends it."""
        try:
            await self.dispatcher.round()
        except StoreAway:
            return

    async def sweep(self) -> bool:
        """One sweep, with what goes before it; False when the store was away."""
        try:
            await self.watcher.sweep()
        except StoreAway:
            return False
        return True

    async def call_back(self) -> bool:
        """One look at the wishes to be called back; False when the node was killed in the midst of it."""
        try:
            await self.dialler.round()
        except StoreAway:
            return True
        except asyncio.CancelledError:
            return False
        return True

    async def hear(self, event: SwitchEvent) -> None:
        """What the switch tells."""
        for listener in (self.watcher, self.dialler):
            with suppress(StoreAway):
                await listener.take(event)
