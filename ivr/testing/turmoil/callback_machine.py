"""The state machine of a centre in turmoil that calls customers back: with all the rules of the one without."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ivr.testing.turmoil.book import CARDS, GENERAL, LATER
from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.link import Order
from ivr.testing.turmoil.machine import CALLERS, Turmoil, nodes, some

#: Numbers that call again and again, so that wishes meet: of one queue, of two, and of who is on the line.
NUMBERS = ("+8613800000001", "+8613800000002")


class Callbacks(Turmoil):
    """Callers take a callback, are called, call themselves; nodes die in the midst of dialling, orders are lost."""

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, dnis=st.sampled_from((GENERAL, CARDS)), number=st.sampled_from(NUMBERS))
    def a_caller_takes_a_callback(self, node: int, dnis: str, number: str) -> None:
        """They come, wait, and press the key before anybody is there for them."""
        if self._node(node).up:
            caller = self.run(self.centre.arrive(self._node(node), dnis, number))
            self.run(self.centre.press(caller, "1"))

    @precondition(lambda self: self.centre.callers)
    @rule(who=some)
    def a_waiting_caller_takes_a_callback(self, who: int) -> None:
        """Whoever it is; an agent may have been found already."""
        if (caller := self._caller(who)) is not None:
            self.run(self.centre.press(caller, "1"))

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, number=st.sampled_from(NUMBERS))
    def a_caller_says_when_to_be_called(self, node: int, number: str) -> None:
        """Within the next two minutes."""
        if self._node(node).up:
            self.run(self.centre.arrive(self._node(node), LATER, number))

    @precondition(lambda self: len(self.centre.callers) < CALLERS)
    @rule(node=nodes, dnis=st.sampled_from((GENERAL, CARDS)), number=st.sampled_from(NUMBERS))
    def a_customer_calls_again(self, node: int, dnis: str, number: str) -> None:
        """Before they are called."""
        if self._node(node).up:
            self.run(self.centre.arrive(self._node(node), dnis, number))

    @rule(node=nodes, order=st.sampled_from((None, None, None, *Order)), stale=st.booleans())
    def a_node_looks_whom_to_call_back(self, node: int, order: Order | None, stale: bool) -> None:
        """On wishes as they were, perhaps; the order may be lost, or its answer; or the node is killed before it or
        after it."""
        self.run(self.centre.call_back(self._node(node), order, stale=stale))

    @precondition(lambda self: self.centre.customers.ringing)
    @rule(which=some, node=nodes, connects=st.booleans(), told=st.booleans())
    def a_customer_picks_up(self, which: int, node: int, connects: bool, told: bool) -> None:
        """Or a machine does."""
        if (outgoing := self._one(self.centre.customers.ringing, which)) is not None:
            self.run(self.centre.customers.pick_up(outgoing, self._node(node), connects=connects, told=told))

    @precondition(lambda self: self.centre.customers.ringing)
    @rule(which=some, told=st.booleans())
    def a_customer_does_not_pick_up(self, which: int, told: bool) -> None:
        """And the event may be lost."""
        if (outgoing := self._one(self.centre.customers.ringing, which)) is not None:
            self.run(self.centre.customers.not_reached(outgoing, told=told))

    @precondition(lambda self: self.centre.callers)
    @rule(who=some)
    def a_caller_hangs_up_and_the_switch_is_quicker(self, who: int) -> None:
        """Nodes hear of it before the line ends."""
        if (caller := self._caller(who)) is not None:
            self.run(self.centre.leave(caller, told_first=True))

    @rule(node=nodes, loss=st.sampled_from(Loss))
    def the_next_word_on_a_wish_is_lost(self, node: int, loss: Loss) -> None:
        """Or its answer."""
        self._node(node).callbacks.lose = loss
