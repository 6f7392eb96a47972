"""An offer: one need proposed to one agent; its states, outcomes of a claim, and how it can end."""

from dataclasses import dataclass
from enum import StrEnum

from routing.errors import IllegalMove


class OfferState(StrEnum):
    """Where an offer is. The first three are open, the others closed."""

    OFFERED = "offered"  # claimed; the pop is on its way or shown
    RINGING = "ringing"  # the agent's phone rings
    ANSWERED = "answered"  # they talk
    COMPLETED = "completed"  # the conversation is over
    MISSED = "missed"  # the phone rang to the limit (RONA)
    DECLINED = "declined"  # the agent's phone refused
    REFUSED = "refused"  # the agent refused on the desktop, with a reason
    UNREACHABLE = "unreachable"  # the agent's phone could not be rung
    WITHDRAWN = "withdrawn"  # the caller left first
    EXPIRED = "expired"  # the node that made it is gone


class OfferEvent(StrEnum):
    """What can happen to an offer."""

    RING = "ring"
    ANSWER = "answer"
    COMPLETE = "complete"
    MISS = "miss"
    DECLINE = "decline"
    REFUSE = "refuse"
    FAIL = "fail"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


OPEN_OFFERS = frozenset({OfferState.OFFERED, OfferState.RINGING, OfferState.ANSWERED})
#: Ends that the answer may cross: the phone was picked up in the moment in which the agent refused, or the lease ended.
CROSSED = frozenset({OfferState.REFUSED, OfferState.EXPIRED})

OFFER_MOVES: dict[tuple[OfferState, OfferEvent], OfferState] = {
    (OfferState.OFFERED, OfferEvent.RING): OfferState.RINGING,
    (OfferState.OFFERED, OfferEvent.ANSWER): OfferState.ANSWERED,
    (OfferState.OFFERED, OfferEvent.MISS): OfferState.MISSED,
    (OfferState.OFFERED, OfferEvent.DECLINE): OfferState.DECLINED,
    (OfferState.OFFERED, OfferEvent.REFUSE): OfferState.REFUSED,
    (OfferState.OFFERED, OfferEvent.FAIL): OfferState.UNREACHABLE,
    (OfferState.OFFERED, OfferEvent.WITHDRAW): OfferState.WITHDRAWN,
    (OfferState.OFFERED, OfferEvent.EXPIRE): OfferState.EXPIRED,
    (OfferState.RINGING, OfferEvent.ANSWER): OfferState.ANSWERED,
    (OfferState.RINGING, OfferEvent.MISS): OfferState.MISSED,
    (OfferState.RINGING, OfferEvent.DECLINE): OfferState.DECLINED,
    (OfferState.RINGING, OfferEvent.REFUSE): OfferState.REFUSED,
    (OfferState.RINGING, OfferEvent.FAIL): OfferState.UNREACHABLE,
    (OfferState.RINGING, OfferEvent.WITHDRAW): OfferState.WITHDRAWN,
    (OfferState.RINGING, OfferEvent.EXPIRE): OfferState.EXPIRED,
    (OfferState.ANSWERED, OfferEvent.COMPLETE): OfferState.COMPLETED,
}


def move_offer(state: OfferState, event: OfferEvent) -> OfferState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return OFFER_MOVES[state, event]
    except KeyError:
        raise IllegalMove("offer", state, event) from None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that came true: this agent is now offered this need, and nobody else can have either."""

    offer_id: int
    fence: int  #: every later write names it; it changes nothing once the need has moved on
    call_id: str
    need_id: int
    agent_id: int
    agent_name: str
    phone: str
    auto_answer: bool | None = None  #: whether the phone is asked to pick up by itself; None: as the settings say


@dataclass(frozen=True, slots=True)
class Lost:
    """A claim that came too late. Not an error: decide again on a fresh snapshot."""

    why: str
