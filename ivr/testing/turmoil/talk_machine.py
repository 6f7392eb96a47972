"""The state machine of a centre in turmoil whose agents do something with their conversations, in memory only."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ivr.testing.turmoil.book import CARDS, GENERAL
from ivr.testing.turmoil.callback_machine import Callbacks
from ivr.testing.turmoil.centre import Human
from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.link import Act
from ivr.testing.turmoil.machine import CALLERS, nodes, some
from ivr.testing.turmoil.switch import Ring
from routing.talk import TalkEvent, Target, TargetKind

#: To whom a caller is handed on.
TARGETS = (Target(TargetKind.QUEUE, "general"), Target(TargetKind.QUEUE, "cards"), Target(TargetKind.AGENT, "agent-2"))
AWAY = (TalkEvent.HOLD, TalkEvent.CONSULT, TalkEvent.TRANSFER)
acts = st.sampled_from((None, None, None, *Act))


class Conversations(Callbacks):
    """Hold, consultation, conference, transfer; phones that are hung up meanwhile; nodes that die meanwhile."""

    AGENTS_WITH_CARDS = (1, 2)

    @initialize(callers=st.integers(1, 3))
    def begin(self, callers: int) -> None:
        """Agents come to work, and some talk already."""
        super().begin(callers=0, decided=False, served=False)
        for number in range(callers):
            self.a_conversation_begins(number % 2, GENERAL)

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, dnis=st.sampled_from((GENERAL, CARDS)))
    def a_conversation_begins(self, node: int, dnis: str) -> None:
        """A call comes in, an agent is there and picks up."""
        if self._node(node).up:
            caller = self.run(self.centre.arrive(self._node(node), dnis))
            self.run(self.centre.dispatch(self._node(node)))
            self.hints_come(lost=False)
            if caller.ring is not None:
                self.run(self.centre.pick_up(caller.ring))

    @precondition(lambda self: self._talking())
    @rule(which=some, what=st.sampled_from(AWAY), whom=st.sampled_from(TARGETS), node=nodes, act=acts)
    def an_agent_leaves_their_caller(
        self, which: int, what: TalkEvent, whom: Target, node: int, act: Act | None
    ) -> None:
        """For a moment, for somebody else, or for good."""
        if (human := self._who(which)) is not None:
            target = None if what is TalkEvent.HOLD else whom
            self.run(self.centre.ask(human, self._node(node), what, target, act))

    @precondition(lambda self: self._talking())
    @rule(which=some, what=st.sampled_from(sorted(frozenset(TalkEvent) - {*AWAY})), node=nodes, act=acts)
    def an_agent_asks_for_something_else(self, which: int, what: TalkEvent, node: int, act: Act | None) -> None:
        """Back to the caller, hand over, all three, without the other one; often it cannot be now."""
        if (human := self._who(which)) is not None:
            self.run(self.centre.ask(human, self._node(node), what, act=act))

    @precondition(lambda self: self._talking())
    @rule(who=some, node=nodes, seconds=st.sampled_from((0.2, 1.2)))
    def time_goes_by_on_hold(self, who: int, node: int, seconds: float) -> None:
        """A moment, in which callers and nodes look."""
        self.time.elapsed += seconds
        for caller in list(self.centre.callers.values()):
            self.run(self.centre.look(caller))
        self.run(self.centre.dispatch(self._node(node)))

    @rule(node=nodes, loss=st.sampled_from(Loss))
    def the_next_word_on_a_conversation_is_lost(self, node: int, loss: Loss) -> None:
        """Or its answer."""
        self._node(node).talks.lose = loss

    def _talking(self) -> list[Ring]:
        return [ring for ring in self.centre.switch.rings.values() if ring.answered_at is not None]

    def _who(self, which: int) -> Human | None:
        ring = self._one(self._talking(), which)
        return None if ring is None else next(one for one in self.centre.agents if one.phone == ring.phone)
