"""One store with everything that stands on it, for the tests that every store passes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from ivr.ports import Callbacks, CallLog, Exchange, Roster, Talks, Waits
from ivr.rescue import LeftBehind
from ivr.testing.databases import fresh_database
from ivr.testing.records import MemoryCallLog, MemoryExchange, MemoryRoster, MemoryStore
from ivr.testing.rescues import MemoryRescues
from ivr.testing.selfservice import MemoryCallbacks
from ivr.testing.talks import MemoryTalks
from ivr.testing.waits import MemoryWaits
from menus.facts import CallerFacts
from models.agents import Agents
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.claims import Claims
from models.locks import open_need
from models.rescues import Rescues
from models.tables import AgentRow, CallRow, NodeRow
from models.talks import Talks as StoredTalks
from models.waits import WaitBook
from routing.agent import AgentEvent, AgentState
from routing.call import Arrival
from routing.decision import Decision, decide
from routing.offer import Claimed
from routing.set_aside import OfferRules
from routing.views import NeedWish, Swept

T = 1_790_000_000.0
SKILLS = {"general": 5, "lang:en": 5}
WISH = NeedWish("general", {"general": 1}, "en", "balance")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class World:
    """One store, two nodes, and what the tests do on it."""

    exchange: Exchange
    roster: Roster
    log: CallLog
    other_log: CallLog  #: of another node on the same store
    other_exchange: Exchange  #: likewise
    add: Callable[[str, str, str, str, dict[str, int]], Awaitable[int]]
    row: Callable[[str], Awaitable[CallRow]]
    waits: Waits
    talks: Talks
    exchange_by: Callable[[OfferRules], Exchange]  #: of the first node, with rules of one's own
    put: Callable[[Any, int | str, dict[str, Any]], Awaitable[None]]  #: change a row by hand: table, key, values
    callbacks: Callbacks
    rescues: LeftBehind
    other_rescues: LeftBehind  #: of the other node

    async def agent(self, name: str = "anna", *, ready_at: float = T, **skills: int) -> int:
        """An agent who is ready."""
        card = await self.add(name, name.title(), "secret", f"PJSIP/{name}", {**SKILLS, **skills})
        await self.roster.say(card, AgentEvent.SIGN_IN, now=ready_at)
        await self.roster.say(card, AgentEvent.READY, now=ready_at)
        return card

    async def call(self, call_id: str = "c1", *, now: float = T) -> str:
        """A call that is on record."""
        self.log.opened(arrival(call_id), now=now, facts=CallerFacts(), language="en", book_version=1)
        assert await self.log.settle(call_id, deadline_s=5)
        return call_id

    async def offered(
        self, call_id: str = "c1", wish: NeedWish = WISH, *, now: float = T, lease_s: float = 15.0
    ) -> Claimed:
        """A call with an agent, offered."""
        await self.agent(f"agent-{call_id}", ready_at=now - 60)
        await self.call(call_id, now=now)
        await self.exchange.open_need(call_id, wish, now=now)
        claim = await self.exchange.claim(await self.decision(now=now), node="node-a", now=now, lease_s=lease_s)
        assert isinstance(claim, Claimed)
        return claim

    async def decision(self, *, now: float = T) -> Decision:
        """The only one that is to be made now."""
        (decision,) = decide(await self.exchange.snapshot(now=now), now)
        return decision

    async def state(self, agent_id: int) -> AgentState:
        """What an agent is doing."""
        card = await self.roster.card(agent_id)
        assert card is not None
        return card.state

    async def sweep(
        self,
        *,
        now: float,
        alive: frozenset[str] | None = None,
        desk_lost_s: float = 1e9,
        alive_at: float | None = None,
        phones: frozenset[tuple[str, str]] | None = None,
    ) -> Swept:
        """One sweep; unless told otherwise no browser is lost and the switch has not been asked."""
        return await self.exchange.sweep(
            now=now, desk_lost_s=desk_lost_s, alive=alive, wrap_up_s=30, alive_at=alive_at, phones=phones
        )


def arrival(call_id: str, rung: int = 1) -> Arrival:
    """A call as it comes in at the door."""
    return Arrival(call_id, call_id, f"PJSIP/trunk-{call_id}", "+8613800000001", "Li Na", "95500", rung)


def twin_world() -> World:
    """On the twins in memory."""
    store = MemoryStore()

    async def add(name: str, full_name: str, password: str, phone: str, skills: dict[str, int]) -> int:
        return store.add_agent(name, full_name, password, phone, skills).id

    async def row(call_id: str) -> CallRow:
        return store.calls[call_id]

    async def put(table: Any, key: Any, values: dict[str, Any]) -> None:
        if table is NodeRow:
            store.nodes[key] = NodeRow(name=key, **values)
            return
        row = store.agents[key] if table is AgentRow else store.open_need(key)
        for name, value in values.items():
            setattr(row, name, value)

    return World(
        MemoryExchange(store, "node-a"),
        MemoryRoster(store),
        MemoryCallLog(store, "node-a"),
        MemoryCallLog(store, "node-b"),
        MemoryExchange(store, "node-b"),
        add,
        row,
        MemoryWaits(store),
        MemoryTalks(store),
        lambda rules: MemoryExchange(store, "node-a", rules),
        put,
        MemoryCallbacks(store),
        MemoryRescues(store, "node-a"),
        MemoryRescues(store, "node-b"),
    )


@asynccontextmanager
async def stored_world(kind: str, folder: Path) -> AsyncIterator[World]:
    """On a fresh database of that kind, for the time of a block."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(kind, folder))
        roster = Agents(database, CHEAP)

        async def add(name: str, full_name: str, password: str, phone: str, skills: dict[str, int]) -> int:
            return (await roster.add(name, full_name, password, phone, skills)).id

        async def row(call_id: str) -> CallRow:
            async with database.read() as session:
                return await session.get_one(CallRow, call_id)

        async def put(table: Any, key: Any, values: dict[str, Any]) -> None:
            async with database.write() as session:
                if table is NodeRow:
                    await session.merge(NodeRow(name=key, **values))
                    return
                row = await session.get(AgentRow, key) if table is AgentRow else await session.scalar(open_need(key))
                for name, value in values.items():
                    setattr(row, name, value)

        log = await stack.enter_async_context(CallJournal(database, "node-a"))
        other_log = await stack.enter_async_context(CallJournal(database, "node-b"))
        exchange, other = Claims(database, "node-a"), Claims(database, "node-b")
        yield World(
            exchange,
            roster,
            log,
            other_log,
            other,
            add,
            row,
            WaitBook(database),
            StoredTalks(database),
            lambda rules: Claims(database, "node-a", rules),
            put,
            CallbackBook(database),
            Rescues(database, "node-a"),
            Rescues(database, "node-b"),
        )
