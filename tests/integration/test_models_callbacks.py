"""Wishes to be called back: the same tests on the twin, on SQLite and PostgreSQL; races of two nodes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from ivr.ports import Callbacks, CallLog, Exchange
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database, fresh_url
from ivr.testing.records import MemoryCallLog, MemoryExchange, MemoryStore
from ivr.testing.selfservice import MemoryCallbacks
from menus.facts import CallerFacts
from models.agents import Agents
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.claims import Claims
from models.database import Database
from routing.agent import AgentEvent, AgentState
from routing.call import Arrival, Ending, Reason, Result
from routing.callback import CallbackEvent, CallbackSeen, CallbackState, CallbackWish
from routing.decision import decide
from routing.errors import StoreAway
from routing.offer import Claimed
from routing.views import NeedWish

T = 1_790_000_000.0
ANI = "+8613800000001"
WISH = CallbackWish(
    "c0",
    ANI,
    7,
    "cards",
    "Lost card",
    "zh",
    "keep_place",
    T - 300,
    T,
    {"cards": 3},
    tier=2,
    credit_s=60.0,
    hours="service",
)
DATABASES = [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)]


@dataclass
class World:
    """One store of callbacks, with the calls that bear on it."""

    callbacks: Callbacks
    log: CallLog
    exchange: Exchange
    add_agent: Callable[[], Awaitable[None]]

    async def only(self, now=T) -> CallbackSeen:
        (seen,) = await self.callbacks.all_open(now=now)
        return seen

    async def claimed(self, wish=WISH, now=T) -> CallbackSeen:
        id_ = await self.callbacks.request(wish, now=now)
        seen = await self.callbacks.claim(id_, 0, node="node-a", now=now, lease_s=45)
        assert seen is not None
        return seen

    async def call(self, call_id: str, ani: str = ANI, *, over: bool = False) -> None:
        arrival = Arrival(call_id, call_id, "PJSIP/x", ani, "", "")
        self.log.opened(arrival, now=T, facts=CallerFacts(ani), language="en", book_version=1)
        if over:
            self.log.ended(call_id, Ending(Result.LEFT, Reason.IN_MENU), T + 1)
        assert await self.log.settle(call_id, deadline_s=5)


@pytest.fixture(params=["memory", *DATABASES])
async def world(request, tmp_path) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore()

        async def add_agent() -> None:
            store.add_agent("anna", skills={"general": 5, "lang:en": 5}, state=AgentState.READY)

        yield World(MemoryCallbacks(store), MemoryCallLog(store), MemoryExchange(store), add_agent)
        return
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
        log = await stack.enter_async_context(CallJournal(database, "node-a"))

        async def add_agent() -> None:
            agents = Agents(database)
            card = await agents.add("anna", "", "", "PJSIP/anna", {"general": 5, "lang:en": 5})
            await agents.say(card.id, AgentEvent.SIGN_IN, now=T)
            await agents.say(card.id, AgentEvent.READY, now=T)

        yield World(CallbackBook(database), log, Claims(database), add_agent)


async def test_a_wish_is_kept_as_it_was_wished(world):
    id_ = await world.callbacks.request(WISH, now=T - 1)
    seen = await world.only()
    assert (seen.id, seen.wish, seen.state, seen.tries) == (id_, WISH, CallbackState.WAITING, 0)
    assert (seen.next_at, seen.made_at) == (T, T - 1)
    assert await world.callbacks.find(id_, 0) == seen


async def test_a_wish_is_not_seen_before_it_is_due(world):
    await world.callbacks.request(replace(WISH, due_at=T + 60), now=T)
    assert await world.callbacks.all_open(now=T + 59) == ()
    assert (await world.only(T + 60)).next_at == T + 60


async def test_wishes_come_in_the_order_of_their_places(world):
    for number, since, credit_s in (("1", T - 10, 0.0), ("2", T - 90, 0.0), ("3", T - 20, 100.0)):
        wish = replace(WISH, number=f"+86138{number}", since=since, credit_s=credit_s)
        await world.callbacks.request(wish, now=T)
    assert [one.wish.number[-1] for one in await world.callbacks.all_open(now=T)] == ["3", "2", "1"]


async def test_a_second_wish_of_a_number_for_a_queue_replaces_the_first_and_keeps_its_place(world):
    first = await world.callbacks.request(WISH, now=T - 60)
    second = await world.callbacks.request(replace(WISH, since=T, reason="Cards"), now=T)
    seen = await world.only()
    assert (seen.id, seen.wish.reason, seen.wish.since) == (second, "Cards", WISH.since)
    assert second != first
    assert await world.callbacks.find(first, 0) is None


async def test_another_kind_of_wish_does_not_inherit_the_place(world):
    await world.callbacks.request(WISH, now=T - 60)
    await world.callbacks.request(replace(WISH, kind="at", since=T), now=T)
    assert (await world.only()).wish.since == T


async def test_a_number_may_wait_for_two_queues(world):
    await world.callbacks.request(WISH, now=T)
    await world.callbacks.request(replace(WISH, queue="general"), now=T)
    assert len(await world.callbacks.all_open(now=T)) == 2


async def test_a_claim_takes_a_wish_once_and_moves_its_fence(world):
    id_ = await world.callbacks.request(WISH, now=T)
    seen = await world.callbacks.claim(id_, 0, node="node-a", now=T, lease_s=45)
    assert (seen.fence, seen.state, seen.tries, seen.node, seen.next_at) == (
        1,
        CallbackState.DIALLING,
        1,
        "node-a",
        T + 45,
    )
    assert seen.call_id == f"callback-{id_}-1"
    for fence in (0, 1):
        assert await world.callbacks.claim(id_, fence, node="node-b", now=T, lease_s=45) is None


async def test_a_wish_that_is_not_due_is_not_claimed(world):
    id_ = await world.callbacks.request(replace(WISH, due_at=T + 5), now=T)
    assert await world.callbacks.claim(id_, 0, node="node-a", now=T + 4, lease_s=45) is None


async def test_an_accepted_callback_is_served(world):
    seen = await world.claimed()
    assert await world.callbacks.move(seen.id, 1, CallbackEvent.ACCEPT, now=T + 9, until=T + 69)
    assert ((await world.only()).state, (await world.only()).next_at) == (CallbackState.TALKING, T + 69)
    assert await world.callbacks.move(seen.id, 1, CallbackEvent.SERVE, now=T + 99)
    assert await world.callbacks.all_open(now=T + 99) == ()


async def test_a_callback_that_came_to_nothing_is_tried_again_not_before_its_time(world):
    seen = await world.claimed()
    assert await world.callbacks.move(seen.id, 1, CallbackEvent.RETRY, now=T + 30, until=T + 930)
    assert await world.callbacks.all_open(now=T + 929) == ()
    again = await world.callbacks.claim(seen.id, 1, node="node-b", now=T + 930, lease_s=45)
    assert (again.fence, again.tries, again.node) == (2, 2, "node-b")


async def test_a_late_word_on_an_earlier_claim_changes_nothing(world):
    seen = await world.claimed()
    await world.callbacks.move(seen.id, 1, CallbackEvent.RETRY, now=T + 30, until=T + 30)
    assert not await world.callbacks.move(seen.id, 1, CallbackEvent.RETRY, now=T + 31, until=T + 99)
    await world.callbacks.claim(seen.id, 1, node="node-b", now=T + 31, lease_s=45)
    for event in (CallbackEvent.ACCEPT, CallbackEvent.SERVE, CallbackEvent.MISS, CallbackEvent.HOLD):
        assert not await world.callbacks.move(seen.id, 1, event, now=T + 32)
    assert (await world.only()).state is CallbackState.DIALLING
    assert await world.callbacks.find(seen.id, 1) is None


async def test_a_claim_is_made_by_no_other_verb(world):
    id_ = await world.callbacks.request(WISH, now=T)
    assert not await world.callbacks.move(id_, 0, CallbackEvent.DIAL, now=T)
    assert (await world.only()).state is CallbackState.WAITING


async def test_who_comes_back_by_themselves_is_not_called_any_more(world):
    seen = await world.claimed()
    assert not await world.callbacks.came_back(ANI, "general", now=T)
    assert await world.callbacks.came_back(ANI, "cards", now=T)
    assert not await world.callbacks.came_back(ANI, "cards", now=T)
    assert not await world.callbacks.move(seen.id, 1, CallbackEvent.RETRY, now=T, until=T)
    assert await world.callbacks.all_open(now=T) == ()


@pytest.mark.parametrize("call", ["c1", "callback-9-1"])
async def test_a_number_that_is_on_a_call_with_us_is_on_the_line(world, call):
    await world.callbacks.request(WISH, now=T)
    await world.call("c0", over=True)
    await world.call("other", "+8613800000002")
    assert not (await world.only()).on_the_line
    await world.call(call)
    assert (await world.only()).on_the_line


async def test_the_wish_that_waits_is_found_by_number_and_queue_until_it_is_called_for(world):
    await world.callbacks.request(WISH, now=T)
    seen = await world.only()
    assert await world.callbacks.waiting(ANI, WISH.queue) == replace(seen, on_the_line=False)
    assert await world.callbacks.waiting(ANI, "other") is None
    await world.callbacks.claim(seen.id, 0, node="node-a", now=T, lease_s=45)
    assert await world.callbacks.waiting(ANI, WISH.queue) is None


async def test_a_customer_is_called_for_one_wish_after_the_other(world):
    first = await world.claimed()
    await world.callbacks.request(replace(WISH, queue="general"), now=T)
    other = next(one for one in await world.callbacks.all_open(now=T) if one.id != first.id)
    assert other.on_the_line
    assert await world.callbacks.claim(other.id, 0, node="node-b", now=T, lease_s=45) is None
    assert await world.callbacks.move(first.id, first.fence, CallbackEvent.SERVE, now=T)
    assert not (await world.only()).on_the_line
    assert await world.callbacks.claim(other.id, 0, node="node-b", now=T, lease_s=45) is not None


async def test_who_wishes_anew_while_their_phone_may_still_ring_is_not_called_meanwhile(world):
    first = await world.claimed()
    await world.callbacks.request(WISH, now=T + 5)
    assert await world.callbacks.all_open(now=first.next_at - 1) == ()
    (anew,) = await world.callbacks.all_open(now=first.next_at)
    assert (anew.state, anew.wish.since) == (CallbackState.WAITING, WISH.since)


async def test_a_call_that_an_agent_answered_is_known_by_its_claim(world):
    await world.add_agent()
    seen = await world.claimed()
    assert not (await world.only()).talked
    await world.call(seen.call_id)
    wish = NeedWish("general", {"general": 1}, "en", "x", since=T - 300)
    assert (await world.exchange.open_need(seen.call_id, wish, now=T)).since == T - 300
    (decision,) = decide(await world.exchange.snapshot(now=T), T)
    claim = await world.exchange.claim(decision, node="node-a", now=T, lease_s=15)
    assert isinstance(claim, Claimed)
    assert not (await world.only()).talked
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T)
    assert (await world.only()).talked


async def test_a_need_with_a_kept_place_stated_again_keeps_its_version(world):
    await world.call("c1")
    wish = NeedWish("general", {"general": 1}, "en", "x", since=T - 300)
    first = await world.exchange.open_need("c1", wish, now=T)
    assert await world.exchange.open_need("c1", wish, now=T + 9) == first


async def test_a_place_kept_from_the_future_is_none(world):
    await world.call("c1")
    need = await world.exchange.open_need("c1", NeedWish("general", {"general": 1}, "en", "x", since=T + 9), now=T)
    assert need.since == T


# --- databases only -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DATABASES)
async def test_of_many_claims_by_two_nodes_each_wish_is_won_once(kind, tmp_path):
    async with fresh_url(kind, tmp_path) as url, Database.opened(url) as one, Database.opened(url) as other:
        books = CallbackBook(one), CallbackBook(other)
        ids = [await books[0].request(replace(WISH, number=f"+8613800000{n:03}"), now=T) for n in range(20)]

        async def claim_all(book: CallbackBook, node: str) -> list[int]:
            won = []
            for id_ in ids:
                try:
                    seen = await book.claim(id_, 0, node=node, now=T, lease_s=45)
                except StoreAway:
                    continue  # the database was busy: tried again in the next round
                won += [] if seen is None else [seen.id]
            return won

        won = await asyncio.gather(claim_all(books[0], "node-a"), claim_all(books[1], "node-b"))
        seen = await books[0].all_open(now=T)
    assert sorted(won[0] + won[1]) == sorted(set(won[0] + won[1]))
    assert {one.tries for one in seen if one.state is CallbackState.DIALLING} == {1}


@pytest.mark.parametrize("kind", DATABASES)
async def test_wishes_of_one_number_at_the_same_moment_leave_one_open(kind, tmp_path):
    async with fresh_url(kind, tmp_path) as url, Database.opened(url) as one, Database.opened(url) as other:
        books = CallbackBook(one), CallbackBook(other)
        await asyncio.gather(*(books[n % 2].request(WISH, now=T + n) for n in range(6)), return_exceptions=True)
        assert len(await books[0].all_open(now=T + 9)) == 1
        outcomes = [one.outcome for one in await books[0].recent(closed_since=0)]
    assert outcomes.count(None) == 1
    assert set(outcomes) <= {None, "replaced"}


@pytest.mark.parametrize("kind", DATABASES)
async def test_of_two_wishes_of_a_customer_two_nodes_claim_one(kind, tmp_path):
    async with fresh_database(kind, tmp_path) as database:
        nodes = [CallbackBook(database), CallbackBook(database)]
        for number in range(10):
            wish = replace(WISH, number=f"+861380000010{number}")
            ids = [await nodes[0].request(replace(wish, queue=queue), now=T) for queue in ("cards", "general")]
            claims = [node.claim(id_, 0, node="n", now=T, lease_s=45) for node, id_ in zip(nodes, ids, strict=True)]
            assert len([one for one in await asyncio.gather(*claims) if one is not None]) == 1


@pytest.mark.parametrize("kind", DATABASES)
async def test_the_list_has_what_is_open_and_what_was_closed_since(kind, tmp_path):
    async with fresh_database(kind, tmp_path) as database:
        book = CallbackBook(database)
        for number, closed_at in (("1", T - 100), ("2", T - 5), ("3", None)):
            id_ = await book.request(replace(WISH, number=f"+86138{number}"), now=T - 200)
            if closed_at is not None:
                await book.move(id_, 0, CallbackEvent.MISS, now=closed_at)
        found = await book.recent(closed_since=T - 50)
    assert [(one.wish.number[-1], one.outcome, one.closed_at) for one in found] == [
        ("3", None, None),
        ("2", "missed", T - 5),
    ]


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_full_queue_keeps_no_other_and_nothing_that_is_carried_out_from_being_seen(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("models.callbacks.MOST_OPEN", 2)
    async with fresh_database(kind, tmp_path) as database:
        book = CallbackBook(database)
        ids = [await book.request(replace(WISH, number=f"+86{n}", since=T - 900 + n), now=T) for n in range(5)]
        other = await book.request(replace(WISH, queue="general", since=T), now=T)
        assert await book.claim(ids[4], 0, node="node-a", now=T, lease_s=45) is not None
        assert [one.id for one in await book.all_open(now=T)] == [*ids[:2], ids[4], other]
