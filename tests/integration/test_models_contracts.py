"""What every store promises: the same tests on the twins in memory, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import pytest
from argon2 import PasswordHasher

from ivr.ports import CallLog, Exchange, Roster
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database
from ivr.testing.records import MemoryCallLog, MemoryExchange, MemoryRoster, MemoryStore
from menus.facts import CallerFacts
from models.agents import Agents
from models.calls import CallJournal
from models.claims import Claims
from models.tables import CallRow
from routing.agent import AgentEvent, AgentState
from routing.call import Arrival, CallEvent, Ending, Reason, Result
from routing.decision import Decision, decide
from routing.errors import IllegalMove, StoreAway
from routing.need import NeedState
from routing.offer import Claimed, Lost, OfferEvent
from routing.terms import Overflow, Softening, Terms
from routing.views import NeedWish, OfferSeen, QueueSeen, Swept

T = 1_790_000_000.0
SKILLS = {"general": 5, "lang:en": 5}
WISH = NeedWish("general", {"general": 1}, "en", "balance")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class World:
    """One store with everything that stands on it."""

    exchange: Exchange
    roster: Roster
    log: CallLog
    other_log: CallLog  #: of another node on the same store
    other_exchange: Exchange  #: likewise
    add: Any
    row: Any

    async def agent(self, name="anna", *, ready_at=T, **skills: int) -> int:
        card = await self.add(name, name.title(), "secret", f"PJSIP/{name}", {**SKILLS, **skills})
        await self.roster.say(card, AgentEvent.SIGN_IN, now=ready_at)
        await self.roster.say(card, AgentEvent.READY, now=ready_at)
        return card

    async def call(self, call_id="c1", *, now=T) -> str:
        self.log.opened(arrival(call_id), now=now, facts=CallerFacts(), language="en", book_version=1)
        assert await self.log.settle(call_id, deadline_s=5)
        return call_id

    async def offered(self, call_id="c1", wish=WISH, *, now=T, lease_s=15.0) -> Claimed:
        """A call with an agent, offered."""
        await self.agent(f"agent-{call_id}", ready_at=now - 60)
        await self.call(call_id, now=now)
        await self.exchange.open_need(call_id, wish, now=now)
        claim = await self.exchange.claim(await self.decision(now=now), node="node-a", now=now, lease_s=lease_s)
        assert isinstance(claim, Claimed)
        return claim

    async def decision(self, *, now=T) -> Decision:
        (decision,) = decide(await self.exchange.snapshot(now=now), now)
        return decision

    async def state(self, agent_id: int) -> AgentState:
        card = await self.roster.card(agent_id)
        assert card is not None
        return card.state

    async def sweep(self, *, now, alive=None, desk_lost_s=1e9, alive_at=None) -> Swept:
        return await self.exchange.sweep(now=now, desk_lost_s=desk_lost_s, alive=alive, wrap_up_s=30, alive_at=alive_at)


def as_stored(row: CallRow) -> dict[str, Any]:
    return {column.name: copy(getattr(row, column.name)) for column in CallRow.__table__.columns}


def arrival(call_id: str, rung=1) -> Arrival:
    return Arrival(call_id, call_id, f"PJSIP/trunk-{call_id}", "+8613800000001", "Li Na", "95500", rung)


@pytest.fixture(params=["memory", SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
async def world(request, tmp_path) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore()

        async def add(*about) -> int:
            return store.add_agent(*about).id

        async def row(call_id) -> CallRow:
            return store.calls[call_id]

        yield World(
            MemoryExchange(store, "node-a"),
            MemoryRoster(store),
            MemoryCallLog(store, "node-a"),
            MemoryCallLog(store, "node-b"),
            MemoryExchange(store, "node-b"),
            add,
            row,
        )
        return
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(fresh_database(request.param, tmp_path))
        roster = Agents(database, CHEAP)

        async def add(*about) -> int:
            return (await roster.add(*about)).id

        async def row(call_id) -> CallRow:
            async with database.read() as session:
                return await session.get_one(CallRow, call_id)

        log = await stack.enter_async_context(CallJournal(database, "node-a"))
        other_log = await stack.enter_async_context(CallJournal(database, "node-b"))
        yield World(Claims(database, "node-a"), roster, log, other_log, Claims(database, "node-b"), add, row)


# --- needs --------------------------------------------------------------------------------------------------------


async def test_a_need_is_stated_once_and_keeps_its_age(world):
    await world.call()
    first = await world.exchange.open_need("c1", WISH, now=T)
    again = await world.exchange.open_need("c1", WISH, now=T + 40)
    assert again == first
    assert again.since == T
    assert len((await world.exchange.snapshot(now=T + 40)).needs) == 1


async def test_a_need_stated_for_another_queue_moves_there_with_its_age(world):
    await world.call()
    first = await world.exchange.open_need("c1", WISH, now=T)
    moved = await world.exchange.open_need("c1", NeedWish("cards", {"cards": 2}, "zh", "card", 2, 60.0), now=T + 9)
    assert (moved.id, moved.queue, moved.required, moved.language) == (first.id, "cards", {"cards": 2}, "zh")
    assert (moved.since, moved.version) == (T, first.version + 1)


async def test_a_need_waits_for_the_record_of_its_call(world):
    with pytest.raises(StoreAway, match="not stored yet"):
        await world.exchange.open_need("nobody", WISH, now=T)


async def test_a_call_without_need_has_no_standing(world):
    await world.call()
    assert await world.exchange.standing("c1", now=T) is None


async def test_positions_follow_age_plus_credit_within_the_queue(world):
    for number, (queue, credit) in enumerate([("general", 0), ("cards", 0), ("general", 0), ("general", 35)]):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", NeedWish(queue, {}, "en", "", 1, credit), now=T + 10 * number)
    positions = [(await world.exchange.standing(f"c{number}", now=T + 60)).position for number in range(4)]
    assert positions == [2, 1, 3, 1]


async def test_callers_who_talk_already_are_not_in_front_of_those_who_wait(world):
    claim = await world.offered("talks")
    await world.call("c2")
    await world.exchange.open_need("c2", WISH, now=T + 1)
    assert (await world.exchange.standing("c2", now=T + 2)).position == 2
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 3)
    assert (await world.exchange.standing("c2", now=T + 4)).position == 1


async def test_the_standing_of_an_offered_call_names_agent_phone_and_fence(world):
    claim = await world.offered()
    standing = await world.exchange.standing("c1", now=T + 1)
    assert standing.offer == claim
    assert (standing.queue, standing.since, standing.answered) == ("general", T, False)
    assert claim.phone == "PJSIP/agent-c1"


@pytest.mark.parametrize("outcome", ["abandoned", "gave_up", "lost", "served"])
async def test_closing_a_need_withdraws_the_offer_and_frees_the_agent_with_their_idle_time(world, outcome):
    claim = await world.offered()
    await world.exchange.close_need("c1", outcome, now=T + 5)
    assert await world.exchange.standing("c1", now=T + 5) is None
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.since) == (AgentState.READY, T - 60)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 6, lease_s=15)


async def test_closing_a_need_that_is_not_open_does_nothing(world):
    await world.offered("c2")
    await world.call()
    needs = (await world.exchange.snapshot(now=T)).needs
    calls = [as_stored(await world.row(call_id)) for call_id in ("c1", "c2")]
    await world.exchange.close_need("c1", "abandoned", now=T + 5)
    await world.exchange.close_need("nobody", "abandoned", now=T + 5)
    assert (await world.exchange.snapshot(now=T + 5)).needs == needs
    assert [as_stored(await world.row(call_id)) for call_id in ("c1", "c2")] == calls


async def test_a_need_cannot_be_closed_with_an_unknown_outcome(world):
    with pytest.raises(ValueError, match="happy"):
        await world.exchange.close_need("c1", "happy", now=T)


async def test_closing_the_need_of_a_conversation_leaves_the_agent_to_its_end(world):
    claim = await world.offered()
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 5)
    await world.exchange.close_need("c1", "served", now=T + 60)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 61, wrap_up_s=30)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP


# --- claims -------------------------------------------------------------------------------------------------------


async def test_a_claim_makes_a_decision_true_for_both_sides(world):
    claim = await world.offered()
    snapshot = await world.exchange.snapshot(now=T)
    assert snapshot.needs[0].state is NeedState.OFFERED
    assert snapshot.agents[0].state is AgentState.OFFERED
    assert decide(snapshot, T) == ()
    assert await world.state(claim.agent_id) is AgentState.OFFERED


async def test_the_same_decision_cannot_be_claimed_twice(world):
    await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    assert isinstance(await world.exchange.claim(decision, node="a", now=T, lease_s=15), Claimed)
    assert isinstance(await world.exchange.claim(decision, node="b", now=T, lease_s=15), Lost)


async def test_decisions_of_a_round_come_true_together_and_those_that_are_too_late_alone_are_lost(world):
    agents = [await world.agent(name) for name in ("anna", "bob", "carol")]
    for number in range(3):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", WISH, now=T + number)
    decisions = decide(await world.exchange.snapshot(now=T + 5), T + 5)
    assert len(decisions) == 3
    await world.exchange.close_need(decisions[0].call_id, "abandoned", now=T + 6)
    await world.roster.say(decisions[1].agent_id, AgentEvent.PAUSE, now=T + 6, reason="meal")
    claims = await world.exchange.claim_all(decisions, node="a", now=T + 7, lease_s=15)
    assert claims[:2] == (Lost("the need has moved on"), Lost("the agent has moved on"))
    assert isinstance(claims[2], Claimed)
    assert (claims[2].call_id, claims[2].agent_id) == (decisions[2].call_id, decisions[2].agent_id)
    states = [await world.state(agent) for agent in agents]
    assert sorted(states) == sorted([AgentState.READY, AgentState.PAUSED, AgentState.OFFERED])
    again = await world.exchange.claim_all(decisions, node="b", now=T + 7, lease_s=15)
    assert not any(isinstance(claim, Claimed) for claim in again)
    assert await world.exchange.claim_all((), node="a", now=T + 7, lease_s=15) == ()


async def test_a_need_and_an_agent_in_two_decisions_of_a_round_are_offered_once(world):
    await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    claims = await world.exchange.claim_all((decision, decision), node="a", now=T, lease_s=15)
    assert [isinstance(claim, Claimed) for claim in claims].count(True) == 1


async def test_the_terms_of_a_need_are_kept_and_a_need_stated_anew_takes_new_ones(world):
    terms = Terms(20.0, {"family": 2.0}, 7, 30.0, (Softening(60, {"general": 1}, ("zh",)),), (Overflow("b", {}, 9),))
    await world.call()
    stated = await world.exchange.open_need("c1", replace(WISH, terms=terms), now=T)
    kept = (await world.exchange.snapshot(now=T)).needs[0]
    assert (stated.terms, kept.terms) == (terms, terms)
    again = await world.exchange.open_need("c1", replace(WISH, terms=terms), now=T + 1)
    assert again.version == stated.version
    anew = await world.exchange.open_need("c1", WISH, now=T + 2)
    assert (anew.terms, anew.version) == (Terms(), stated.version + 1)


async def test_the_last_agent_is_the_one_who_talked_to_this_customer_or_number_last(world):
    claim = await world.offered()
    row = await world.row(claim.call_id)
    assert await world.exchange.last_agent(row.ani, row.customer_id, since=0.0) is None
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 5)
    found = [await world.exchange.last_agent(row.ani, row.customer_id, since=since) for since in (T, T + 6)]
    assert found == [claim.agent_id, None]
    assert await world.exchange.last_agent("+8613999999999", None, since=T) is None
    assert await world.exchange.last_agent(None, None, since=T) is None


async def test_an_agent_who_paused_since_the_snapshot_cannot_be_claimed_and_the_need_still_waits(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.roster.say(agent, AgentEvent.PAUSE, now=T, reason="meal")
    lost = await world.exchange.claim(decision, node="a", now=T, lease_s=15)
    assert lost == Lost("the agent has moved on")
    assert (await world.exchange.snapshot(now=T)).needs[0].state is NeedState.WAITING


async def test_an_agent_who_paused_and_is_ready_again_cannot_be_claimed_on_the_old_picture(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.roster.say(agent, AgentEvent.PAUSE, now=T + 1, reason="meal")
    await world.roster.say(agent, AgentEvent.READY, now=T + 2)
    assert isinstance(await world.exchange.claim(decision, node="a", now=T + 3, lease_s=15), Lost)


async def test_a_caller_who_left_since_the_snapshot_cannot_be_claimed_and_the_agent_stays_ready(world):
    agent = await world.agent()
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    decision = await world.decision()
    await world.exchange.close_need("c1", "abandoned", now=T)
    assert await world.exchange.claim(decision, node="a", now=T, lease_s=15) == Lost("the need has moved on")
    assert await world.state(agent) is AgentState.READY


async def test_a_need_that_was_offered_and_came_back_cannot_be_claimed_on_the_old_picture(world):
    await world.agent("anna")
    await world.agent("bob")
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    anna, bob = (await world.exchange.snapshot(now=T)).agents
    first = await world.decision()
    stale = Decision(first.need_id, first.need_version, bob.id, bob.version, "c1")
    claim = await world.exchange.claim(first, node="a", now=T, lease_s=15)
    assert claim.agent_id == anna.id
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.MISS, now=T + 5, wrap_up_s=0)
    assert await world.exchange.claim(stale, node="b", now=T + 6, lease_s=15) == Lost("the need has moved on")
    assert await world.state(bob.id) is AgentState.READY


async def test_an_agent_who_is_not_ready_and_a_need_that_does_not_wait_cannot_be_claimed_even_as_they_are(world):
    claim = await world.offered()
    other = await world.agent("other")
    await world.roster.say(other, AgentEvent.PAUSE, now=T, reason="meal")
    await world.call("c2")
    waiting = await world.exchange.open_need("c2", WISH, now=T)
    (offered,) = [need for need in (await world.exchange.snapshot(now=T)).needs if need.id == claim.need_id]
    paused = await world.roster.card(other)
    wrong_agent = Decision(waiting.id, waiting.version, other, paused.version, "c2")
    assert await world.exchange.claim(wrong_agent, node="a", now=T, lease_s=15) == Lost("the agent has moved on")
    await world.roster.say(other, AgentEvent.READY, now=T)
    ready = await world.roster.card(other)
    wrong_need = Decision(offered.id, offered.version, other, ready.version, "c1")
    assert await world.exchange.claim(wrong_need, node="a", now=T, lease_s=15) == Lost("the need has moved on")
    assert await world.state(other) is AgentState.READY


async def test_a_snapshot_leaves_out_agents_who_are_logged_out_and_knows_the_skills_of_ready_ones(world):
    await world.add("off", "Off", "x", "PJSIP/off", SKILLS)
    ready = await world.agent("ready", cards=3)
    busy = await world.agent("paused")
    await world.roster.say(busy, AgentEvent.PAUSE, now=T, reason="meal")
    agents = {agent.id: agent for agent in (await world.exchange.snapshot(now=T)).agents}
    assert set(agents) == {ready, busy}
    assert agents[ready].skills == {**SKILLS, "cards": 3}
    assert agents[busy].state is AgentState.PAUSED


# --- offers -------------------------------------------------------------------------------------------------------


async def test_an_offer_runs_from_pop_to_wrap_up(world):
    claim = await world.offered()
    key = (claim.offer_id, claim.fence)
    assert await world.exchange.popped(*key, now=T + 0.1)
    assert await world.exchange.ringing(*key, now=T + 0.2, lease_s=20)
    assert await world.exchange.answered(*key, now=T + 4)
    assert (await world.exchange.standing("c1", now=T + 5)).answered
    assert await world.state(claim.agent_id) is AgentState.BUSY
    seen = await world.roster.offer_of(claim.agent_id)
    assert seen == OfferSeen(
        *key, "c1", "answered", "general", "balance", T, T, popped_at=T + 0.1, ringing_at=T + 0.2, answered_at=T + 4
    )
    assert await world.exchange.close_offer(*key, OfferEvent.COMPLETE, now=T + 90, wrap_up_s=30)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.wrap_up_until, card.since) == (AgentState.WRAP_UP, T + 120, T + 90)
    assert await world.exchange.standing("c1", now=T + 90) is None
    assert await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="solved", note="好", now=T + 95)
    after = await world.roster.offer_of(claim.agent_id)
    assert (after.state, after.disposition, after.note, after.closed_at) == ("completed", "solved", "好", T + 90)


async def test_an_answer_reported_twice_is_stored_once(world):
    claim = await world.offered()
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 9)
    assert (await world.roster.offer_of(claim.agent_id)).answered_at == T + 4


async def test_a_conversation_whose_answer_was_never_reported_can_still_be_completed(world):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 60, wrap_up_s=9)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert (await world.roster.offer_of(claim.agent_id)).answered_at == T + 60


@pytest.mark.parametrize("event", [OfferEvent.MISS, OfferEvent.DECLINE, OfferEvent.FAIL])
async def test_an_agent_who_does_not_answer_is_set_aside_and_the_need_goes_back_with_its_age(world, event):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 15, wrap_up_s=30)
    assert await world.state(claim.agent_id) is AgentState.MISSED
    (need,) = (await world.exchange.snapshot(now=T + 15)).needs
    assert (need.state, need.since, need.not_agents) == (NeedState.WAITING, T, {claim.agent_id})
    assert need.version > claim.fence
    assert await world.roster.offer_of(claim.agent_id) is None


@pytest.mark.parametrize("event", [OfferEvent.WITHDRAW, OfferEvent.EXPIRE])
async def test_an_offer_that_ends_without_the_agents_doing_gives_them_back_their_idle_time(world, event):
    claim = await world.offered()
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 5, wrap_up_s=30)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.since) == (AgentState.READY, T - 60)
    (need,) = (await world.exchange.snapshot(now=T + 5)).needs
    assert (need.state, need.not_agents) == (NeedState.WAITING, frozenset())


async def test_a_stale_fence_changes_nothing(world):
    claim = await world.offered()
    old = (claim.offer_id, claim.fence)
    assert await world.exchange.close_offer(*old, OfferEvent.EXPIRE, now=T + 1, wrap_up_s=0)
    fresh = await world.exchange.claim(await world.decision(now=T + 2), node="node-b", now=T + 2, lease_s=15)
    assert isinstance(fresh, Claimed)
    assert fresh.fence > claim.fence
    before = await world.roster.offer_of(claim.agent_id), await world.exchange.snapshot(now=T)
    for stale in (old, (fresh.offer_id, claim.fence), (fresh.offer_id, fresh.fence + 1), (999, fresh.fence)):
        assert not await world.exchange.popped(*stale, now=T + 3)
        assert not await world.exchange.ringing(*stale, now=T + 3, lease_s=60)
        assert not await world.exchange.answered(*stale, now=T + 3)
        for event in (OfferEvent.COMPLETE, OfferEvent.MISS, OfferEvent.WITHDRAW):
            assert not await world.exchange.close_offer(*stale, event, now=T + 3, wrap_up_s=0)
    assert (await world.roster.offer_of(claim.agent_id), await world.exchange.snapshot(now=T)) == before


async def test_a_conversation_cannot_be_missed_withdrawn_or_rung(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    for event in (OfferEvent.MISS, OfferEvent.DECLINE, OfferEvent.FAIL, OfferEvent.WITHDRAW, OfferEvent.EXPIRE):
        assert not await world.exchange.close_offer(claim.offer_id, claim.fence, event, now=T + 5, wrap_up_s=0)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 5, lease_s=15)
    assert await world.state(claim.agent_id) is AgentState.BUSY


# --- agents -------------------------------------------------------------------------------------------------------


async def test_an_agent_signs_in_paused_and_moves_by_the_table(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    card = await world.roster.say(agent, AgentEvent.SIGN_IN, now=T)
    assert (card.state, card.since, card.skills, card.full_name) == (AgentState.PAUSED, T, SKILLS, "Anna")
    card = await world.roster.say(agent, AgentEvent.PAUSE, now=T + 1, reason="meal")
    assert (card.pause_reason, card.since) == ("meal", T + 1)
    card = await world.roster.say(agent, AgentEvent.PAUSE, now=T + 2, reason="meal")
    assert card.since == T + 1
    card = await world.roster.say(agent, AgentEvent.READY, now=T + 3)
    assert (card.state, card.pause_reason, card.since) == (AgentState.READY, None, T + 3)
    card = await world.roster.say(agent, AgentEvent.SIGN_OUT, now=T + 4)
    assert card.state is AgentState.LOGGED_OUT


async def test_a_move_that_the_table_lacks_raises_and_changes_nothing(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    before = await world.roster.card(agent)
    with pytest.raises(IllegalMove):
        await world.roster.say(agent, AgentEvent.READY, now=T)
    assert await world.roster.card(agent) == before


async def test_an_agent_cannot_make_the_engines_moves(world):
    agent = await world.agent()
    with pytest.raises(IllegalMove):
        await world.roster.say(agent, AgentEvent.OFFER, now=T)


async def test_a_pause_said_during_an_offer_applies_after_the_wrap_up(world):
    claim = await world.offered()
    card = await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 1, reason="meal")
    assert (card.state, card.pause_after) == (AgentState.OFFERED, "meal")
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 2)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 3, wrap_up_s=10)
    assert await world.sweep(now=T + 12) == Swept()
    assert await world.sweep(now=T + 13) == Swept(wrap_ups_over=1)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason, card.pause_after) == (AgentState.PAUSED, "meal", None)


async def test_a_pause_said_during_an_offer_applies_when_the_caller_leaves(world):
    claim = await world.offered()
    await world.roster.say(claim.agent_id, AgentEvent.PAUSE, now=T + 1, reason="meal")
    await world.exchange.close_need("c1", "abandoned", now=T + 2)
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.pause_reason, card.since) == (AgentState.PAUSED, "meal", T + 2)


async def test_only_the_right_password_opens_the_door(world):
    agent = await world.add("anna", "Anna", "secret", "PJSIP/anna", SKILLS)
    assert (await world.roster.check_password("anna", "secret")).id == agent
    for name, password in [("anna", "Secret"), ("anna", ""), ("bob", "secret"), ("anna\x00", "se\udc00t"), ("", "")]:
        assert await world.roster.check_password(name, password) is None


async def test_an_outcome_is_stored_only_for_ones_own_conversation(world):
    claim = await world.offered()
    other = await world.agent("other")
    assert not await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="x", note="", now=T)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T)
    assert not await world.roster.wrap_up(other, claim.offer_id, disposition="x", note="", now=T)
    assert not await world.roster.wrap_up(claim.agent_id, 999, disposition="x", note="", now=T)
    assert await world.roster.wrap_up(claim.agent_id, claim.offer_id, disposition="x", note="", now=T)


async def test_after_wrap_up_the_last_offer_is_no_longer_shown(world):
    claim = await world.offered()
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=9)
    assert (await world.roster.offer_of(claim.agent_id)).offer_id == claim.offer_id
    await world.roster.say(claim.agent_id, AgentEvent.READY, now=T + 10)
    assert await world.roster.offer_of(claim.agent_id) is None


async def test_queues_show_who_waits_and_for_how_long(world):
    claim = await world.offered("talks")
    await world.exchange.answered(claim.offer_id, claim.fence, now=T)
    for number, queue in enumerate(["general", "cards", "general"]):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", NeedWish(queue, {}, "en", ""), now=T + number)
    assert await world.roster.queue_state(now=T + 10) == (QueueSeen("cards", 1, 9.0), QueueSeen("general", 2, 10.0))
    assert (await world.roster.queue_state(now=T - 50))[0].longest_wait_s == 0.0


# --- the sweep ----------------------------------------------------------------------------------------------------


async def test_an_offer_whose_node_died_before_it_rang_expires_and_both_sides_are_free(world):
    claim = await world.offered(lease_s=15)
    assert await world.sweep(now=T + 14.9) == Swept()
    assert await world.sweep(now=T + 15) == Swept(offers_expired=1)
    assert await world.state(claim.agent_id) is AgentState.READY
    (need,) = (await world.exchange.snapshot(now=T + 15)).needs
    assert (need.state, need.since) == (NeedState.WAITING, T)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 16, lease_s=15)
    again = await world.exchange.claim(await world.decision(now=T + 16), node="b", now=T + 16, lease_s=15)
    assert isinstance(again, Claimed)


async def test_a_lease_that_is_renewed_does_not_lapse_and_a_stale_fence_renews_nothing(world):
    claim = await world.offered(lease_s=15)
    assert await world.exchange.renew(claim.offer_id, claim.fence, now=T + 10, lease_s=35)
    assert await world.sweep(now=T + 44) == Swept()
    assert not await world.exchange.renew(claim.offer_id, claim.fence + 1, now=T + 44, lease_s=99)
    assert (await world.sweep(now=T + 46)).offers_expired == 1
    assert not await world.exchange.renew(claim.offer_id, claim.fence, now=T + 46, lease_s=99)


async def test_ringing_renews_the_lease_and_a_conversation_has_none(world):
    claim = await world.offered(lease_s=15)
    await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 10, lease_s=15)
    assert await world.sweep(now=T + 20) == Swept()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 21)
    assert await world.sweep(now=T + 9999, desk_lost_s=1e9) == Swept()
    assert await world.state(claim.agent_id) is AgentState.BUSY


async def test_a_need_that_nobody_carries_out_does_not_hold_up_agents_for_ever(world):
    await world.offered(lease_s=15)
    assert (await world.sweep(now=T + 15)).offers_expired == 1
    await world.exchange.claim(await world.decision(now=T + 16), node="a", now=T + 16, lease_s=15)
    assert (await world.sweep(now=T + 40)).offers_expired == 1
    snapshot = await world.exchange.snapshot(now=T + 40)
    assert snapshot.needs == ()
    assert [agent.state for agent in snapshot.agents] == [AgentState.READY]
    again = await world.exchange.open_need("c1", WISH, now=T + 50)  # the call comes back after all
    assert again.since == T


async def test_a_ready_agent_without_a_browser_is_paused(world):
    agent = await world.agent(ready_at=T)
    await world.roster.seen(agent, now=T + 30)
    assert await world.sweep(now=T + 75, desk_lost_s=45) == Swept()
    assert await world.sweep(now=T + 76, desk_lost_s=45) == Swept(desks_lost=1)
    card = await world.roster.card(agent)
    assert (card.state, card.pause_reason) == (AgentState.PAUSED, "desk_lost")


async def test_an_agent_in_an_offer_is_not_paused_for_a_lost_browser(world):
    claim = await world.offered(lease_s=500)
    assert await world.sweep(now=T + 400, desk_lost_s=45) == Swept()
    assert await world.state(claim.agent_id) is AgentState.OFFERED


async def test_an_agent_whose_browser_was_lost_in_wrap_up_is_not_offered_anything(world):
    claim = await world.offered()
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 9, wrap_up_s=60)
    swept = await world.sweep(now=T + 100, desk_lost_s=45)
    assert (swept.wrap_ups_over, await world.state(claim.agent_id)) == (1, AgentState.PAUSED)


async def test_calls_without_a_channel_are_closed_with_their_need_and_offer(world):
    claim = await world.offered("c1")
    await world.call("c2")
    await world.exchange.open_need("c2", WISH, now=T)
    await world.call("c3")
    assert (await world.sweep(now=T + 5, alive=frozenset({"c3"}))).calls_closed == 2
    for call_id in ("c1", "c2"):
        call = await world.row(call_id)
        assert (call.state, call.ended_at, call.result, call.reason) == ("ended", T + 5, "failed", "engine_lost")
        assert await world.exchange.standing(call_id, now=T + 5) is None
    assert (await world.row("c3")).ended_at is None
    assert await world.state(claim.agent_id) is AgentState.READY


async def test_a_conversation_whose_channel_is_gone_was_served_and_the_agent_wraps_up(world):
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 2)
    assert (await world.sweep(now=T + 60, alive=frozenset())).calls_closed == 1
    call = await world.row("c1")
    assert (call.result, call.reason) == ("served", "agent")
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.wrap_up_until) == (AgentState.WRAP_UP, T + 90)


async def test_a_call_that_came_in_around_the_picture_of_channels_is_left_alone(world):
    await world.call("c1", now=T)
    assert await world.sweep(now=T + 1.9, alive=frozenset()) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset(), alive_at=T + 1.9) == Swept()
    assert await world.sweep(now=T + 60, alive=frozenset(), alive_at=T + 2) == Swept(calls_closed=1)


async def test_without_a_picture_of_channels_no_call_is_closed(world):
    await world.offered(lease_s=1e9)
    assert await world.sweep(now=T + 9999, alive=None) == Swept()


async def test_what_an_ended_call_left_open_is_closed_without_asking_the_switch(world):
    claim = await world.offered(lease_s=1e9)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 1)
    world.log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 50)
    await world.log.settle("c1", deadline_s=5)
    await world.sweep(now=T + 51)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    await world.sweep(now=T + 52)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP
    assert await world.exchange.standing("c1", now=T + 52) is None


async def test_a_call_sent_down_the_dialplan_keeps_its_place_until_its_channel_is_gone(world):
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    world.log.ended("c1", Ending(Result.DIVERTED, Reason.FALLBACK), T + 5)
    await world.log.settle("c1", deadline_s=5)
    await world.sweep(now=T + 60, alive=frozenset({"c1"}))
    assert (await world.exchange.standing("c1", now=T + 60)).since == T
    await world.sweep(now=T + 61, alive=frozenset())
    assert await world.exchange.standing("c1", now=T + 61) is None


async def test_a_node_that_no_longer_holds_the_call_cannot_close_its_need(world):
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    assert await world.other_log.resume("c1", deadline_s=5) is not None
    assert await world.other_log.settle("c1", deadline_s=5)
    await world.exchange.close_need("c1", "abandoned", now=T + 5)
    assert (await world.exchange.standing("c1", now=T + 6)).since == T
    await world.other_exchange.close_need("c1", "abandoned", now=T + 7)
    assert await world.exchange.standing("c1", now=T + 8) is None


# --- the book of calls --------------------------------------------------------------------------------------------


async def test_a_call_is_written_with_its_state_position_and_ending(world):
    await world.call()
    world.log.stands("c1", {"step": "main", "tries": 1}, "zh")
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.position, call.language) == ("waiting", {"step": "main", "tries": 1}, "zh")
    assert (call.node, call.ani, call.caller_name, call.started_at) == ("node-a", "+8613800000001", "Li Na", T)
    world.log.moved("c1", CallEvent.ANSWER)
    world.log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 60)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.result, call.reason) == ("ended", T + 60, "served", "agent")


async def test_a_call_ends_once(world):
    await world.call()
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 5)
    world.log.ended("c1", Ending(Result.FAILED, Reason.FAULT), T + 6)
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.reason) == ("ended", T + 5, "in_menu")


async def test_a_move_that_the_table_lacks_is_not_written(world):
    await world.call()
    world.log.moved("c1", CallEvent.ANSWER)
    await world.log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).state == "menu"


async def test_another_node_takes_a_call_over_where_it_stood_and_the_first_one_is_shut_out(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "zh")
    world.log.moved("c1", CallEvent.NEED)
    await world.log.settle("c1", deadline_s=5)
    resumed = await world.other_log.resume("c1", deadline_s=5)
    assert (resumed.state, resumed.position, resumed.language) == ("waiting", {"step": "cards"}, "zh")
    assert (resumed.book_version, resumed.started_at) == (1, T)
    await world.other_log.settle("c1", deadline_s=5)
    world.log.stands("c1", {"step": "stale"}, "en")
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_QUEUE), T + 30)
    await world.log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.node, call.position, call.ended_at) == ("node-b", {"step": "cards"}, None)
    world.other_log.ended("c1", Ending(Result.SERVED, Reason.AGENT), T + 60)
    await world.other_log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).reason == "agent"


async def test_a_call_that_was_sent_down_the_dialplan_is_taken_up_and_its_ending_taken_back(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "en")
    world.log.ended("c1", Ending(Result.DIVERTED, Reason.FALLBACK), T + 5)
    await world.log.settle("c1", deadline_s=5)
    resumed = await world.other_log.resume("c1", deadline_s=5)
    assert (resumed.state, resumed.position) == ("menu", {"step": "cards"})
    await world.other_log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.state, call.ended_at, call.result, call.reason) == ("menu", None, None, None)


async def test_a_call_that_is_over_or_unknown_is_not_resumed(world):
    await world.call()
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 5)
    await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.resume("c1", deadline_s=5) is None
    assert await world.other_log.resume("nobody", deadline_s=5) is None


async def test_an_engine_corrects_what_the_sweep_had_to_guess(world):
    await world.call()
    assert (await world.sweep(now=T + 9, alive=frozenset())).calls_closed == 1
    world.log.ended("c1", Ending(Result.LEFT, Reason.IN_MENU), T + 8)
    await world.log.settle("c1", deadline_s=5)
    assert (await world.row("c1")).reason == "in_menu"


async def test_a_call_opened_again_on_the_next_rung_keeps_its_beginning(world):
    await world.call()
    world.log.stands("c1", {"step": "cards"}, "en")
    again = arrival("c1", rung=2)
    world.other_log.opened(again, now=T + 7, facts=CallerFacts(ani="+861"), language="zh", book_version=2)
    assert await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.settle("c1", deadline_s=5)
    call = await world.row("c1")
    assert (call.started_at, call.node, call.ani, call.book_version) == (T, "node-b", "+861", 2)


async def test_the_path_tells_what_the_caller_pressed(world):
    await world.call()
    order = [{"option": "transfer", "key": "2", "promoted": True, "score": 0.9}, {"option": "cards", "key": "3"}]
    world.log.event("c1", "identified", T, matches=1)
    world.log.event("c1", "menu", T + 1, menu="main", order=order, record={"version": 1})
    world.log.event("c1", "invalid", T + 4, menu="main", key="9")
    world.log.event("c1", "no_input", T + 8, menu="main")
    world.log.event("c1", "key", T + 9, menu="main", key="3", option="cards", label="Cards")
    world.log.event("c1", "need", T + 9.5, queue="cards", reason="lost card", required={"cards": 1}, tier=1)
    await world.log.settle("c1", deadline_s=5)
    path = await world.log.path("c1")
    assert [(step.at - T, step.text, step.key) for step in path] == [
        (1, "menu main – transfer first", None),
        (4, "pressed a key without meaning in main", "9"),
        (8, "pressed nothing in main", None),
        (9, "Cards", "3"),
        (9.5, "asked for cards: lost card", None),
    ]


async def test_the_decision_records_of_a_call_come_back_as_they_were_the_latest_ones(world):
    await world.call()
    assert await world.log.decisions("c1") == ()
    record = {"menu": "main", "promoted": ["transfer"], "why": {"transfer": "habit"}, "scores": {"transfer": 0.1 + 0.2}}
    for number in range(12):
        world.log.event("c1", "menu", T + number, menu="main", record=record | {"at": number})
        world.log.event("c1", "key", T + number, menu="main", key="1")
    await world.log.settle("c1", deadline_s=5)
    assert await world.other_log.decisions("c1") == tuple(record | {"at": number} for number in range(2, 12))


async def test_the_record_says_who_is_on_the_call(world):
    await world.call()
    caller = await world.other_log.caller("c1")
    assert (caller.ani, caller.caller_name, caller.dnis, caller.language) == ("+8613800000001", "Li Na", "95500", "en")
    assert await world.log.caller("nobody") is None
