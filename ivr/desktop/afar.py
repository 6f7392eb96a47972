"""Agents whose browser is on another node: that node shows the pop, and says so through the database and a hint."""

import asyncio
from collections.abc import Callable

from ivr.desktop.measures import Measures
from ivr.ports import Clock, OfferSeen, Roster
from routing.errors import StoreAway


class Afar:
    """The browsers on the other nodes, as far as this one can reach them: `tell` names them an agent."""

    def __init__(self, roster: Roster, clock: Clock, measures: Measures, tell: Callable[[int], None]) -> None:
        self.tell = tell
        self._roster = roster
        self._clock = clock
        self._measures = measures
        self._awaited: dict[int, asyncio.Event] = {}  # agent whose pop is to be shown → set when their node says a word

    async def pop(self, agent_id: int, offer: OfferSeen, *, deadline_s: float) -> bool:
        """Have the pop of an offer shown; True when it is stored within the deadline that it stands on a screen."""
        word = self._awaited[agent_id] = asyncio.Event()
        begun = self._clock.monotonic()
        self.tell(agent_id)
        try:
            async with asyncio.timeout(deadline_s):
                while not await self._stands(agent_id, offer):
                    await word.wait()
                    word.clear()
        except (TimeoutError, StoreAway):
            self._measures.pops.labels("no_browser").inc()
            return False
        finally:
            if self._awaited.get(agent_id) is word:
                del self._awaited[agent_id]
        self._measures.pops.labels("shown").inc()
        self._measures.pop_shown_s.observe(self._clock.monotonic() - begun)
        return True

    def heard(self, agent_id: int) -> None:
        """Another node has said a word about this agent."""
        if agent_id in self._awaited:
            self._awaited[agent_id].set()

    async def _stands(self, agent_id: int, offer: OfferSeen) -> bool:
        seen = await self._roster.offer_of(agent_id)
        return seen is not None and seen.offer_id == offer.offer_id and seen.popped_at is not None
