"""A contact centre in virtual time, with every fault at its rate: very many offers on one store, in little time.

Nodes, conversations, decisions, claims and sweeps are the product's (`ivr.testing.turmoil`); drawn here are callers,
agents, and what goes wrong.
"""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from ivr.callbacks import LOOK_EVERY_S
from ivr.heartbeat import BEAT_EVERY_S
from ivr.ports import CALLBACKS, ROUTING, DialStatus
from ivr.rehearsal.node import logged
from ivr.testing.turmoil.audit import Picture, doubles
from ivr.testing.turmoil.book import CARDS, GENERAL, LATER, WRAP_UP_S
from ivr.testing.turmoil.centre import Centre, Human
from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.ground import Ground, MemoryGround, prepared, stored_ground
from ivr.testing.turmoil.node import EngineNode
from ivr.testing.turmoil.still import StillTime, still_loop
from ivr.testing.turmoil.switch import Caller, Line, Parked, Ring
from parts.called_back import CalledBack
from parts.conversing import Conversing
from parts.rates import Found, Rates
from routing.agent import AgentEvent, AgentState
from routing.need import NeedState

MEMORY = "memory"
#: Calls a second, agents, and seconds of a conversation on average.
CALLS_PER_S, AGENTS, TALK_S = 1.1, 20, 3.0
#: Seconds after which an agent is stuck in an offer or a conversation whose phone is silent, or in a wrap-up: a lease
#: while a phone rings, twice what a clock is wrong by, and some sweeps.
STUCK_S = 180.0
#: Seconds after which a caller in a queue who has no need is lost.
LOST_S = 30.0
#: Seconds in which everything must be in order once the faults have ceased.
SETTLED_S = 400
#: Seconds between two looks at every row; in memory it is the first, looks at double offers come with every claim.
AUDIT_S, AUDIT_STORED_S = 1.0, 5.0
#: Calls that are over before their rows are dropped.
FORGET = 12


class Play:
    """One run."""

    def __init__(self, centre: Centre, rng: Random, rates: Rates, audit_s: float) -> None:
        self.centre, self.rng, self.rates, self._audit_s = centre, rng, rates, audit_s
        self.found = Found()
        self._due: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._number = count()
        self._rounds: set[str] = set()  #: nodes with a round that is about to begin
        self._states: dict[int, str] = {}  #: of agents, as last seen
        self._since: dict[int, tuple[float, str]] = {}  #: agent → without a cause since, in this state
        self._without: dict[str, float] = {}  #: caller → without a need since
        centre.switch.on_park, centre.switch.on_ring = self._parked, self._rings
        for node in centre.nodes:
            node.on_nudge = partial(self._nudged, node)
        self.customers = CalledBack(self, rates, rng)
        self.conversing = Conversing(self, rates, rng)

    def later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something after so many seconds."""
        heappush(self._due, (self.centre.time.elapsed + seconds, next(self._number), act))

    def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        self.later(self.rng.expovariate(1 / seconds), act)

    def _happens(self, share: float) -> bool:
        return self.rng.random() < share

    async def run(self, offers: int) -> Found:
        """Until so many offers were made and the dust has settled."""
        centre, found, cpu = self.centre, self.found, time.process_time()
        for number in range(AGENTS):
            human = await centre.hire(skilled=number % 3 == 0)
            self.later(self.rng.uniform(0, 4), partial(self._human, human))
        for node in centre.nodes:
            self.later(self.rng.uniform(0, 1), partial(self._polls, node))
            self.later(self.rng.uniform(0, BEAT_EVERY_S), partial(self._beats, node))
            self._every(self.rates.dies_every_s, partial(self._dies, node))
            self._every(self.rates.clock_every_s, partial(self._clock, node))
            self._every(self.rates.link_every_s, partial(self._link, node))
            self.later(self.rng.uniform(0, LOOK_EVERY_S), partial(self.customers.polls, node))
        self.later(0, self._arrives)
        self.later(1, self._audits)
        while await centre.ground.offers_made() < offers:
            for _ in range(500):
                await self._step()
        centre.switch.on_park = centre.switch.on_ring = centre.switch.on_outgoing = None
        for node in centre.nodes:
            node.on_nudge = None
        settled = await centre.settle(SETTLED_S)
        found.lost_needs += sum("waits at" in one or "need" in one for one in settled)
        found.stuck_agents += sum("agent" in one and "waits at" not in one and "wish" not in one for one in settled)
        found.lost_wishes += sum("wish" in one for one in settled)
        self._tell(settled)
        await self._forget()
        found.offers, found.tally = await centre.ground.offers_made(), await centre.ground.tally()
        found.callers, found.faults = centre.over, centre.injected
        found.simulated_s, found.phones_met_busy = centre.time.elapsed, centre.switch.met_busy
        found.dials, found.called_again = centre.audit.wishes.dials, centre.audit.wishes.again
        found.cpu_s = time.process_time() - cpu
        found.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return found

    async def _step(self) -> None:
        at, _, act = heappop(self._due)
        centre = self.centre
        centre.time.elapsed = max(at, centre.time.elapsed)
        if self._happens(self.rates.write_lost):
            self.rng.choice(centre.nodes).exchange.lose_write = self.rng.choice((Loss.BEFORE, Loss.AFTER))
        if self._happens(self.rates.wish_lost):
            self.rng.choice(centre.nodes).callbacks.lose = self.rng.choice((Loss.BEFORE, Loss.AFTER))
        await act()
        for caller in centre.wakes:
            if self._happens(self.rates.hint_lost):
                centre.inject("hint_lost")
            else:
                self.later(0.01, partial(centre.wake, caller))
        centre.wakes.clear()

    def _tell(self, wrong: list[str]) -> None:
        self.found.wrong += wrong[: max(0, 20 - len(self.found.wrong))]

    # --- callers ----------------------------------------------------------------------------------------------------

    async def _arrives(self) -> None:
        self._every(1 / CALLS_PER_S, self._arrives)
        rates = self.rates
        dnis = LATER if self._happens(rates.says_when) else CARDS if self._happens(0.25) else GENERAL
        caller = self.centre.ring_in(dnis, self.customers.number())
        if self._happens(rates.takes_callback):
            self.later(self.rng.uniform(0.1, 3), partial(self.customers.takes_callback, caller))
        if self._happens(rates.hangs_up):
            self._every(8, partial(self.centre.leave, caller))
        if self._happens(rates.line_broken):
            self.later(self.rng.uniform(0, 12), partial(self.centre.break_line, caller))
        if self._happens(rates.vanished):
            self.later(self.rng.uniform(0, 12), partial(self.centre.break_line, caller, for_good=True))
        await self._comes_back(caller)

    async def _comes_back(self, caller: Caller) -> None:
        if up := self.centre.up:
            await self.centre.come_back(caller, self.rng.choice(up))

    def _parked(self, line: Line) -> None:
        if line.parked is Parked.MUSIC:
            until = line.until
            self.later(until - self.centre.time.elapsed, partial(self._looks, line, until))

    async def _looks(self, line: Line, until: float) -> None:
        if line.parked is Parked.MUSIC and line.until == until and line.caller.line is line:
            await self.centre.look(line.caller)

    # --- agents and their phones -------------------------------------------------------------------------------------

    def _rings(self, ring: Ring) -> None:
        draw, rates, rng = self.rng.random(), self.rates, self.rng
        missed = partial(self.centre.not_picked_up, ring)
        if draw < rates.missed:
            self.later(ring.rings_until - self.centre.time.elapsed, partial(missed, DialStatus.NO_ANSWER))
        elif draw < rates.missed + rates.declined:
            self.later(rng.uniform(0.5, 3), partial(missed, DialStatus.DECLINED))
        elif draw < rates.missed + rates.declined + rates.phone_gone:
            self.centre.inject("phone_unreachable")
            self.later(0.2, partial(missed, DialStatus.UNREACHABLE))
        else:
            self.later(rng.uniform(0.5, 4), partial(self._picks_up, ring))

    async def _picks_up(self, ring: Ring) -> None:
        await self.centre.pick_up(ring, told=not self._happens(self.rates.event_lost))
        waits_s = self.customers.agent_waits_s(ring) + self.conversing.longer_s(ring)
        self.later(waits_s + self.rng.expovariate(1 / TALK_S), partial(self.centre.talk_ends, ring))

    async def _human(self, human: Human) -> None:
        self.later(self.rng.uniform(3, 5), partial(self._human, human))
        if not self.centre.up:
            return
        node, rates, state = self.rng.choice(self.centre.up), self.rates, self._states.get(human.id)
        if not human.browser:
            human.browser = self._happens(0.05)
        elif self._happens(rates.browser_lost):
            self.centre.inject("browser_lost")
            human.browser = False
        await self.centre.seen(human, node)
        event: AgentEvent | None = None
        if state == AgentState.LOGGED_OUT:
            event = AgentEvent.SIGN_IN
        elif state in (AgentState.MISSED, AgentState.PAUSED) or (state == AgentState.WRAP_UP and self._happens(0.8)):
            event = AgentEvent.READY
        elif self._happens(rates.steps_away):
            event = self.rng.choice((AgentEvent.PAUSE, AgentEvent.SIGN_OUT))
        if event is not None:
            await self.centre.say(human, event, node)

    # --- nodes ------------------------------------------------------------------------------------------------------

    def _nudged(self, node: EngineNode, topic: str) -> None:
        for other in self.centre.nodes if topic == ROUTING else ():
            if other.name in self._rounds or not other.up:
                continue
            if self._happens(self.rates.hint_lost):
                self.centre.inject("hint_lost")
                continue
            self._rounds.add(other.name)
            self.later(0.005 if other is node else 0.02, partial(self._round, other))
        if topic == CALLBACKS:
            self.customers.nudged()

    async def _round(self, node: EngineNode) -> None:
        self._rounds.discard(node.name)
        if not node.up:
            return
        exchange, rates = node.exchange, self.rates
        if self._happens(rates.claim_lost):
            exchange.lose_claim = self.rng.choice((Loss.BEFORE, Loss.AFTER))
        exchange.stale = int(self._happens(rates.stale_picture))
        won = node.dispatcher.claims_won
        await self.centre.dispatch(node)
        exchange.stale, exchange.lose_claim = 0, None
        if node.dispatcher.claims_won > won and (twice := doubles(await self.centre.ground.open_ones())):
            self.found.double_offers += len(twice)
            self._tell(twice)

    async def _polls(self, node: EngineNode) -> None:
        self.later(1.0, partial(self._polls, node))
        if node.up:
            await self._round(node)
            await node.sweep()

    async def _beats(self, node: EngineNode) -> None:
        self.later(BEAT_EVERY_S, partial(self._beats, node))
        slow_s, most = (0.0, 0.0), self.rates.beat_slow_s
        if self._happens(self.rates.beat_slow):
            slow_s = self.rng.uniform(0, most), self.rng.uniform(0, most)
        await self.centre.beat(node, lost=self._happens(self.rates.beat_lost), slow_s=slow_s)

    async def _dies(self, node: EngineNode) -> None:
        await self.centre.die(node)
        self.later(self.rng.uniform(1, self.rates.dead_s), partial(self._begins, node))

    async def _begins(self, node: EngineNode) -> None:
        await self.centre.start(node)
        self._every(self.rates.dies_every_s, partial(self._dies, node))

    async def _clock(self, node: EngineNode) -> None:
        self.centre.set_clock(node, self.rng.choice(self.rates.clock_wrong_s))
        self._every(self.rates.clock_wrong_for_s, partial(self._clock_right, node))

    async def _clock_right(self, node: EngineNode) -> None:
        self.centre.set_clock(node, 0.0)
        self._every(self.rates.clock_every_s, partial(self._clock, node))

    async def _link(self, node: EngineNode) -> None:
        link = node.link
        if link.up:
            self.centre.inject("link_down")
        link.up = not link.up
        self._every(self.rates.link_every_s if link.up else self.rates.link_down_s, partial(self._link, node))

    # --- what is wrong ----------------------------------------------------------------------------------------------

    async def _audits(self) -> None:
        self.later(self._audit_s, self._audits)
        centre = self.centre
        for caller in centre.in_the_dark():
            if self._happens(0.7):
                await self._comes_back(caller)
        picture = await centre.ground.picture()
        wrong = centre.wrong_in(picture)
        self.found.double_offers += len(doubles(picture))
        self.found.double_dials += sum("was dialled" in one for one in wrong)
        self.found.lost_wishes += sum(one.startswith("wish") for one in wrong)
        self.found.lost_needs += sum("need" in one and "open offers" not in one for one in wrong)
        self.found.stuck_agents += sum(one.startswith("agent") and "open offers" not in one for one in wrong)
        self._tell(wrong)
        self._states = {agent.id: agent.state for agent in picture.agents}
        self._look_for_stuck_agents(picture)
        self._look_for_lost_needs(picture)
        talking = {need.call_id for need in picture.needs if need.state == NeedState.TALKING}
        held = self.conversing.left_on_hold(frozenset(talking))
        self.found.lost_needs += len(held)
        self._tell(held)
        late = self.customers.late(picture)
        self.found.lost_wishes += len(late)
        self._tell(late)
        if len(centre.finished) >= FORGET:
            await self._forget()

    def _look_for_stuck_agents(self, picture: Picture) -> None:
        now, rings = self.centre.time.elapsed, self.centre.switch.rings
        phones = {human.id: human.phone for human in self.centre.agents}
        for agent in picture.agents:
            caused = agent.state not in (AgentState.OFFERED, AgentState.BUSY, AgentState.WRAP_UP)
            caused |= agent.state != AgentState.WRAP_UP and phones[agent.id] in rings
            since = self._since.get(agent.id)
            if caused:
                self._since.pop(agent.id, None)
            elif since is None or since[1] != agent.state:
                self._since[agent.id] = now, agent.state
            elif since[0] < now - STUCK_S - WRAP_UP_S:
                self.found.stuck_agents += 1
                self._tell([f"agent {agent.id} is {agent.state} for {now - since[0]:.0f} s"])
                self._since[agent.id] = now, agent.state

    def _look_for_lost_needs(self, picture: Picture) -> None:
        now, needing = self.centre.time.elapsed, {need.call_id for need in picture.needs if need.closed_at is None}
        for caller in self.centre.callers.values():
            waits = caller.line is not None and caller.line.parked is Parked.MUSIC and not caller.machine
            if not waits or caller.call_id in needing:
                self._without.pop(caller.call_id, None)
            elif now - self._without.setdefault(caller.call_id, now) > LOST_S:
                self.found.lost_needs += 1
                self._tell([f"{caller.call_id} waits without a need at {caller.node}"])
                self._without[caller.call_id] = now

    async def _forget(self) -> None:
        """Drop what is over; a need that was closed as served though nobody talked was lost."""
        centre = self.centre
        centre.audit.wishes.forget()
        for call_id, outcome in (await centre.ground.forget(frozenset(centre.finished))).items():
            how = centre.finished.pop(call_id, "")
            if outcome == "served" and how != "talked":
                self.found.lost_needs += 1
                self._tell([f"{call_id} was closed as served and has talked to nobody"])


def played(kind: str, offers: int, seed: int, nodes: int, rates: Rates | None = None) -> Found:
    """Play so many offers on a fresh store of that kind."""
    still = StillTime()
    if kind != MEMORY:
        with TemporaryDirectory(prefix="ringwise-offers-") as folder:
            asyncio.run(prepared(kind, Path(folder)))

    async def play() -> Found:
        async with AsyncExitStack() as stack:
            ground: Ground = MemoryGround()
            if kind != MEMORY:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="ringwise-offers-")))
                names = tuple(f"node-{number}" for number in range(nodes))
                ground = await stack.enter_async_context(stored_ground(kind, folder, names))
            centre = Centre(ground, still, stack.enter_context(logged()), nodes=nodes)
            await centre.begin()
            audit_s = AUDIT_S if kind == MEMORY else AUDIT_STORED_S
            return await Play(centre, Random(seed), rates or Rates(), audit_s).run(offers)

    with asyncio.Runner(loop_factory=still_loop(still)) as runner:
        return runner.run(play())
