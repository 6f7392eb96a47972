"""A roster whose truth a test sets by hand, for tests of the desktop."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from ivr.ports import AgentCard, OfferSeen, QueueSeen
from routing.agent import AT_WORK, AgentEvent, AgentState, move_agent
from routing.errors import StoreAway


class ScriptedRoster:
    """`ivr.ports.Roster` in memory: agents move by the table, everything else is as the test says."""

    def __init__(self, *cards: AgentCard, passwords: Mapping[str, str] | None = None) -> None:
        self.cards = {card.id: card for card in cards}
        self.offers: dict[int, OfferSeen] = {}
        self.queues: tuple[QueueSeen, ...] = ()
        self.passwords = dict(passwords or {})
        self.checked: list[tuple[str, str]] = []
        self.outcomes: list[tuple[int, int, str, str]] = []  #: agent, offer, disposition, note
        self.signs_of_life: list[int] = []
        self.read = asyncio.Event()  #: set whenever a card is being read
        self.away = False  #: the database cannot be reached
        self.stuck: asyncio.Event | None = None  #: what was read is handed over only when it is set

    def put(self, agent_id: int, **changes: object) -> AgentCard:
        """Change an agent's card, as the engine or another node would."""
        card = self.cards[agent_id]
        self.cards[agent_id] = replace(card, version=card.version + 1, **changes)  # type: ignore[arg-type]
        return self.cards[agent_id]

    def offer(self, agent_id: int, offer: OfferSeen | None, **changes: object) -> None:
        """Give an agent an offer, or take it away, and change the card with it."""
        if offer is None:
            self.offers.pop(agent_id, None)
        else:
            self.offers[agent_id] = offer
        self.put(agent_id, **changes)

    async def check_password(self, name: str, password: str) -> AgentCard | None:
        """The agent whose password it is."""
        self.checked.append((name, password))
        await self._reach()
        card = next((card for card in self.cards.values() if card.name == name), None)
        return card if card is not None and self.passwords.get(name) == password else None

    async def card(self, agent_id: int) -> AgentCard | None:
        """The agent's card."""
        self.read.set()
        card = self.cards.get(agent_id)
        await self._reach()
        return card

    async def by_name(self, name: str) -> AgentCard | None:
        """The agent's card."""
        await self._reach()
        return next((card for card in self.cards.values() if card.name == name), None)

    async def say(self, agent_id: int, event: AgentEvent, *, now: float, reason: str | None = None) -> AgentCard:
        """An agent's own move; PAUSE during a call is kept for after it."""
        await self._reach()
        card = self.cards[agent_id]
        if event is AgentEvent.PAUSE and card.state in (AgentState.OFFERED, AgentState.BUSY):
            return self.put(agent_id, pause_after=reason)
        sessions = card.sessions + (event is AgentEvent.SIGN_OUT)
        return self.put(
            agent_id, state=move_agent(card.state, event), since=now, pause_reason=reason, sessions=sessions
        )

    async def at_work(self) -> tuple[AgentCard, ...]:
        """The agents who are at work."""
        return tuple(card for card in self.cards.values() if card.state in AT_WORK)

    async def seen(self, agent_id: int, *, now: float) -> None:
        """Remember the sign of life."""
        await self._reach()
        self.signs_of_life.append(agent_id)

    async def offer_of(self, agent_id: int) -> OfferSeen | None:
        """The agent's offer."""
        offer = self.offers.get(agent_id)
        await self._reach()
        return offer

    async def wrap_up(self, agent_id: int, offer_id: int, *, disposition: str, note: str, now: float) -> bool:
        """Remember the outcome, if the offer is this agent's."""
        await self._reach()
        offer = self.offers.get(agent_id)
        if offer is None or offer.offer_id != offer_id:
            return False
        self.outcomes.append((agent_id, offer_id, disposition, note))
        self.offers[agent_id] = replace(offer, disposition=disposition, note=note)
        return True

    async def draft(self, agent_id: int, offer_id: int, *, disposition: str | None, note: str) -> bool:
        """Remember what was entered, if the offer is this agent's."""
        await self._reach()
        offer = self.offers.get(agent_id)
        if offer is None or offer.offer_id != offer_id:
            return False
        self.offers[agent_id] = replace(offer, disposition=disposition, note=note)
        return True

    async def extend_wrap_up(self, agent_id: int, offer_id: int, *, by_s: float, most: int, now: float) -> bool:
        """Move the end of the wrap-up, if the offer is this agent's."""
        await self._reach()
        offer, card = self.offers.get(agent_id), self.cards[agent_id]
        if offer is None or offer.offer_id != offer_id or card.wrap_up_until is None or offer.wrap_up_extended >= most:
            return False
        self.offers[agent_id] = replace(offer, wrap_up_extended=offer.wrap_up_extended + 1)
        self.put(agent_id, wrap_up_until=card.wrap_up_until + by_s)
        return True

    async def queue_state(self, *, now: float) -> tuple[QueueSeen, ...]:
        """The queues."""
        await self._reach()
        return self.queues

    async def _reach(self) -> None:
        if self.away:
            raise StoreAway
        if self.stuck is not None:
            await self.stuck.wait()
