"""Agents who do something with their conversations in a simulated centre: hold, consult, transfer, and what follows."""

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from ivr.testing.turmoil.faulty import Loss
from ivr.testing.turmoil.link import Act
from ivr.testing.turmoil.switch import Ring
from parts.rates import Rates
from routing.talk import TalkEvent, Target, TargetKind

if TYPE_CHECKING:
    from parts.turmoil import Play

#: Seconds after which somebody who hears music has been left there: an agent who has gone is noticed within two looks.
HELD_S = 60.0
#: What follows what, as agents do.
FOLLOWS = {
    TalkEvent.HOLD: (TalkEvent.RETRIEVE, TalkEvent.RETRIEVE, TalkEvent.TRANSFER, TalkEvent.CONSULT),
    TalkEvent.CONSULT: (TalkEvent.COMPLETE, TalkEvent.CONFERENCE, TalkEvent.CANCEL),
    TalkEvent.CONFERENCE: (TalkEvent.COMPLETE, TalkEvent.CANCEL),
    TalkEvent.RETRIEVE: (TalkEvent.HOLD, TalkEvent.CONSULT, TalkEvent.END),
    TalkEvent.CANCEL: (TalkEvent.TRANSFER, TalkEvent.END),
}
TO_SOMEBODY = frozenset({TalkEvent.TRANSFER, TalkEvent.CONSULT})
#: Seconds that a conversation goes on with which something is done, and until what follows is asked for.
LONGER_S, AFTER_S = 8.0, 4.0


class Conversing:
    """Of one run."""

    def __init__(self, play: "Play", rates: Rates, rng: Random) -> None:
        self._play, self._rates, self._rng = play, rates, rng
        self._held: dict[str, float] = {}  #: callers who hear music while no agent's phone is there for them, since

    def longer_s(self, ring: Ring) -> float:
        """An agent has picked up: by how much longer the conversation is for what they will do with it."""
        if ring.room is not None or ring.caller.agent_first or self._rng.random() >= self._rates.does_something:
            return 0.0
        self._next(ring, (TalkEvent.HOLD, TalkEvent.CONSULT, TalkEvent.TRANSFER))
        return LONGER_S

    def _next(self, ring: Ring, choices: tuple[TalkEvent, ...]) -> None:
        if choices:
            self._play.later(self._rng.uniform(0.3, AFTER_S), partial(self._asks, ring, self._rng.choice(choices)))

    async def _asks(self, ring: Ring, what: TalkEvent) -> None:
        centre, rng = self._play.centre, self._rng
        if centre.switch.rings.get(ring.phone) is not ring or not centre.up:
            return
        human = next(one for one in centre.agents if one.phone == ring.phone)
        node = rng.choice(centre.up)
        if rng.random() < self._rates.talk_lost:
            node.talks.lose = rng.choice(tuple(Loss))
        act = rng.choice(tuple(Act)) if rng.random() < self._rates.act_fails else None
        centre.inject(f"asked_{what}")
        await centre.ask(human, node, what, self._target() if what in TO_SOMEBODY else None, act)
        self._play.later(1.1, centre.calm)
        self._next(ring, FOLLOWS.get(what, ()))

    def _target(self) -> Target:
        draw = self._rng.random()
        if draw < 0.5:
            return Target(TargetKind.QUEUE, "general" if draw < 0.3 else "cards")
        return Target(TargetKind.AGENT, f"agent-{self._rng.randrange(len(self._play.centre.agents)) + 1}")

    def left_on_hold(self, talking: frozenset[str]) -> list[str]:
        """Callers of a living node who are in a conversation (`talking`) and no phone is there for them, each once."""
        centre, found = self._play.centre, []
        now, there = centre.time.elapsed, {ring.caller.call_id for ring in centre.switch.rings.values()}
        for caller in centre.callers.values():
            node = centre.node_of(caller)
            looked_after = node is None or not node.link.up or caller.call_id in there
            if looked_after or caller.call_id not in talking:
                self._held.pop(caller.call_id, None)
            elif now - self._held.setdefault(caller.call_id, now) > HELD_S:
                found.append(f"the caller of need {caller.call_id} hears music and no agent is there")
                self._held[caller.call_id] = now
        return found
