"""Agents in memory: the rules of `models.moves` on rows in dictionaries."""

from dataclasses import replace

from ivr.ports import AgentCard, OfferSeen, QueueSeen
from ivr.testing.store import MemoryStore
from models import moves
from models.errors import UnknownAgent
from models.locks import CALL
from models.talk_recordings import seen
from routing.agent import AT_WORK, SAID_BY_AGENT, AgentEvent, AgentState
from routing.errors import IllegalMove
from routing.need import NeedState
from routing.offer import OfferState


class MemoryRoster:
    """Twin of `models.agents.Agents` (port Roster)."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def check_password(self, name: str, password: str) -> AgentCard | None:
        """The agent whose password it is."""
        self.store.reach()
        for agent in self.store.agents.values():
            if agent.name == name and self.store.passwords[agent.id] == password:
                return await self.card(agent.id)
        return None

    async def card(self, agent_id: int) -> AgentCard | None:
        """The agent's card."""
        self.store.reach()
        agent = self.store.agents.get(agent_id)
        return (
            None if agent is None else moves.card_of(agent, self.store.skills[agent_id], self.store.phone_seen(agent))
        )

    async def by_name(self, name: str) -> AgentCard | None:
        """The agent's card."""
        self.store.reach()
        found = next((id_ for id_, agent in self.store.agents.items() if agent.name == name), None)
        return None if found is None else await self.card(found)

    async def say(self, agent_id: int, event: AgentEvent, *, now: float, reason: str | None = None) -> AgentCard:
        """An agent's own move."""
        self.store.reach()
        agent = self.store.agents.get(agent_id)
        if agent is None:
            raise UnknownAgent(f"no agent has the id {agent_id}")
        if event not in SAID_BY_AGENT:
            raise IllegalMove("agent", agent.state, event)
        moves.agent_says(agent, event, now=now, reason=reason)
        return moves.card_of(agent, self.store.skills[agent_id], self.store.phone_seen(agent))

    async def at_work(self) -> tuple[AgentCard, ...]:
        """The agents who are at work."""
        self.store.reach()
        here = (agent for agent in self.store.agents.values() if agent.state in AT_WORK)
        return tuple(moves.card_of(agent, self.store.skills[agent.id]) for agent in here)

    async def seen(self, agent_id: int, *, now: float) -> None:
        """A browser of this agent gave a sign of life."""
        self.store.reach()
        self.store.agents[agent_id].desk_seen_at = now

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """The agent's open offer, or the last one while in wrap-up."""
        store = self.store
        store.reach()
        mine = [offer for offer in store.offers.values() if offer.agent_id == agent_id]
        found = [offer for offer in mine if offer.closed_at is None]
        if not found and store.agents[agent_id].state == AgentState.WRAP_UP:
            found = [offer for offer in mine if offer.state == OfferState.COMPLETED]
        if not found:
            return None
        rows = [row for row in store.talk_recordings.values() if row.call_id == found[-1].call_id and not row.ended_at]
        recording = seen(rows[-1]) if rows and found[-1].closed_at is None else None
        return replace(moves.seen_of(found[-1], store.needs[found[-1].need_id]), recording=recording)

    async def wrap_up(self, agent_id: int, offer_id: int, *, disposition: str, note: str, now: float) -> bool:
        """Store the outcome of a conversation."""
        self.store.reach()
        offer = self.store.offers.get(offer_id)
        return offer is not None and moves.wrap_up(offer, agent_id, disposition, note, now)

    async def draft(self, agent_id: int, offer_id: int, *, disposition: str | None, note: str) -> bool:
        """Keep what an agent has entered so far."""
        self.store.reach()
        offer = self.store.offers.get(offer_id)
        return offer is not None and moves.note_draft(offer, agent_id, disposition, note)

    async def extend_wrap_up(self, agent_id: int, offer_id: int, *, by_s: float, most: int, now: float) -> bool:
        """Give an agent more time."""
        self.store.reach()
        seen = await self.offer_of(agent_id)
        if seen is None or seen.offer_id != offer_id:
            return False
        agent, offer = self.store.agents[agent_id], self.store.offers[offer_id]
        return moves.extend_wrap_up(agent, offer, by_s=by_s, most=most, now=now)

    async def queue_state(self, *, now: float) -> tuple[QueueSeen, ...]:
        """Queues in which somebody waits."""
        self.store.reach()
        queues: dict[str, list[float]] = {}
        for need in self.store.needs.values():
            if need.closed_at is None and need.state != NeedState.TALKING and need.kind == CALL:
                queues.setdefault(need.queue, []).append(need.since)
        return tuple(
            QueueSeen(queue, len(since), max(now - min(since), 0.0)) for queue, since in sorted(queues.items())
        )
