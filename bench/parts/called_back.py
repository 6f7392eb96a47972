"""Customers who are called back in a simulated centre: who wishes it, who picks up, and what goes wrong on the way."""

from collections import deque
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from ivr.callbacks import LOOK_EVERY_S
from ivr.testing.turmoil.audit import Picture
from ivr.testing.turmoil.book import CUSTOMER_RING_S
from ivr.testing.turmoil.link import Order
from ivr.testing.turmoil.node import EngineNode
from ivr.testing.turmoil.switch import Caller, Outgoing, Parked, Ring
from ivr.testing.turmoil.wishes import WishKept
from parts.rates import Rates
from routing.callback import CARRIED_OUT

if TYPE_CHECKING:
    from parts.turmoil import Play

#: Seconds after its lease at which a wish that nobody looks after is lost, and after its time one that nobody dials.
LEFT_ALONE_S, NOT_DIALLED_S = 120.0, 900.0
#: Numbers that have wished to be called back and may call themselves.
MOST_NUMBERS = 20


class CalledBack:
    """Of one run."""

    def __init__(self, play: "Play", rates: Rates, rng: Random) -> None:
        self._play, self._rates, self._rng = play, rates, rng
        self._numbers = deque[str](maxlen=MOST_NUMBERS)
        self._told: set[tuple[int, int]] = set()  #: wishes that were told as lost, with their fences
        self._looks: set[str] = set()  #: nodes that are about to look
        play.centre.switch.on_outgoing = self._rings

    def _happens(self, share: float) -> bool:
        return self._rng.random() < share

    def number(self) -> str | None:
        """Whose number the next call comes from; None for somebody new."""
        return self._rng.choice(self._numbers) if self._numbers and self._happens(self._rates.calls_again) else None

    async def takes_callback(self, caller: Caller) -> None:
        """They press the key if they still wait."""
        if caller.line is not None and caller.line.parked is Parked.MUSIC and not caller.called_back:
            self._numbers.append(caller.number)
            await self._play.centre.press(caller, "1")

    # --- nodes ------------------------------------------------------------------------------------------------------

    async def polls(self, node: EngineNode) -> None:
        """A node looks whom to call back, every few seconds."""
        self._play.later(LOOK_EVERY_S, partial(self.polls, node))
        await self._looked(node)

    def nudged(self) -> None:
        """Nodes are told to look."""
        for node in self._play.centre.up:
            if node.name in self._looks:
                continue
            if self._happens(self._rates.hint_lost):
                self._play.centre.inject("hint_lost")
                continue
            self._looks.add(node.name)
            self._play.later(0.01, partial(self._looked, node))

    async def _looked(self, node: EngineNode) -> None:
        self._looks.discard(node.name)
        lived = node.up
        order = self._rng.choice(tuple(Order)) if self._happens(self._rates.order_fails) else None
        await self._play.centre.call_back(node, order, stale=self._happens(self._rates.stale_picture))
        if lived and not node.up:
            self._play.later(self._rng.uniform(1, self._rates.dead_s), partial(self._play.centre.start, node))

    # --- customers --------------------------------------------------------------------------------------------------

    def _rings(self, outgoing: Outgoing) -> None:
        centre, draw = self._play.centre, self._rng.random()
        if draw < self._rates.no_answer:
            told = not self._happens(self._rates.event_lost)
            until_s = outgoing.rings_until - centre.time.elapsed
            self._play.later(until_s, partial(centre.customers.not_reached, outgoing, told=told))
        else:
            connects = draw > self._rates.no_answer + self._rates.machine
            self._play.later(self._rng.uniform(1, 6), partial(self._picks_up, outgoing, connects))

    async def _picks_up(self, outgoing: Outgoing, connects: bool) -> None:
        centre = self._play.centre
        node = self._rng.choice(centre.up or centre.nodes)
        told = not self._happens(self._rates.event_lost)
        await centre.customers.pick_up(outgoing, node, connects=connects, told=told)

    def agent_waits_s(self, ring: Ring) -> float:
        """For how long an agent who has picked up has nobody to talk to."""
        if ring.caller.call_id not in self._play.centre.switch.outgoing:
            return 0.0
        return 0.5 if self._happens(self._rates.agent_gives_up) else CUSTOMER_RING_S

    # --- what is wrong ----------------------------------------------------------------------------------------------

    def late(self, picture: Picture) -> list[str]:
        """Wishes that nobody looks after any more; each once."""
        now, found = self._play.centre.time.store_now(), []
        for wish in picture.wishes:
            if wish.closed_at is None and now > wish.next_at + self._patience_s(wish):
                key = wish.id, wish.fence
                found += (
                    [] if key in self._told else [f"wish {wish.id} is {wish.state} since {now - wish.next_at:.0f} s"]
                )
                self._told.add(key)
        return found

    def _patience_s(self, wish: WishKept) -> float:
        return LEFT_ALONE_S if wish.state in CARRIED_OUT else NOT_DIALLED_S
