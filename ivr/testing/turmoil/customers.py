"""Customers who are called back by a centre in turmoil: their phones, and what comes of each call."""

from typing import TYPE_CHECKING

from ivr.ports import PhoneAnswered
from ivr.testing.turmoil.book import CUSTOMER_RING_S
from ivr.testing.turmoil.node import EngineNode
from ivr.testing.turmoil.switch import CUSTOMER, Caller, Outgoing, Parked, Ring
from ivr.testing.turmoil.wishes import Dialled
from routing.callback import of_call

if TYPE_CHECKING:
    from ivr.testing.turmoil.centre import Centre

#: Seconds after which who is on the line with us can be known to every node.
KNOWN_S = 3.0


class Customers:
    """Who is called back; the switch rings them, and they pick up or not."""

    def __init__(self, centre: "Centre") -> None:
        self._centre, self._switch = centre, centre.switch
        self._switch.on_call_out = self._called_out

    @property
    def ringing(self) -> list[Outgoing]:
        """Customers' phones that ring."""
        return list(self._switch.outgoing.values())

    def _called_out(self, call_id: str, number: str, ring_s: float, agent_first: bool) -> None:
        now, callers = self._centre.time.elapsed, list(self._switch.callers.values())
        mine = [one for one in callers if one.number == number]
        self._centre.audit.wishes.dialled.append(
            Dialled(
                call_id,
                number,
                self._centre.time.store_now(),
                rings_already=any(one.called_back for one in mine) or any(one.number == number for one in self.ringing),
                calls_us=any(not one.called_back and self._waits(one, now - KNOWN_S) for one in mine),
            )
        )
        if agent_first:  # the half that the engine has comes in at once
            self._centre.come_in(Caller(call_id, "callback", now, number=number, agent_first=True))
        else:
            self._switch.ring_customer(Outgoing(call_id, number, now + ring_s))

    def _waits(self, caller: Caller, since: float) -> bool:
        return caller.came_at <= since and caller.line is not None and caller.line.parked is Parked.MUSIC

    async def pick_up(self, outgoing: Outgoing, node: EngineNode, *, connects: bool, told: bool = True) -> None:
        """The phone is answered, by somebody who asks for the agent or by a machine; the event may be lost."""
        if self._switch.outgoing.pop(outgoing.call_id, None) is None:
            return
        caller = outgoing.agents_side
        if caller is None:
            caller = Caller(outgoing.call_id, "callback", self._centre.time.elapsed, number=outgoing.number)
            caller.keys, caller.machine = (["1"], False) if connects else ([], True)
            self._centre.come_in(caller)
            await self._centre.come_back(caller, node)
            return
        caller.reached = True
        if caller.ring is not None:
            self.has_talked(caller)
        event = PhoneAnswered(caller.call_id, CUSTOMER, f"{CUSTOMER}-{caller.call_id}")
        await self._centre.tell(event, told=told)

    async def not_reached(self, outgoing: Outgoing, *, told: bool = True) -> None:
        """Nobody picks up; with the agent first the whole call ends."""
        if self._switch.outgoing.pop(outgoing.call_id, None) is None:
            return
        if outgoing.agents_side is not None:
            await self._centre.leave(outgoing.agents_side)
        else:
            await self._centre.gone(outgoing.call_id, told=told)

    def agent_answers(self, ring: Ring) -> None:
        """An agent has picked up: with the agent first the customer is rung now; else they talk."""
        caller = ring.caller
        if caller.agent_first and not caller.reached:
            until = self._centre.time.elapsed + CUSTOMER_RING_S
            self._switch.ring_customer(Outgoing(caller.call_id, caller.number, until, caller))
        else:
            self.has_talked(caller)

    def has_talked(self, caller: Caller) -> None:
        """Caller and agent talk for real."""
        made = of_call(caller.call_id)
        wishes = self._centre.audit.wishes
        if made is not None:
            wishes.conversed.add(made[0])
        else:
            wishes.talked.add(caller.number)
