"""A state machine that looks for what goes wrong in a centre in turmoil: Hypothesis draws what happens, one thing after
the other, and looks at the store after each; at the end all faults cease, and everybody must be served."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ivr.ports import DialStatus
from ivr.rehearsal.node import Logged, logged
from ivr.testing.turmoil.audit import AgentKept, NeedSeen, OfferKept, Picture
from ivr.testing.turmoil.book import CARDS, GENERAL, LEASE_S, RARE
from ivr.testing.turmoil.centre import Centre, Human
from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.ground import Ground, MemoryGround
from ivr.testing.turmoil.node import EngineNode
from ivr.testing.turmoil.still import StillTime, still_loop
from ivr.testing.turmoil.switch import Caller, Ring
from routing.agent import SAID_BY_AGENT, AgentEvent, AgentState
from routing.decision import Decision, decide
from routing.need import NeedState
from routing.offer import Claimed, OfferEvent

Result = TypeVar("Result")
Thing = TypeVar("Thing")

#: Callers who are on the line at a time, agents, and nodes.
CALLERS, AGENTS, NODES = 5, 3, 2
#: Seconds within which everybody is served once the faults have ceased: leases, a wrap-up and some conversations; with
#: customers to be called back also the time that they wished, a connection that is held, and another try.
SETTLED_S = 300
#: How wrong a clock may be, in seconds.
WRONG_S = (-60.0, -5.0, 0.0, 5.0, 60.0)
#: How long a question to the store, or its answer, may be on the way.
SLOW_S = (0.0, 0.0, 0.3, 2.0)

some = st.integers(0, 11)
nodes = st.integers(0, NODES - 1)


@asynccontextmanager
async def in_memory() -> Any:
    """The twins."""
    yield MemoryGround()


class Turmoil(RuleBasedStateMachine):
    """Everything that can happen in a centre; a subclass says on which store."""

    AGENTS_WITH_CARDS: tuple[int, ...] = (1,)

    @staticmethod
    def ground() -> AbstractAsyncContextManager[Ground]:
        """A fresh store."""
        return in_memory()

    def __init__(self) -> None:
        super().__init__()
        self.time = StillTime()
        self._stack, self._open = ExitStack(), AsyncExitStack()
        logs: Logged = self._stack.enter_context(logged())
        self._runner = self._stack.enter_context(asyncio.Runner(loop_factory=still_loop(self.time)))
        ground = self.run(self._open.enter_async_context(self.ground()))
        self.centre = self.run(self._made(ground, logs))
        self.decided: list[Decision] = []  #: and not claimed yet

    async def _made(self, ground: Ground, logs: Logged) -> Centre:
        centre = Centre(ground, self.time, logs, nodes=NODES)
        await centre.begin()
        return centre

    def run(self, what: Awaitable[Result]) -> Result:
        """Let it happen."""

        async def done() -> Result:
            return await what

        return self._runner.run(done())

    @initialize(callers=st.integers(0, 3), decided=st.booleans(), served=st.booleans())
    def begin(self, callers: int, decided: bool, served: bool) -> None:
        """Agents come to work, and callers are there already: nobody has decided yet, or it is about to be claimed, or
        the phones of the first ring."""
        for number in range(AGENTS):
            self.run(self.centre.hire(skilled=number in self.AGENTS_WITH_CARDS))
        for number in range(callers):
            self.run(self.centre.arrive(self._node(number % NODES), (GENERAL, CARDS)[number % 2]))
        if decided:
            self.a_node_decides_and_is_slow_to_claim(0)
        if served:
            self.run(self.centre.dispatch(self._node(0)))
            self.hints_come(lost=False)

    def teardown(self) -> None:
        """The faults cease: everybody is served, nobody is stuck, nothing is left."""
        try:
            if self.centre.agents:
                _nothing(self.run(self.centre.settle(SETTLED_S)))
        finally:
            self.run(self._open.aclose())
            self._stack.close()

    @invariant()
    def nothing_is_wrong(self) -> None:
        """The store is in order after every step."""
        _nothing(self.run(self.centre.wrong()))

    # --- whom it happens to -----------------------------------------------------------------------------------------

    def _node(self, number: int) -> EngineNode:
        return self.centre.nodes[number]

    def _human(self, number: int) -> Human:
        return self.centre.agents[number % len(self.centre.agents)]

    def _one(self, things: list[Thing], number: int) -> Thing | None:
        return things[number % len(things)] if things else None

    def _caller(self, number: int) -> Caller | None:
        return self._one(list(self.centre.callers.values()), number)

    def _ring(self, number: int) -> Ring | None:
        return self._one(list(self.centre.switch.rings.values()), number)

    # --- callers ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, dnis=st.sampled_from((GENERAL, GENERAL, CARDS, RARE)))
    def a_call_comes_in(self, node: int, dnis: str) -> None:
        """At a node that lives."""
        if self._node(node).up:
            self.run(self.centre.arrive(self._node(node), dnis))

    @precondition(lambda self: self.centre.callers)
    @rule(who=some)
    def a_caller_looks(self, who: int) -> None:
        """The conversation of a call looks at the store, as it does every two seconds."""
        if (caller := self._caller(who)) is not None:
            self.run(self.centre.look(caller))

    @precondition(lambda self: self.centre.wakes)
    @rule(lost=st.booleans())
    def hints_come(self, lost: bool) -> None:
        """Or they are lost."""
        for caller in self.centre.wakes:
            if lost:
                self.centre.inject("hint_lost")
            else:
                self.run(self.centre.wake(caller))
        self.centre.wakes.clear()

    @precondition(lambda self: self.centre.callers)
    @rule(who=some)
    def a_caller_hangs_up(self, who: int) -> None:
        """Whatever they are in."""
        if (caller := self._caller(who)) is not None:
            self.run(self.centre.leave(caller))

    @precondition(lambda self: self.centre.callers)
    @rule(who=some, for_good=st.booleans())
    def a_line_breaks(self, who: int, for_good: bool) -> None:
        """Between switch and engine; or the switch loses the call."""
        if (caller := self._caller(who)) is not None:
            self.run(self.centre.break_line(caller, for_good=for_good))

    @precondition(lambda self: self.centre.in_the_dark())
    @rule(who=some, node=nodes)
    def a_call_comes_back(self, who: int, node: int) -> None:
        """On the next rung, at whichever node."""
        if (caller := self._one(self.centre.in_the_dark(), who)) is not None:
            self.run(self.centre.come_back(caller, self._node(node)))

    # --- phones -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.centre.switch.rings)
    @rule(which=some, told=st.booleans())
    def a_phone_is_picked_up(self, which: int, told: bool) -> None:
        """And the event may be lost."""
        if (ring := self._ring(which)) is not None:
            self.run(self.centre.pick_up(ring, told=told))

    @precondition(lambda self: self.centre.switch.rings)
    @rule(which=some, how=st.sampled_from((DialStatus.NO_ANSWER, DialStatus.DECLINED, DialStatus.UNREACHABLE)))
    def a_phone_is_not_picked_up(self, which: int, how: DialStatus) -> None:
        """RONA, refused, or gone."""
        if (ring := self._ring(which)) is not None:
            self.run(self.centre.not_picked_up(ring, how))

    @precondition(lambda self: self.centre.switch.rings)
    @rule(which=some)
    def a_conversation_ends(self, which: int) -> None:
        """The agent hangs up."""
        if (ring := self._ring(which)) is not None:
            self.run(self.centre.talk_ends(ring))

    @rule(who=some)
    def a_phone_vanishes_or_is_back(self, who: int) -> None:
        """It cannot be rung meanwhile."""
        self.centre.switch.unreachable ^= {self._human(who).phone}

    # --- agents -----------------------------------------------------------------------------------------------------

    @rule(who=some, what=st.sampled_from(sorted(SAID_BY_AGENT)), node=nodes)
    def an_agent_says(self, who: int, what: Any, node: int) -> None:
        """Ready, pause, in or out; often it is not theirs to say."""
        self.run(self.centre.say(self._human(who), what, self._node(node)))

    @rule(who=some, node=nodes)
    def an_agent_steps_away_and_is_back(self, who: int, node: int) -> None:
        """Ready as before, but no longer the agent that was decided on."""
        for event in (AgentEvent.PAUSE, AgentEvent.READY):
            self.run(self.centre.say(self._human(who), event, self._node(node)))

    @rule(who=some)
    def a_browser_is_lost_or_back(self, who: int) -> None:
        """Its signs of life cease or begin."""
        human = self._human(who)
        human.browser = not human.browser

    @rule(node=nodes)
    def browsers_show_that_they_live(self, node: int) -> None:
        """To a node."""
        for human in self.centre.agents:
            self.run(self.centre.seen(human, self._node(node)))

    # --- nodes ------------------------------------------------------------------------------------------------------

    @rule(node=nodes, stale=st.booleans(), loss=st.sampled_from((None, None, Loss.BEFORE, Loss.AFTER)))
    def a_node_decides(self, node: int, stale: bool, loss: Loss | None) -> None:
        """On a fresh picture or the one before, and its claims may be lost, or their answer."""
        decides = self._node(node)
        decides.exchange.stale, decides.exchange.lose_claim = int(stale), loss
        self.run(self.centre.dispatch(decides))
        decides.exchange.stale, decides.exchange.lose_claim = 0, None

    @rule(node=nodes)
    def a_node_decides_and_is_slow_to_claim(self, node: int) -> None:
        """What it has decided is claimed later, as it was."""
        now = self._node(node).clock.now()
        self.decided = [*decide(self.run(self._node(node).exchange.truth.snapshot(now=now)), now), *self.decided[:3]]

    @precondition(lambda self: self.decided)
    @rule(node=nodes, which=some)
    def an_old_decision_is_claimed(self, node: int, which: int) -> None:
        """By whichever node; it comes true when both sides are still as they were, and else never."""
        decision = self.decided.pop(which % len(self.decided))
        needs, _, agents = _rows(self.run(self.centre.ground.picture()))
        need, agent = needs[decision.need_id], agents[decision.agent_id]
        as_was = (need.state, need.version) == (NeedState.WAITING, decision.need_version)
        as_was &= (agent.state, agent.version) == (AgentState.READY, decision.agent_version)
        truth, now = self._node(node).exchange.truth, self._node(node).clock.now()
        claim = self.run(truth.claim(decision, node=self._node(node).name, now=now, lease_s=LEASE_S))
        assert isinstance(claim, Claimed) is as_was, f"{decision} was claimed: {claim}"

    @rule(node=nodes, loss=st.sampled_from(Loss))
    def the_next_write_is_lost(self, node: int, loss: Loss) -> None:
        """Or its answer."""
        self._node(node).exchange.lose_write = loss

    @rule(node=nodes)
    def a_node_sweeps(self, node: int) -> None:
        """It asks the switch, then mends."""
        _nothing(self.run(self.centre.sweep(self._node(node))))

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, other=nodes)
    def a_call_comes_in_while_a_node_sweeps(self, node: int, other: int) -> None:
        """Between the picture of the channels and the sweep."""
        sweeps, takes = self._node(node), self._node(other)

        async def comes() -> None:
            if takes.up:
                await self.centre.arrive(takes)

        before, sweeps.exchange.before_sweep = sweeps.exchange.before_sweep, comes
        _nothing(self.run(self.centre.sweep(sweeps)))
        sweeps.exchange.before_sweep = before

    @rule(node=nodes)
    def a_node_dies_or_begins_again(self, node: int) -> None:
        """What it knew is lost."""
        mortal = self._node(node)
        if mortal.up:
            self.run(self.centre.die(mortal))
        else:
            self.run(self.centre.start(mortal))

    @rule(node=nodes)
    def the_link_to_the_switch_goes_down_or_up(self, node: int) -> None:
        """Of one node."""
        link = self._node(node).link
        link.up = not link.up

    # --- time -------------------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 3))
    def all_goes_well(self, seconds: int) -> None:
        """For so long everybody who can does what they are there for."""
        for _ in range(seconds):
            _nothing(self.run(self.centre.second()))

    @rule(seconds=st.sampled_from((0.5, 2.0, 6.0, 16.0, 50.0)))
    def time_passes(self, seconds: float) -> None:
        """Phones that rang to their limit stop; nobody else does anything."""
        self.time.elapsed += seconds
        for ring in list(self.centre.switch.rings.values()):
            if ring.rings_until <= self.time.elapsed:
                self.run(self.centre.not_picked_up(ring, DialStatus.NO_ANSWER))
        for outgoing in self.centre.customers.ringing:
            if outgoing.rings_until <= self.time.elapsed:
                self.run(self.centre.customers.not_reached(outgoing))

    @rule(node=nodes, seconds=st.sampled_from(WRONG_S))
    def a_clock_is_set(self, node: int, seconds: float) -> None:
        """The time of day of one node's machine, to what is wrong by so much."""
        self.centre.set_clock(self._node(node), seconds)

    @rule(node=nodes, lost=st.booleans(), there=st.sampled_from(SLOW_S), back=st.sampled_from(SLOW_S))
    def a_heart_beats(self, node: int, lost: bool, there: float, back: float) -> None:
        """A node reads the store's time; the store may be away, or slow to hear and to answer."""
        self.run(self.centre.beat(self._node(node), lost=lost, slow_s=(there, back)))

    # --- what comes too late ----------------------------------------------------------------------------------------

    @rule(which=some, what=some, newer=st.booleans(), node=nodes)
    def somebody_writes_on_an_offer_that_has_moved_on(self, which: int, what: int, newer: bool, node: int) -> None:
        """Nothing changes."""
        picture = self.run(self.centre.ground.picture())
        over = [offer for offer in picture.offers if newer or offer.closed_at is not None]
        if (offer := self._one(over, which)) is None:
            return
        late = self._late_write(offer, offer.fence + int(newer), self._node(node), what)
        assert self.run(late) is False
        assert _rows(self.run(self.centre.ground.picture())) == _rows(picture)

    def _late_write(self, offer: OfferKept, fence: int, node: EngineNode, what: int) -> Awaitable[bool]:
        truth, now = node.exchange.truth, node.clock.now()
        events = tuple(OfferEvent)[2:]  # those that end an offer
        ways: tuple[Callable[[], Awaitable[bool]], ...] = (
            lambda: truth.popped(offer.id, fence, now=now),
            lambda: truth.ringing(offer.id, fence, now=now, lease_s=15),
            lambda: truth.renew(offer.id, fence, now=now, lease_s=15),
            lambda: truth.answered(offer.id, fence, now=now),
            lambda: truth.close_offer(offer.id, fence, events[what % len(events)], now=now, wrap_up_s=9),
        )
        return ways[what % len(ways)]()


def _nothing(wrong: list[str]) -> None:
    assert not wrong, "\n".join(wrong)


def _rows(picture: Picture) -> tuple[dict[int, NeedSeen], dict[int, OfferKept], dict[int, AgentKept]]:
    needs, offers = {need.id: need for need in picture.needs}, {offer.id: offer for offer in picture.offers}
    return needs, offers, {agent.id: agent for agent in picture.agents}
