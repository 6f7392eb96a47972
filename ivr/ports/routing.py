"""Needs, offers and agents as every node sees them, and the hints that something has changed.

Times named `…_at` and `now` are UTC seconds of the epoch, from `Clock.now()`. Nothing here knows AGI, AMI, SQL or HTTP.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from routing.agent import AgentEvent
from routing.decision import Decision
from routing.need import Need
from routing.offer import Claimed, Lost, OfferEvent
from routing.outlook import Lately
from routing.phone import PhonesNoted, PhoneState
from routing.sights import Start
from routing.snapshot import Snapshot
from routing.views import AgentCard, NeedWish, OfferSeen, QueueSeen, Standing, Swept
from routing.wait_ranges import Told, WaitRange
from routing.waits import Sight

# --- routing ---------------------------------------------------------------------------------------------------------


class Exchange(Protocol):
    """Needs, offers and claims; the one truth. Writes on an offer name its fence; False once it has moved on."""

    async def open_need(self, call_id: str, wish: NeedWish, *, now: float) -> Need:
        """State a need; a call that comes back gets its open need with its old `since`."""
        ...

    async def standing(self, call_id: str, *, now: float) -> Standing | None:
        """None when the call has no open need."""
        ...

    async def close_need(self, call_id: str, outcome: str, *, now: float) -> None:
        """served, abandoned, gave_up, callback or lost. Withdraws an open offer that was not answered."""
        ...

    async def last_agent(self, ani: str | None, customer_id: int | None, *, since: float) -> int | None:
        """The agent whom this customer, or a caller of this number, talked to last, if not before `since`."""
        ...

    async def snapshot(self, *, now: float) -> Snapshot: ...

    async def claim(self, decision: Decision, *, node: str, now: float, lease_s: float) -> Claimed | Lost: ...

    async def claim_all(
        self, decisions: Sequence[Decision], *, node: str, now: float, lease_s: float
    ) -> tuple[Claimed | Lost, ...]:
        """Make the decisions of one round true, each whole or not at all."""
        ...

    async def popped(self, offer_id: int, fence: int, *, now: float) -> bool: ...

    async def ringing(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool: ...

    async def renew(self, offer_id: int, fence: int, *, now: float, lease_s: float) -> bool:
        """The node that carries the offer out lives: the lease of an offer that was not answered begins anew."""
        ...

    async def answered(self, offer_id: int, fence: int, *, now: float) -> bool:
        """Offer answered, need talking, agent busy, in one transaction."""
        ...

    async def answered_late(self, offer_id: int, fence: int, *, now: float) -> bool:
        """The phone was answered in the moment in which its offer was refused or lapsed: it is open again, answered;
        what was offered to the agent or for the need since is withdrawn. False, and nothing changed, when it ended in
        another way, the need is closed, or either rings or talks already."""
        ...

    async def close_offer(self, offer_id: int, fence: int, event: OfferEvent, *, now: float, wrap_up_s: float) -> bool:
        """End an offer. COMPLETE closes the need as served and puts the agent in wrap-up; MISS, DECLINE and FAIL put
        the agent aside (missed) and the need back with its age; WITHDRAW and EXPIRE free the agent."""
        ...

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str, *, now: float) -> Claimed | None:
        """An agent refuses their own offer: the need is back with its age and never offered to them again.

        None, and nothing changed, when the offer is not theirs, has moved on or was answered. Raises ValueError for a
        reason that the rules do not know."""
        ...

    async def note_phones(self, states: Mapping[str, PhoneState], *, now: float, node: str) -> PhonesNoted:
        """Store what the switch says of agents' phones, for every node to know; others are passed over."""
        ...

    async def sweep(
        self,
        *,
        now: float,
        desk_lost_s: float,
        alive: frozenset[str] | None,
        wrap_up_s: float,
        alive_at: float | None = None,
        phones: frozenset[tuple[str, str]] | None = None,
    ) -> Swept:
        """Expire offers whose lease is over, end wrap-ups whose time has passed, pause agents whose desk is lost.
        With `alive` (linkedids on the switch as read at `alive_at`, None when unknown) also close calls, needs and
        offers whose channel is gone; never a call that was younger than two seconds then. With `phones` (of each
        channel its call and its phone, and its own id and its phone) end conversations of dead nodes whose phone has
        left. Frees who stands in no offer at all. What cannot be mended stops nothing else."""
        ...

    async def is_first(self, node: str, *, now: float) -> bool:
        """Whether this node is the first by name of those that live: it does what one is to do for all."""
        ...

    async def give_up(self, call_ids: Collection[str], *, now: float) -> None:
        """Close the needs of calls that wait for no agent of ours any more, whoever holds them; an open offer that was
        not answered is withdrawn. A call that comes back has its place again."""
        ...


# --- expected waits --------------------------------------------------------------------------------------------------


class Waits(Protocol):
    """What queues have seen of late, and what callers were told of their waits."""

    async def lately(self, wrap_up_s: Mapping[str, float], *, now: float) -> Mapping[str, Lately]:
        """By queue; `wrap_up_s` counts where an agent has noted nothing after a conversation."""
        ...

    async def starts(self, *, now: float) -> Sequence[Start]:
        """Callers who came to an agent in the last half hour, in that order."""
        ...

    async def tell(
        self, need_id: int, said: WaitRange | None, sight: Sight, *, mean_s: float, basis: str | None, now: float
    ) -> bool:
        """Keep an estimate for the caller of a need, and the range that was said; None: too uncertain to be said.

        False when there is no such need.
        """
        ...

    async def told(self, *, now: float, since: float | None = None) -> Sequence[Told]:
        """The ranges that were said since then, or the newest, in that order, with what came of them."""
        ...


# --- agents ----------------------------------------------------------------------------------------------------------


class Roster(Protocol):
    """Agents and what they say of themselves. Raises routing.errors.IllegalMove for a move that the table lacks."""

    async def check_password(self, name: str, password: str) -> AgentCard | None:
        """The agent, or None; takes as long for an unknown name as for a wrong password."""
        ...

    async def card(self, agent_id: int) -> AgentCard | None: ...

    async def by_name(self, name: str) -> AgentCard | None:
        """The agent with this sign-in name; None once they were removed."""
        ...

    async def say(self, agent_id: int, event: AgentEvent, *, now: float, reason: str | None = None) -> AgentCard:
        """An agent's own move. PAUSE while offered or busy is kept and applies after the call."""
        ...

    async def at_work(self) -> tuple[AgentCard, ...]:
        """The agents who take calls, or soon will."""
        ...

    async def seen(self, agent_id: int, *, now: float) -> None:
        """A browser of this agent gave a sign of life."""
        ...

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """The agent's open offer, or the last one while in wrap-up."""
        ...

    async def wrap_up(self, agent_id: int, offer_id: int, *, disposition: str, note: str, now: float) -> bool:
        """Store the outcome of a conversation; False when the offer is not this agent's."""
        ...

    async def draft(self, agent_id: int, offer_id: int, *, disposition: str | None, note: str) -> bool:
        """Keep what the agent has entered so far of the outcome; False when it is not theirs, or final already."""
        ...

    async def extend_wrap_up(self, agent_id: int, offer_id: int, *, by_s: float, most: int, now: float) -> bool:
        """More time after this conversation; False when there is none to extend, or it was extended so often."""
        ...

    async def queue_state(self, *, now: float) -> tuple[QueueSeen, ...]: ...


# --- hints -----------------------------------------------------------------------------------------------------------


class Hints(Protocol):
    """Wake-ups that say *that* something changed, never what. May be lost; every reader also polls."""

    def nudge(self, topic: str) -> None: ...

    async def wait(self, topic: str, *, seconds: float) -> bool:
        """True when nudged, False when the time has passed."""
        ...


#: Topics of hints.
ROUTING = "routing"
CALLBACKS = "callbacks"
RECORDINGS = "recordings"
