"""The store that a centre in turmoil stands on, the twins in memory or a database, and its rows for an audit."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from ivr.ports import CallLog, Exchange, Roster
from ivr.testing.databases import fresh_database
from ivr.testing.records import MemoryCallLog, MemoryExchange, MemoryRoster, MemoryStore
from ivr.testing.turmoil.audit import AgentKept, NeedSeen, OfferKept, Picture
from ivr.testing.world import CHEAP
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from models.tables import AgentRow, CallRow, NeedRow, OfferRow


class Ground(Protocol):
    """One truth for several nodes."""

    @property
    def roster(self) -> Roster: ...

    def exchange(self, node: str) -> Exchange: ...

    def log(self, node: str) -> CallLog: ...

    async def add_agent(self, name: str, skills: Mapping[str, int]) -> int: ...

    async def picture(self) -> Picture:
        """The rows as they are."""
        ...

    async def forget(self, calls: frozenset[str]) -> None:
        """Drop the rows of calls that are over, where they would cost time."""
        ...


class TerseLog(MemoryCallLog):
    """The book of calls without the events of calls, which a million calls would fill the memory with."""

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None:
        """Keep nothing."""


class MemoryGround:
    """The twins in memory."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.roster = MemoryRoster(self.store)

    def exchange(self, node: str) -> Exchange:
        """Of a node."""
        return MemoryExchange(self.store, node)

    def log(self, node: str) -> CallLog:
        """Of a node."""
        return TerseLog(self.store, node)

    async def add_agent(self, name: str, skills: Mapping[str, int]) -> int:
        """A new agent, logged out."""
        return self.store.add_agent(name, skills=skills).id

    async def picture(self) -> Picture:
        """The rows as they are."""
        store = self.store
        return Picture(
            [need_kept(row) for row in store.needs.values()],
            [offer_kept(row) for row in store.offers.values()],
            [AgentKept(row.id, row.state, row.version, row.wrap_up_until) for row in store.agents.values()],
            {call.id: call.ended_at for call in store.calls.values() if call.ended_at is not None},
        )

    async def forget(self, calls: frozenset[str]) -> None:
        """Drop calls that are over, with what belongs to them."""
        store = self.store
        for call_id in calls:
            store.calls.pop(call_id, None)
        for needs in [id_ for id_, row in store.needs.items() if row.call_id in calls]:
            del store.needs[needs]
        for offers in [id_ for id_, row in store.offers.items() if row.call_id in calls]:
            del store.offers[offers]
        store.events = [event for event in store.events if event.call_id not in calls]


class DatabaseGround:
    """A database; each node has its own journal of calls."""

    def __init__(self, database: Database, logs: Mapping[str, CallJournal]) -> None:
        self._database, self._logs = database, logs
        self._agents = Agents(database, CHEAP)
        self.roster: Roster = self._agents
        self._forgotten = 0  #: needs up to this one are over and no longer looked at

    def exchange(self, node: str) -> Exchange:
        """Of a node."""
        return Claims(self._database, node)

    def log(self, node: str) -> CallLog:
        """Of a node."""
        return self._logs[node]

    async def add_agent(self, name: str, skills: Mapping[str, int]) -> int:
        """A new agent, logged out."""
        return (await self._agents.add(name, name.title(), "", f"PJSIP/{name}", skills)).id

    async def picture(self) -> Picture:
        """The rows as they are, of one moment."""
        for log in self._logs.values():
            while log.waiting:  # noqa: ASYNC110  # it writes by itself, and tells who asks for one call
                await asyncio.sleep(0)
        async with self._database.read() as session:
            needs = (await session.scalars(select(NeedRow).where(NeedRow.id > self._forgotten))).all()
            offers = (await session.scalars(select(OfferRow).where(OfferRow.need_id > self._forgotten))).all()
            agents = (await session.scalars(select(AgentRow))).all()
            asked = {need.call_id for need in needs}
            over = select(CallRow.id, CallRow.ended_at).where(CallRow.ended_at.is_not(None), CallRow.id.in_(asked))
            ended = {call_id: ended_at for call_id, ended_at in await session.execute(over) if ended_at is not None}
            return Picture(
                [need_kept(row) for row in needs],
                [offer_kept(row) for row in offers],
                [AgentKept(row.id, row.state, row.version, row.wrap_up_until) for row in agents],
                ended,
            )

    async def forget(self, calls: frozenset[str]) -> None:
        """Look no longer at the needs before the oldest that is open."""
        async with self._database.read() as session:
            open_ones = await session.scalars(select(NeedRow.id).where(NeedRow.closed_at.is_(None)))
            newest = await session.scalar(select(NeedRow.id).order_by(NeedRow.id.desc()).limit(1))
        self._forgotten = min([*open_ones, (newest or 0) + 1]) - 1


def need_kept(row: NeedRow) -> NeedSeen:
    """A need as an audit sees it."""
    return NeedSeen(
        row.id,
        row.call_id,
        row.since,
        row.state,
        row.version,
        row.closed_at,
        row.outcome,
        frozenset(row.not_agents),
    )


def offer_kept(row: OfferRow) -> OfferKept:
    """An offer as an audit sees it."""
    return OfferKept(
        row.id, row.call_id, row.need_id, row.agent_id, row.fence, row.state, row.expires_at, row.closed_at
    )


@asynccontextmanager
async def stored_ground(kind: str, folder: Path, nodes: tuple[str, ...]) -> AsyncIterator[DatabaseGround]:
    """On a fresh database of that kind, for the time of a block."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(kind, folder))
        logs = {node: await stack.enter_async_context(CallJournal(database, node)) for node in nodes}
        yield DatabaseGround(database, logs)
