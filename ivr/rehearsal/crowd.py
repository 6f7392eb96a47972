"""Others who wait before the caller, and agents who talk to others: what an expected wait rests on."""

import asyncio

from ivr.rehearsal.schema import Crowd, seconds_of
from ivr.testing.stage import Stage
from ivr.testing.store import MemoryStore
from models.moves import close, stated
from models.tables import NeedRow, OfferRow
from routing.agent import AgentState
from routing.offer import OfferState
from routing.outlook import Lately
from routing.views import NeedWish

#: Services that are known of a queue in which others are served.
SEEN = 50
#: How long before the call the first of them came.
BEFORE_S = 3600.0


class Others:
    """The same crowd in every queue. Those who wait are served one after the other as the agents come to an end."""

    def __init__(self, stage: Stage, crowd: Crowd, languages: tuple[str, ...]) -> None:
        self._stage, self._every_s = stage, seconds_of(crowd.talks) / crowd.at_work
        self._waiting: list[list[NeedRow]] = []
        store, now = stage.store, stage.clock.now()
        for name, queue in stage.parts.queues.items():
            skills = {**dict.fromkeys(queue.skills, 10), **dict.fromkeys((f"lang:{one}" for one in languages), 10)}
            for number in range(crowd.at_work):
                agent = store.add_agent(f"{name}-{number}", skills=skills, state=AgentState.BUSY, since=now)
                _talks(store, agent.id)
            others = []
            for number in range(crowd.ahead):
                wish = NeedWish(name, queue.skills, languages[0], "", since=now - BEFORE_S + number)
                need = stated(f"{name}-{number}", wish, now)
                need.id = len(store.needs) + 1
                others.append(store.needs.setdefault(need.id, need))
            self._waiting.append(others)
            stage.waits.seen[name] = Lately(SEEN, seconds_of(crowd.talks))

    async def are_served(self) -> None:
        """Until nobody of them waits any more."""
        for first in zip(*self._waiting, strict=True):
            await asyncio.sleep(self._every_s)
            for need in first:
                if need.closed_at is None:
                    close(need, "lost", self._stage.clock.now())


def _talks(store: MemoryStore, agent_id: int) -> None:
    """The offer of an agent who talks to somebody else: without one the sweep would free them."""
    id_ = len(store.offers) + 1
    store.offers[id_] = OfferRow(
        id=id_, call_id="", need_id=0, agent_id=agent_id, node="", fence=0, state=OfferState.OFFERED.value, why={}
    )
