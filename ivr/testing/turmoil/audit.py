"""What must hold in a store at every moment, whatever has happened to nodes, calls and clocks.

Two open offers of one agent or need, states of needs, agents and offers that contradict each other, rows that go back.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from ivr.testing.turmoil.wishes import WishAudit, WishKept
from models.moves import OUTCOMES
from models.strays import GRACE_S
from routing.agent import AgentState
from routing.need import NeedState
from routing.offer import OPEN_OFFERS, OfferState

#: What an agent is doing while an open offer of theirs is in this state.
AGENT_IN = {
    OfferState.OFFERED: AgentState.OFFERED,
    OfferState.RINGING: AgentState.OFFERED,
    OfferState.ANSWERED: AgentState.BUSY,
}
#: Likewise the need; that of a conversation may have been closed before it is over.
NEED_IN = {
    OfferState.OFFERED: {NeedState.OFFERED},
    OfferState.RINGING: {NeedState.OFFERED},
    OfferState.ANSWERED: {NeedState.TALKING, NeedState.CLOSED},
}
#: Needs in these states have an open offer.
IN_OFFER = frozenset({NeedState.OFFERED, NeedState.TALKING})
#: Seconds by which what a node takes for the store's time may be off it.
SLACK_S = 1.5


@dataclass(frozen=True, slots=True)
class NeedSeen:
    """A need as stored."""

    id: int
    call_id: str
    since: float
    state: str
    version: int
    closed_at: float | None
    outcome: str | None
    not_agents: frozenset[int]
    kind: str  #: of the call, or of an agent who consults another about it
    handed_on: bool  #: by an agent, or stated by one who consults another


@dataclass(frozen=True, slots=True)
class OfferKept:
    """An offer as stored."""

    id: int
    call_id: str
    need_id: int
    agent_id: int
    fence: int
    state: str
    expires_at: float | None
    closed_at: float | None


@dataclass(frozen=True, slots=True)
class AgentKept:
    """An agent as stored."""

    id: int
    state: str
    version: int
    wrap_up_until: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """The rows of one moment."""

    needs: Sequence[NeedSeen]
    offers: Sequence[OfferKept]
    agents: Sequence[AgentKept]
    ended: Mapping[str, float]  #: calls that are over, and since when
    wishes: Sequence[WishKept] = ()


@dataclass
class Audit:
    """Looks at one picture after the other and says what is wrong with each."""

    wishes: WishAudit = field(default_factory=lambda: WishAudit(SLACK_S))
    _needs: dict[int, NeedSeen] = field(default_factory=dict)
    _offers: dict[int, OfferKept] = field(default_factory=dict)
    _agents: dict[int, AgentKept] = field(default_factory=dict)

    _looked_at: float = -inf

    def look(self, picture: Picture, now: float) -> list[str]:
        """What is wrong at this time of the store; a sentence each."""
        found = [*doubles(picture), *contradictions(picture), *self._backwards(picture), *self._untimely(picture, now)]
        found += self.wishes.look(picture.wishes, picture.needs, self._looked_at - SLACK_S, now + SLACK_S)
        self._looked_at = now
        self._needs = {need.id: need for need in picture.needs}
        self._offers = {offer.id: offer for offer in picture.offers}
        self._agents = {agent.id: agent for agent in picture.agents}
        return found

    def _backwards(self, picture: Picture) -> list[str]:
        found = []
        for need in picture.needs:
            before = self._needs.get(need.id)
            if before is not None:
                found += _need_after(before, need)
        for offer in picture.offers:
            was = self._offers.get(offer.id)
            if was is None:
                found += self._new_offer(offer)
            elif was.closed_at is not None and was != offer:
                found.append(f"offer {offer.id} was {was.state} and over, and is changed to {offer.state}")
            elif (was.fence, was.need_id, was.agent_id) != (offer.fence, offer.need_id, offer.agent_id):
                found.append(f"offer {offer.id} is for somebody else than before")
        for agent in picture.agents:
            once = self._agents.get(agent.id)
            if once is not None and (agent.version < once.version or (agent != once and agent.version == once.version)):
                found.append(f"agent {agent.id} is {agent.state} after {once.state} and their version says nothing")
        return found

    def _untimely(self, picture: Picture, now: float) -> list[str]:
        """Times that were written since the last look, by another clock than the store's."""
        earliest, latest, found = self._looked_at - SLACK_S, now + SLACK_S, []
        for offer in picture.offers:
            was = self._offers.get(offer.id)
            closed_now = was is not None and was.closed_at is None and offer.closed_at is not None
            if closed_now and not earliest <= (offer.closed_at or 0) <= latest:
                found.append(
                    f"offer {offer.id} says that it was closed at {(offer.closed_at or 0) - now:+.0f} s from now"
                )
            elif was is None and offer.closed_at is None and (offer.expires_at or inf) < earliest:
                found.append(f"offer {offer.id} was made with a lease that was over")
        for need in picture.needs:
            before = self._needs.get(need.id)
            if before is None and need.since > latest:
                found.append(f"need {need.id} is {need.since - now:.0f} s younger than it can be")
            closed_now = before is not None and before.closed_at is None and need.closed_at is not None
            if closed_now and not earliest <= (need.closed_at or 0) <= latest:
                found.append(f"need {need.id} was closed, it says, at {(need.closed_at or 0) - now:+.0f} s from now")
        return found

    def _new_offer(self, offer: OfferKept) -> list[str]:
        others = [one for one in self._offers.values() if one.need_id == offer.need_id and one.fence >= offer.fence]
        need = self._needs.get(offer.need_id)
        found = [f"offer {offer.id} has a fence not above that of offer {other.id}" for other in others]
        if need is not None and need.closed_at is not None:
            found.append(f"offer {offer.id} was made for need {need.id}, which was over")
        return found


def _need_after(before: NeedSeen, need: NeedSeen) -> list[str]:
    found = []
    if need.since != before.since:
        found.append(f"need {need.id} has forgotten its age: since {before.since}, now {need.since}")
    if before.closed_at is not None and need != before:
        found.append(f"need {need.id} was over as {before.outcome} and is changed")
    if need.version < before.version:
        found.append(f"the version of need {need.id} went back")
    waits = NeedState.WAITING in (before.state, need.state)
    if waits and need.state != before.state and need.version == before.version:
        found.append(f"need {need.id} went from {before.state} to {need.state} and its version says nothing")
    return found


def doubles(picture: Picture) -> list[str]:
    """Agents and needs with more than one open offer, and calls with more than one open need."""
    offers = [offer for offer in picture.offers if offer.closed_at is None]
    needs = Counter((need.call_id, need.kind) for need in picture.needs if need.closed_at is None)
    return [
        *(f"agent {id_} has {n} open offers" for id_, n in Counter(one.agent_id for one in offers).items() if n > 1),
        *(f"need {id_} has {n} open offers" for id_, n in Counter(one.need_id for one in offers).items() if n > 1),
        *(f"call {id_} has {n} open needs of the kind {kind}" for (id_, kind), n in needs.items() if n > 1),
    ]


def contradictions(picture: Picture) -> list[str]:
    """States that do not go together."""
    found = []
    needs, agents = {need.id: need for need in picture.needs}, {agent.id: agent for agent in picture.agents}
    open_of_need, open_of_agent = defaultdict[int, list[OfferKept]](list), defaultdict[int, list[OfferKept]](list)
    for offer in picture.offers:
        if (offer.closed_at is None) != (offer.state in OPEN_OFFERS):
            found.append(f"offer {offer.id} is {offer.state}, closed at {offer.closed_at}")
        if offer.closed_at is not None:
            continue
        open_of_need[offer.need_id].append(offer)
        open_of_agent[offer.agent_id].append(offer)
        state, need, agent = OfferState(offer.state), needs.get(offer.need_id), agents[offer.agent_id]
        if state in AGENT_IN and agent.state != AGENT_IN[state]:
            found.append(f"agent {agent.id} is {agent.state} while offer {offer.id} of theirs is {state}")
        if need is None or (state in NEED_IN and need.state not in NEED_IN[state]):
            found.append(f"need {offer.need_id} is {need and need.state} while its offer {offer.id} is {state}")
        if (offer.expires_at is None) != (state is OfferState.ANSWERED):
            found.append(f"offer {offer.id} is {state} and expires at {offer.expires_at}")
    for need in picture.needs:
        if (need.closed_at is None) != (need.state != NeedState.CLOSED):
            found.append(f"need {need.id} is {need.state}, closed at {need.closed_at}")
        if (need.outcome is None) != (need.closed_at is None) or need.outcome not in (None, *OUTCOMES):
            found.append(f"need {need.id} is {need.state} with the outcome {need.outcome}")
        if need.closed_at is None and (need.state in IN_OFFER) != (need.id in open_of_need):
            found.append(f"need {need.id} is {need.state} with {len(open_of_need[need.id])} open offers")
    for agent in picture.agents:
        if (agent.state in (AgentState.OFFERED, AgentState.BUSY)) != (agent.id in open_of_agent):
            found.append(f"agent {agent.id} is {agent.state} with {len(open_of_agent[agent.id])} open offers")
    return found


def lapsed_too_early(before: Picture, after: Picture, now: float) -> list[str]:
    """Offers that a sweep has taken for lapsed at this time of the store, though their leases were not over."""
    leases = {offer.id: offer.expires_at or inf for offer in before.offers if offer.closed_at is None}
    return [
        f"offer {offer.id} was taken for lapsed {leases[offer.id] - now:.0f} s before its lease is over"
        for offer in after.offers
        if offer.state == OfferState.EXPIRED and leases.get(offer.id, 0.0) > now + SLACK_S
    ]


def left_by_a_sweep(picture: Picture, now: float) -> list[str]:
    """What a sweep should have mended that has just been made at this time of its node."""
    over = {call_id for call_id, ended_at in picture.ended.items() if ended_at <= now - GRACE_S}
    needs = [need for need in picture.needs if need.closed_at is None and need.call_id in over]
    offers = [offer for offer in picture.offers if offer.closed_at is None]
    of_ended = [offer for offer in offers if offer.call_id in over]
    return [
        *(f"need {need.id} is {need.state} though its call {need.call_id} is over" for need in needs),
        *(f"offer {one.id} is {one.state} though its call {one.call_id} is over" for one in of_ended),
        *(f"offer {one.id} is {one.state} after its lease" for one in offers if (one.expires_at or inf) <= now),
        *(
            f"agent {agent.id} wraps up though the time for it is over"
            for agent in picture.agents
            if agent.state == AgentState.WRAP_UP and (agent.wrap_up_until or 0) <= now
        ),
    ]
