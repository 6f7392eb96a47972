"""What the end of an offer means for its need and its agent."""

from dataclasses import dataclass

from routing.agent import AgentEvent
from routing.need import NeedEvent
from routing.offer import OfferEvent, OfferState, move_offer


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The moves that follow from one way of ending an offer."""

    need: NeedEvent
    agent: AgentEvent
    missed: bool = False  #: this agent is asked for this need again only when nobody else fits
    refused: bool = False  #: this agent is not asked for this need again at all
    idle_kept: bool = False  #: no doing of the agent's: they keep the time they had been idle


AFTERMATH: dict[OfferEvent, Aftermath] = {
    OfferEvent.COMPLETE: Aftermath(NeedEvent.CLOSE, AgentEvent.HANG_UP),
    OfferEvent.MISS: Aftermath(NeedEvent.RETURN, AgentEvent.MISS, missed=True),
    OfferEvent.DECLINE: Aftermath(NeedEvent.RETURN, AgentEvent.MISS, missed=True),
    OfferEvent.REFUSE: Aftermath(NeedEvent.RETURN, AgentEvent.REFUSE, missed=True, refused=True),
    OfferEvent.FAIL: Aftermath(NeedEvent.RETURN, AgentEvent.MISS, missed=True),
    OfferEvent.WITHDRAW: Aftermath(NeedEvent.RETURN, AgentEvent.WITHDRAW, idle_kept=True),
    OfferEvent.EXPIRE: Aftermath(NeedEvent.RETURN, AgentEvent.WITHDRAW, idle_kept=True),
}


def end_offer(state: OfferState, event: OfferEvent) -> OfferState:
    """The state of an offer that ends so; raises IllegalMove.

    A conversation may be over before its answer was ever recorded (the link to the switch was down): COMPLETE of an
    open offer that was not answered passes through ANSWER.
    """
    if event is OfferEvent.COMPLETE and state is not OfferState.ANSWERED:
        state = move_offer(state, OfferEvent.ANSWER)
    return move_offer(state, event)
