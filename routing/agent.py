"""An agent: states, what may follow what, and what the decision needs to know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from routing.errors import IllegalMove
from routing.phone import PhoneState


class AgentState(StrEnum):
    """What an agent is doing."""

    LOGGED_OUT = "logged_out"
    READY = "ready"
    OFFERED = "offered"  # has one open offer: pop shown, phone about to ring or ringing
    BUSY = "busy"  # talking to a caller
    WRAP_UP = "wrap_up"  # after a conversation, until its time is over or the agent says so
    PAUSED = "paused"  # with a reason
    MISSED = "missed"  # set aside, for a moment or until the agent says ready: missed an offer, or refused many


class AgentEvent(StrEnum):
    """What can happen to an agent."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    READY = "ready"  # the agent says so
    PAUSE = "pause"  # the agent says so
    OFFER = "offer"  # claimed for a need
    ANSWER = "answer"
    MISS = "miss"  # no answer in time, busy phone, refused by the phone (RONA), or refused too often
    MISS_OVER = "miss_over"  # the pause after a miss that did not set the agent aside has passed
    REFUSE = "refuse"  # the agent refused the offer, with a reason
    WITHDRAW = "withdraw"  # the offer ended without the agent's doing: caller left, lease expired
    HANG_UP = "hang_up"  # the conversation is over
    WRAP_UP_OVER = "wrap_up_over"  # its time has passed
    DESK_LOST = "desk_lost"  # no browser of this agent has been heard of for too long


#: An agent in one of these states is at work: a need that wants them waits for them for a while.
AT_WORK = frozenset({AgentState.READY, AgentState.OFFERED, AgentState.BUSY, AgentState.WRAP_UP})

AGENT_MOVES: dict[tuple[AgentState, AgentEvent], AgentState] = {
    (AgentState.LOGGED_OUT, AgentEvent.SIGN_IN): AgentState.PAUSED,
    (AgentState.READY, AgentEvent.PAUSE): AgentState.PAUSED,
    (AgentState.READY, AgentEvent.OFFER): AgentState.OFFERED,
    (AgentState.READY, AgentEvent.SIGN_OUT): AgentState.LOGGED_OUT,
    (AgentState.READY, AgentEvent.DESK_LOST): AgentState.PAUSED,
    (AgentState.OFFERED, AgentEvent.ANSWER): AgentState.BUSY,
    (AgentState.OFFERED, AgentEvent.MISS): AgentState.MISSED,
    (AgentState.OFFERED, AgentEvent.REFUSE): AgentState.READY,
    (AgentState.OFFERED, AgentEvent.WITHDRAW): AgentState.READY,
    (AgentState.BUSY, AgentEvent.HANG_UP): AgentState.WRAP_UP,
    (AgentState.WRAP_UP, AgentEvent.READY): AgentState.READY,
    (AgentState.WRAP_UP, AgentEvent.PAUSE): AgentState.PAUSED,
    (AgentState.WRAP_UP, AgentEvent.WRAP_UP_OVER): AgentState.READY,
    (AgentState.WRAP_UP, AgentEvent.SIGN_OUT): AgentState.LOGGED_OUT,
    (AgentState.PAUSED, AgentEvent.READY): AgentState.READY,
    (AgentState.PAUSED, AgentEvent.PAUSE): AgentState.PAUSED,
    (AgentState.PAUSED, AgentEvent.SIGN_OUT): AgentState.LOGGED_OUT,
    (AgentState.MISSED, AgentEvent.READY): AgentState.READY,
    (AgentState.MISSED, AgentEvent.MISS_OVER): AgentState.READY,
    (AgentState.MISSED, AgentEvent.PAUSE): AgentState.PAUSED,
    (AgentState.MISSED, AgentEvent.SIGN_OUT): AgentState.LOGGED_OUT,
}

#: Events an agent sends from the desktop; the engine sends the others.
SAID_BY_AGENT = frozenset({AgentEvent.SIGN_IN, AgentEvent.SIGN_OUT, AgentEvent.READY, AgentEvent.PAUSE})

#: Pause reasons that the desktop offers.
PAUSE_REASONS = ("break", "meal", "training", "back_office", "supervisor")
#: The pause reason that the engine sets besides.
DESK_LOST = "desk_lost"


def move_agent(state: AgentState, event: AgentEvent) -> AgentState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return AGENT_MOVES[state, event]
    except KeyError:
        raise IllegalMove("agent", state, event) from None


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as the decision sees them."""

    id: int
    name: str  #: sign-in name
    state: AgentState
    version: int  #: a claim names it; a changed agent cannot be claimed
    phone: str  #: dial string key of the agent's phone, for example "PJSIP/agent-101"
    skills: Mapping[str, int] = field(default_factory=dict)  #: skill → level, 1 (junior) to 10 (senior)
    since: float = 0.0  #: in this state since, seconds of the epoch; for a ready agent: idle since
    phone_trouble: PhoneState | None = None  #: why their phone cannot be rung now, as far as is known

    @property
    def is_free(self) -> bool:
        """Whether something may be offered to them."""
        return self.state is AgentState.READY and self.phone_trouble is None

    @property
    def may_be_waited_for(self) -> bool:
        """Whether it makes sense that a caller waits for just this agent."""
        return self.state in AT_WORK and self.phone_trouble is not PhoneState.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Stance:
    """An agent's state with what belongs to it."""

    state: AgentState
    pause_reason: str | None = None
    pause_after: str | None = None  #: a pause asked for during an offer or a conversation; applies after it
    wrap_up_until: float | None = None  #: seconds of the epoch, in wrap-up only
    set_aside: str | None = None  #: why, when set aside: missed, declined, unreachable, refusals
    back_at: float | None = None  #: when set aside: ready again by itself then; None: only when the agent says so

    def after(
        self,
        event: AgentEvent,
        *,
        reason: str | None = None,
        wrap_up_until: float | None = None,
        set_aside: str | None = None,
        back_at: float | None = None,
    ) -> "Stance":
        """The stance that follows; raises IllegalMove for a pair that the table lacks.

        PAUSE while offered or busy is kept for later, READY then takes it back; whatever would make the agent ready
        or missed makes them paused instead.
        """
        if self.state in (AgentState.OFFERED, AgentState.BUSY):
            if event is AgentEvent.PAUSE:
                return replace(self, pause_after=reason or PAUSE_REASONS[0])
            if event is AgentEvent.READY and self.pause_after is not None:
                return replace(self, pause_after=None)
        state = move_agent(self.state, event)
        if state in (AgentState.OFFERED, AgentState.BUSY):
            return Stance(state, pause_after=self.pause_after)
        if state is AgentState.WRAP_UP:
            return Stance(state, pause_after=self.pause_after, wrap_up_until=wrap_up_until)
        if self.pause_after is not None and event not in SAID_BY_AGENT:
            return Stance(move_agent(state, AgentEvent.PAUSE), pause_reason=self.pause_after)
        if state is AgentState.MISSED:
            return Stance(state, set_aside=set_aside, back_at=back_at)
        if event is AgentEvent.DESK_LOST:
            return Stance(state, pause_reason=DESK_LOST)
        return Stance(state, pause_reason=reason if state is AgentState.PAUSED else None)
