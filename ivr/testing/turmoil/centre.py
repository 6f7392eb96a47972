"""A contact centre with everything that can go wrong in it, each a verb: for the state machine that looks for faults,
and for the simulation of very many offers. Each verb does nothing where it cannot happen."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from ivr.conversation import converse
from ivr.errors import HungUp, LineBroken
from ivr.ports import Arrival, ChannelGone, Dialled, DialStatus, PhoneAnswered, PhoneRinging, SwitchEvent, Waited
from ivr.rehearsal.node import Logged
from ivr.testing.turmoil.audit import Audit, Picture, lapsed_too_early, left_by_a_sweep
from ivr.testing.turmoil.book import GENERAL, LATER, RARE, SKILLS, parts_of_a_site
from ivr.testing.turmoil.customers import Customers
from ivr.testing.turmoil.ground import Ground
from ivr.testing.turmoil.link import Act, Order
from ivr.testing.turmoil.node import EngineNode
from ivr.testing.turmoil.still import StillTime
from ivr.testing.turmoil.switch import Caller, Line, Parked, Ring, Switch
from routing.agent import AgentEvent, AgentState
from routing.callback import of_call
from routing.errors import IllegalMove, StoreAway
from routing.talk import TalkEvent, Target

#: Turns of the loop in which what an agent has asked for comes as far as it can without time passing.
TURNS = 20
#: Callers who say when they are to be called say the full minute before so many seconds from now.
LATER_S = 120.0


@dataclass(eq=False, slots=True)
class Human:
    """An agent in person."""

    id: int
    phone: str
    browser: bool = True  #: it is open and gives signs of life


class Centre:
    """Nodes, callers and agents on one store; `switch` is what is real."""

    def __init__(self, ground: Ground, time: StillTime, logged: Logged, *, nodes: int = 2) -> None:
        self.ground, self.time, self._logged = ground, time, logged
        self.injected = Counter[str]()
        self.switch = Switch(time, self.inject)
        self._parts = parts_of_a_site()
        self.nodes = [EngineNode.of(number, time) for number in range(nodes)]
        self.callers: dict[str, Caller] = {}  #: who are on the line, by id of the call
        self.agents: list[Human] = []
        self.over = Counter[str]()  #: how callers have left
        self.finished: dict[str, str] = {}  #: calls that are over, and how
        self.wakes: list[Caller] = []  #: whom a node wants to wake
        self.came = 0
        self._turned_at = -inf  #: when they last had their turns
        self.asked = set[asyncio.Task[None]]()  #: what agents have asked for and is under way
        self.audit = Audit()
        self.customers = Customers(self)

    async def begin(self) -> None:
        """Every node starts."""
        for node in self.nodes:
            await self.start(node)

    def inject(self, kind: str) -> None:
        """Count a fault."""
        self.injected[kind] += 1

    def node_of(self, caller: Caller) -> EngineNode | None:
        """The node that serves a caller."""
        return next((node for node in self.nodes if node.name == caller.node), None)

    @property
    def up(self) -> list[EngineNode]:
        """The nodes that live."""
        return [node for node in self.nodes if node.up]

    def in_the_dark(self) -> list[Caller]:
        """Callers whom no node serves, and who come back to one: those whose phone is silent."""
        return [one for one in self.callers.values() if self._is_in_the_dark(one)]

    def _is_in_the_dark(self, caller: Caller) -> bool:
        return caller.node is None and caller.ring is None and caller.room is None

    # --- callers ----------------------------------------------------------------------------------------------------

    async def arrive(self, node: EngineNode, dnis: str = GENERAL, number: str | None = None) -> Caller:
        """A call comes in at a node."""
        caller = self.ring_in(dnis, number)
        await self.come_back(caller, node)
        return caller

    def ring_in(self, dnis: str, number: str | None = None) -> Caller:
        """A call comes in from a number, or a new one; no node has it yet."""
        self.came += 1
        number = number or f"+86139{self.came:08}"
        caller = Caller(f"call-{self.came}", dnis, self.time.elapsed, number=number)
        if dnis == LATER:
            caller.keys = list(f"{datetime.fromtimestamp(self.time.store_now() + LATER_S, UTC):%H%M}")
        return self.come_in(caller)

    def come_in(self, caller: Caller) -> Caller:
        """A call is there; no node has it yet."""
        caller.lost_since = self.time.elapsed
        self.callers[caller.call_id] = self.switch.callers[caller.channel] = caller
        return caller

    async def come_back(self, caller: Caller, node: EngineNode) -> None:
        """The dialplan brings a call to a node: the first, or the next rung."""
        if not node.up or not self._is_in_the_dark(caller) or not caller.present:
            return
        caller.rung += 1
        ani = None if caller.called_back else caller.number
        arrival = Arrival(caller.call_id, caller.call_id, caller.channel, ani, "", caller.dnis, caller.rung)
        caller.node, caller.line = node.name, Line(arrival, caller, self.switch)
        caller.task = asyncio.create_task(converse(caller.line, node.parts))
        await self._settle(caller)
        await self.calm()

    async def look(self, caller: Caller) -> None:
        """The time of a wait is over."""
        await self._music_ends(caller, Waited.TIMEOUT)

    async def wake(self, caller: Caller) -> None:
        """The wake comes through."""
        await self._music_ends(caller, Waited.WOKEN)

    async def press(self, caller: Caller, key: str) -> None:
        """A caller who waits presses a key."""
        await self._music_ends(caller, key)

    async def _music_ends(self, caller: Caller, why: str | Waited) -> None:
        if caller.line is not None and caller.line.parked is Parked.MUSIC:
            caller.line.go_on(why)
            await self._settle(caller)
            await self.calm()

    async def leave(self, caller: Caller, *, told_first: bool = False) -> None:
        """The caller hangs up; a phone that rings for them is silent, one that talks too. Nodes hear of it from the
        switch and from the line, in either order."""
        if not caller.present:
            return
        ring, line = caller.ring, caller.line
        self._leaves(caller, "hung_up")
        if ring is not None:
            self.switch.stop(ring)
        if told_first:
            await self.gone(caller.call_id)
        if line is not None:
            line.go_on(HungUp())
            await self._settle(caller)
        if not told_first:
            await self.gone(caller.call_id)
        await self.calm()

    async def break_line(self, caller: Caller, *, for_good: bool = False) -> None:
        """The link between switch and engine breaks for this call; `for_good`: the switch has lost it."""
        if not caller.present or (caller.line is None and not for_good):
            return
        line, ring = caller.line, caller.ring
        self.inject("call_vanished" if for_good else "line_broken")
        if for_good:
            self._leaves(caller, "vanished")
            if ring is not None:
                self.switch.stop(ring)
        if line is not None:
            line.go_on(LineBroken())
            await self._settle(caller)
        await self.calm()

    async def gone(self, call_id: str, *, told: bool = True) -> None:
        """The channel of a customer whom we called is gone; of other calls nobody needs to hear it."""
        if of_call(call_id) is not None:
            await self.tell(ChannelGone(call_id, call_id), told=told)

    def _leaves(self, caller: Caller, how: str) -> None:
        caller.present, caller.room = False, None
        caller.left_by = "talked" if caller.talked else how
        self.over[caller.left_by] += 1
        self.finished[caller.call_id] = caller.left_by
        self.switch.outgoing.pop(caller.call_id, None)
        del self.callers[caller.call_id], self.switch.callers[caller.channel]

    async def _settle(self, caller: Caller) -> None:
        line, task = caller.line, caller.task
        assert line is not None, "only who is served"
        assert task is not None, "only who is served"
        before = caller.ring
        await line.settle(task)
        if caller.ring is not None and caller.ring is not before:
            await self.tell(PhoneRinging(caller.call_id, caller.ring.phone, ""))
        if not task.done():
            return
        task.result()
        caller.node = caller.line = caller.task = None
        caller.lost_since = self.time.elapsed
        if caller.present and line.is_done:
            self._leaves(caller, "gave_up")
            await self.gone(caller.call_id)

    # --- agents -----------------------------------------------------------------------------------------------------

    async def hire(self, *, skilled: bool) -> Human:
        """An agent comes to work, ready."""
        number = len(self.agents) + 1
        id_ = await self.ground.add_agent(f"agent-{number}", SKILLS[skilled])
        human = Human(id_, f"PJSIP/agent-{number}")
        self.agents.append(human)
        for event in (AgentEvent.SIGN_IN, AgentEvent.READY):
            await self.say(human, event, self.nodes[0])
        return human

    async def say(self, human: Human, event: AgentEvent, node: EngineNode) -> bool:
        """An agent says something of themselves; False when it is not theirs to say now."""
        if not (node.up and human.browser):
            return False
        try:
            await self.ground.roster.say(human.id, event, now=node.clock.now())
        except (IllegalMove, StoreAway):
            return False
        return True

    async def seen(self, human: Human, node: EngineNode) -> None:
        """Their browser gives a sign of life."""
        if node.up and human.browser:
            await self.ground.roster.seen(human.id, now=node.clock.now())

    async def state(self, human: Human) -> AgentState:
        """What the store says of them."""
        card = await self.ground.roster.card(human.id)
        assert card is not None, "nobody is removed"
        return card.state

    async def pick_up(self, ring: Ring, *, told: bool = True) -> None:
        """The phone is answered; the event of the switch may be lost."""
        if ring.answered_at is not None or ring.phone not in self.switch.rings:
            return
        ring.answered_at = self.time.elapsed
        if ring.room is None:
            ring.caller.talked = True
            self.customers.agent_answers(ring)
        await self.tell(PhoneAnswered(ring.seen.call_id, ring.phone, ring.channel), told=told)
        await self.calm()

    async def ask(
        self, human: Human, node: EngineNode, event: TalkEvent, target: Target | None = None, act: Act | None = None
    ) -> None:
        """An agent asks for something in their conversation, over a node; what comes of it takes time."""
        offer = await self.ground.roster.offer_of(human.id) if node.up and human.browser else None
        caller = None if offer is None else self.callers.get(offer.call_id)
        if offer is None or caller is None or caller.agent_first:
            return

        async def asked() -> None:
            with suppress(StoreAway):
                await node.handler.do(human.id, offer.offer_id, event, target)

        node.link.next_act = act
        self.asked.add(asyncio.create_task(asked()))
        self._turned_at = -inf
        await self.calm()
        node.link.next_act = None

    async def not_picked_up(self, ring: Ring, how: DialStatus) -> None:
        """It rang to the limit, or was refused."""
        if ring.answered_at is None and self.switch.rings.get(ring.phone) is ring:
            caller, on_line = ring.caller, ring.caller.ring is ring
            self.switch.stop(ring)
            if on_line:
                caller.lost_since = self.time.elapsed
                if caller.line is not None and caller.line.parked is Parked.PHONE:
                    caller.line.go_on(Dialled(how))
            await self.calm()

    async def talk_ends(self, ring: Ring) -> None:
        """The agent hangs up, on the line or in a room."""
        if ring.answered_at is not None and self.switch.rings.get(ring.phone) is ring:
            self.switch.hang_up(ring)
            await self.calm()

    async def calm(self) -> None:
        """Until everybody has heard what the switch has to tell, and every line is parked."""
        while True:
            going_on = [one for one in self.callers.values() if one.line is not None and one.line.goes_on]
            if going_on:
                await self._settle(going_on[0])
            elif self.switch.gone:
                await self.tell(self.switch.gone.pop(0))
            elif self.asked and self._turned_at != self.time.elapsed:  # only time brings them further
                self._turned_at = self.time.elapsed
                self.asked = {task for task in self.asked if not task.done()}
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            else:
                return

    async def tell(self, event: SwitchEvent, *, told: bool = True) -> None:
        """What the switch tells every node with a link to it; unless the event is lost."""
        if not told:
            self.inject("event_lost")
            return
        for node in self.up:
            if node.link.up:
                await node.hear(event)

    # --- nodes ------------------------------------------------------------------------------------------------------

    async def start(self, node: EngineNode) -> None:
        """A node begins, or begins again; one that lives goes on."""
        if not node.up:
            await node.start(self._parts, self.ground, self.switch, self.inject, self._wake)

    def _wake(self, channel: str) -> None:
        caller = self.switch.callers.get(channel)
        if caller is not None:
            self.wakes.append(caller)

    async def die(self, node: EngineNode) -> None:
        """A node is killed; its callers and the phones that it rings are left alone."""
        if not node.up:
            return
        self.inject("node_dead")
        node.die()
        for caller in [one for one in self.callers.values() if one.node == node.name]:
            assert caller.task is not None, "it is served"
            caller.task.cancel()
            await asyncio.wait([caller.task])
            caller.node = caller.line = caller.task = None
            caller.lost_since = self.time.elapsed

    async def dispatch(self, node: EngineNode) -> None:
        """One round of a node."""
        if node.up:
            await node.dispatch()
            await self.calm()

    async def call_back(self, node: EngineNode, order: Order | None = None, *, stale: bool = False) -> None:
        """A node looks whom to call back, on old wishes perhaps, and what goes wrong with the first call."""
        if not node.up:
            return
        node.link.next_order, node.callbacks.stale = order, stale
        killed = not await node.call_back()
        node.link.next_order, node.callbacks.stale = None, False
        if killed:
            await self.die(node)

    async def sweep(self, node: EngineNode) -> list[str]:
        """One sweep of a node; what it has left that it should have mended, or mended too early."""
        before = await self.ground.open_ones()
        swept = node.up and await node.sweep()
        await self.calm()
        if not swept:
            return []
        after = await self.ground.picture()
        early = lapsed_too_early(before, after, self.time.store_now())
        return [*left_by_a_sweep(after, node.clock.now()), *early]

    def set_clock(self, node: EngineNode, wrong_s: float) -> None:
        """The time of day of a node's machine is wrong by so much from now on."""
        self.inject("clock_step")
        node.machine.wrong_s = wrong_s

    async def beat(self, node: EngineNode, *, lost: bool = False, slow_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """A heartbeat of a node, and how the store's time reaches it."""
        if node.up:
            node.life.lost, node.life.slow_s = lost, slow_s
            await node.beat()

    # --- what is wrong ----------------------------------------------------------------------------------------------

    async def wrong(self) -> list[str]:
        """What is wrong in the store now, and what the engines complained of since the last look."""
        return self.wrong_in(await self.ground.picture())

    def wrong_in(self, picture: Picture) -> list[str]:
        """The same, with the rows in hand."""
        found = self.audit.look(picture, self.time.store_now())
        faults, self._logged.faults[:] = [*self._logged.faults], []
        return [*found, *faults]

    async def second(self) -> list[str]:
        """A second in which nothing new goes wrong: everybody does what they are there for. What is wrong after it."""
        self.time.elapsed += 1
        nodes = self.up
        for caller in self.in_the_dark() if nodes else ():
            await self.come_back(caller, nodes[0])
        for outgoing in self.customers.ringing if nodes else ():
            await self.customers.pick_up(outgoing, nodes[0], connects=True)
        for ring in list(self.switch.rings.values()):
            if ring.answered_at is None or ring.caller.call_id not in self.switch.outgoing:
                await (self.pick_up(ring) if ring.answered_at is None else self.talk_ends(ring))
        await self.calm()
        for human in self.agents:
            for node in nodes[:1]:
                await self.seen(human, node)
                state = await self.state(human)
                if state is AgentState.LOGGED_OUT and await self.say(human, AgentEvent.SIGN_IN, node):
                    state = AgentState.PAUSED
                if state in (AgentState.MISSED, AgentState.PAUSED):
                    await self.say(human, AgentEvent.READY, node)
        found = list[str]()
        for node in nodes:
            await node.beat()
            await node.dispatch()
            await self.call_back(node)
            found += await self.sweep(node)
        for caller in [one for one in self.callers.values() if one.line is not None]:
            if caller.line is not None and (caller in self.wakes or caller.line.until <= self.time.elapsed):
                await self.look(caller)
        self.wakes.clear()
        return [*found, *await self.wrong()]

    async def mend(self) -> None:
        """All faults end: nodes live, clocks are right, links are up, browsers are open."""
        for node in self.nodes:
            node.machine.wrong_s = 0.0
            await self.start(node)
            node.link.up = True
            node.exchange.lose_claim = node.exchange.lose_write = None
            node.exchange.stale, node.callbacks.lose = 0, None
            node.talks.lose = None
        for human in self.agents:
            human.browser = True
        self.switch.unreachable.clear()

    async def settle(self, seconds: int) -> list[str]:
        """Let the dust settle, for so long at most; what is not as it should be then: nobody waits whom an agent could
        serve, everybody who has left is forgotten by the queues, and every agent is ready."""
        await self.mend()
        found = await self._until(self._all_served, seconds)
        if not found:
            for caller in self.callers.values():
                if caller.dnis != RARE or caller.node is None:
                    found.append(f"{caller.call_id} waits at {caller.node} though agents for it are there")
        for wish in (await self.ground.picture()).wishes:
            if wish.closed_at is None:
                found.append(f"wish {wish.id} is {wish.state} though agents for it are there")
        for caller in list(self.callers.values()):
            await self.leave(caller)
        found += await self._until(self._all_quiet, seconds)
        picture = await self.ground.picture()
        found += [f"need {need.id} is {need.state} though nobody calls" for need in picture.needs if not need.closed_at]
        for human in self.agents:
            if (state := await self.state(human)) is not AgentState.READY:
                found.append(f"agent {human.id} is {state} though nobody calls")
        return found

    async def _until(self, done: Callable[[], Awaitable[bool]], seconds: int) -> list[str]:
        """Let seconds pass until something is so or something is wrong; the latter."""
        for _ in range(seconds):
            if (found := await self.second()) or await done():
                return found
        return []

    async def _all_served(self) -> bool:
        wishes = (await self.ground.picture()).wishes
        waits = all(caller.dnis == RARE and caller.node is not None for caller in self.callers.values())
        return waits and not self.customers.ringing and all(wish.closed_at is not None for wish in wishes)

    async def _all_quiet(self) -> bool:
        needs = (await self.ground.picture()).needs
        ready = all([await self.state(human) is AgentState.READY for human in self.agents])
        return ready and all(need.closed_at is not None for need in needs)
