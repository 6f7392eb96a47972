"""The store that a centre in turmoil stands on, the twins in memory or a database, and its rows for an audit."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import func, select

from ivr.heartbeat import Life
from ivr.ports import Callbacks, CallLog, Exchange, Roster, Talks
from ivr.testing.databases import fresh_database, fresh_url
from ivr.testing.records import MemoryCallLog, MemoryExchange, MemoryRoster, MemoryStore
from ivr.testing.selfservice import MemoryCallbacks
from ivr.testing.talks import MemoryTalks
from ivr.testing.turmoil.audit import AgentKept, NeedSeen, OfferKept, Picture
from ivr.testing.turmoil.wishes import WishKept
from ivr.testing.world import CHEAP
from models.agents import Agents
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from models.nodes import Nodes
from models.tables import AgentRow, CallbackRow, CallRow, NeedRow, NodeRow, OfferRow
from models.talks import Talks as StoredTalks


class Ground(Protocol):
    """One truth for several nodes."""

    @property
    def roster(self) -> Roster: ...

    @property
    def callbacks(self) -> Callbacks: ...

    @property
    def talks(self) -> Talks: ...

    def exchange(self, node: str) -> Exchange: ...

    def log(self, node: str) -> CallLog: ...

    def life(self, node: str) -> Life: ...

    async def add_agent(self, name: str, skills: Mapping[str, int]) -> int: ...

    async def picture(self) -> Picture:
        """The rows as they are."""
        ...

    async def open_ones(self) -> Picture:
        """The needs and offers that are open."""
        ...

    async def offers_made(self) -> int:
        """How many offers were made so far."""
        ...

    async def tally(self) -> Counter[str]:
        """Offers by their state and needs by their outcome."""
        ...

    async def forget(self, calls: frozenset[str]) -> dict[str, str | None]:
        """Look no longer at calls that are over, where it would cost time: how the last need of each was closed."""
        ...


class TerseLog(MemoryCallLog):
    """The book of calls without the events of calls, which a million calls would fill the memory with."""

    def event(self, call_id: str, kind: str, now: float, **data: Any) -> None:
        """Keep nothing."""


class MemoryNodes:
    """Twin of `models.nodes.Nodes` for what a node says of itself; time is told by who asks in its place."""

    def __init__(self, store: MemoryStore, name: str) -> None:
        self._store, self._name = store, name

    async def started(self, *, now: float) -> None:
        """A new process."""
        self._store.nodes[self._name] = NodeRow(name=self._name, started_at=now, seen_at=now)

    async def seen(self, *, now: float) -> None:
        """It lives."""
        self._store.nodes[self._name].seen_at = now

    async def time(self) -> float:
        """There is no other clock than the simulation's."""
        raise NotImplementedError


class MemoryGround:
    """The twins in memory."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.roster = MemoryRoster(self.store)
        self.callbacks: Callbacks = MemoryCallbacks(self.store)
        self.talks: Talks = MemoryTalks(self.store)
        self._dropped = Counter[str]()  #: rows of calls that are over

    def exchange(self, node: str) -> Exchange:
        """Of a node."""
        return MemoryExchange(self.store, node)

    def log(self, node: str) -> CallLog:
        """Of a node."""
        return TerseLog(self.store, node)

    def life(self, node: str) -> Life:
        """Of a node."""
        return MemoryNodes(self.store, node)

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
            [WishKept.of(row) for row in store.callbacks.values()],
        )

    async def open_ones(self) -> Picture:
        """The needs and offers that are open."""
        offers = [offer_kept(row) for row in self.store.open_offers()]
        return Picture([need_kept(row) for row in self.store.needs.values() if row.closed_at is None], offers, (), {})

    async def offers_made(self) -> int:
        """By the numbers given out."""
        return self.store.numbers["offers"]

    async def tally(self) -> Counter[str]:
        """Of all, those dropped included."""
        return self._dropped + _tally(
            self.store.needs.values(), self.store.offers.values(), self.store.callbacks.values()
        )

    async def forget(self, calls: frozenset[str]) -> dict[str, str | None]:
        """Drop calls that are over, with what belongs to them."""
        store = self.store
        left_open = {row.call_id for row in store.needs.values() if row.closed_at is None}
        left_open |= {row.call_id for row in store.open_offers()}
        over = {id_ for id_ in calls - left_open if id_ not in store.calls or store.calls[id_].ended_at is not None}
        needs = [row for row in store.needs.values() if row.call_id in over]
        offers = [row for row in store.offers.values() if row.call_id in over]
        wishes = [row for row in store.callbacks.values() if row.closed_at is not None]
        self._dropped += _tally(needs, offers, wishes)
        for wish in wishes:
            del store.callbacks[wish.id]
        for need in needs:
            del store.needs[need.id]
        for offer in offers:
            del store.offers[offer.id]
        for call_id in over:
            store.calls.pop(call_id, None)
        store.events = [event for event in store.events if event.call_id not in over]
        return dict.fromkeys(over) | {need.call_id: need.outcome for need in needs}


def _tally(needs: Iterable[NeedRow], offers: Iterable[OfferRow], wishes: Iterable[CallbackRow]) -> Counter[str]:
    return Counter(
        [
            *(f"needs_{row.outcome or row.state}" for row in needs),
            *(f"offers_{row.state}" for row in offers),
            *(f"callbacks_{row.outcome or row.state}" for row in wishes),
        ]
    )


class DatabaseGround:
    """A database; each node has its own journal of calls."""

    def __init__(self, database: Database, logs: Mapping[str, CallJournal]) -> None:
        self.database, self._logs = database, logs
        self._agents = Agents(database, CHEAP)
        self.roster: Roster = self._agents
        self.callbacks: Callbacks = CallbackBook(database)
        self.talks: Talks = StoredTalks(database)
        self._needs_from = self._offers_from = self._wishes_from = (
            0  #: rows before these are over and no longer looked at
        )

    def exchange(self, node: str) -> Exchange:
        """Of a node."""
        return Claims(self.database, node)

    def log(self, node: str) -> CallLog:
        """Of a node."""
        return self._logs[node]

    def life(self, node: str) -> Life:
        """Of a node."""
        return Nodes(self.database, node)

    async def add_agent(self, name: str, skills: Mapping[str, int]) -> int:
        """A new agent, logged out."""
        return (await self._agents.add(name, name.title(), "", f"PJSIP/{name}", skills)).id

    async def picture(self) -> Picture:
        """The rows as they are, of one moment."""
        for log in self._logs.values():
            while log.waiting:  # noqa: ASYNC110  # it writes by itself, and tells who asks for one call
                await asyncio.sleep(0)
        async with self.database.read() as session:
            needs = (await session.scalars(select(NeedRow).where(NeedRow.id >= self._needs_from))).all()
            offers = (await session.scalars(select(OfferRow).where(OfferRow.id >= self._offers_from))).all()
            agents = (await session.scalars(select(AgentRow))).all()
            wishes = (await session.scalars(select(CallbackRow).where(CallbackRow.id >= self._wishes_from))).all()
            asked = {need.call_id for need in needs}
            over = select(CallRow.id, CallRow.ended_at).where(CallRow.ended_at.is_not(None), CallRow.id.in_(asked))
            ended = {call_id: ended_at for call_id, ended_at in await session.execute(over) if ended_at is not None}
            return Picture(
                [need_kept(row) for row in needs],
                [offer_kept(row) for row in offers],
                [AgentKept(row.id, row.state, row.version, row.wrap_up_until) for row in agents],
                ended,
                [WishKept.of(row) for row in wishes],
            )

    async def open_ones(self) -> Picture:
        """The needs and offers that are open."""
        async with self.database.read() as session:
            needs = (await session.scalars(select(NeedRow).where(NeedRow.closed_at.is_(None)))).all()
            offers = (await session.scalars(select(OfferRow).where(OfferRow.closed_at.is_(None)))).all()
            return Picture([need_kept(row) for row in needs], [offer_kept(row) for row in offers], (), {})

    async def offers_made(self) -> int:
        """By the newest."""
        async with self.database.read() as session:
            return await session.scalar(select(func.max(OfferRow.id))) or 0

    async def tally(self) -> Counter[str]:
        """Of all."""
        async with self.database.read() as session:
            needs = await session.execute(
                select(NeedRow.outcome, NeedRow.state, func.count()).group_by("outcome", "state")
            )
            offers = await session.execute(select(OfferRow.state, func.count()).group_by("state"))
            wishes = await session.execute(
                select(CallbackRow.outcome, CallbackRow.state, func.count()).group_by("outcome", "state")
            )
            told = Counter({f"offers_{state}": number for state, number in offers})
            for outcome, state, number in wishes:
                told[f"callbacks_{outcome or state}"] += number
            for outcome, state, number in needs:
                told[f"needs_{outcome or state}"] += number
            return told

    async def forget(self, calls: frozenset[str]) -> dict[str, str | None]:
        """Look no longer at the rows before the oldest that is open."""
        now = await self.open_ones()
        async with self.database.read() as session:
            newest_need = await session.scalar(select(func.max(NeedRow.id))) or 0
            newest_offer = await session.scalar(select(func.max(OfferRow.id))) or 0
            newest_wish = await session.scalar(select(func.max(CallbackRow.id))) or 0
            oldest_wish = await session.scalar(select(func.min(CallbackRow.id)).where(CallbackRow.closed_at.is_(None)))
            closed = select(NeedRow.call_id, NeedRow.outcome).where(NeedRow.call_id.in_(calls)).order_by(NeedRow.id)
            outcomes = {call_id: outcome for call_id, outcome in await session.execute(closed)}
        self._needs_from = min([*(n.id for n in now.needs), *(o.need_id for o in now.offers), newest_need + 1])
        self._wishes_from = newest_wish + 1 if oldest_wish is None else oldest_wish
        self._offers_from = min([*(o.id for o in now.offers), newest_offer + 1])
        left_open = {need.call_id for need in now.needs} | {offer.call_id for offer in now.offers}
        return {call_id: outcomes.get(call_id) for call_id in calls - left_open}


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
        row.kind,
        row.sent is not None,
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


async def prepared(kind: str, folder: Path) -> None:
    """Begin the server, if there is one, and the database that fresh ones are copied from: that takes real time."""
    async with fresh_url(kind, folder):
        return
