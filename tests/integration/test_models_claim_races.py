"""Races for agents and callers: many tasks, two processes, a node killed between claim and ring."""

import asyncio
import sys
from collections import Counter
from random import Random

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from ivr.ports import NeedWish
from ivr.testing.databases import POSTGRESQL, SQLITE, fresh_database, fresh_url
from ivr.testing.rival import prepare, race
from models.agents import Agents
from models.claims import Claims
from models.database import Database
from models.errors import StoreBusy
from models.tables import AgentRow, NeedRow, OfferRow
from routing.agent import AgentEvent, AgentState
from routing.decision import Decision, decide
from routing.errors import IllegalMove
from routing.offer import Claimed, Lost, OfferEvent

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
KINDS = [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)]


@pytest.fixture(params=KINDS)
async def database(request, tmp_path):
    async with fresh_database(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(params=KINDS)
async def url(request, tmp_path):
    async with fresh_url(request.param, tmp_path) as address:
        yield address


async def test_many_tasks_claim_each_need_and_each_agent_once(database):
    await prepare(database, agents=4, calls=6, roster=Agents(database, CHEAP))
    exchange = Claims(database)
    snapshot = await exchange.snapshot(now=0)
    # Every need with every agent: whatever two nodes may decide at the same moment.
    wishes = [
        Decision(need.id, need.version, agent.id, agent.version, need.call_id)
        for need in snapshot.needs
        for agent in snapshot.agents
    ]
    Random(7).shuffle(wishes)
    results = await asyncio.gather(*(exchange.claim(wish, node="a", now=1, lease_s=60) for wish in wishes))
    won = [result for result in results if isinstance(result, Claimed)]
    assert len(won) == 4
    assert len({claim.need_id for claim in won}) == len({claim.agent_id for claim in won}) == 4
    assert not [result for result in results if result == Lost("another claim came first")]
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(OfferRow)) == 4
        assert await session.scalar(select(func.count()).where(NeedRow.state == "waiting")) == 2


@pytest.mark.fault("F10", "two calls for one agent, one call for two agents")
async def test_one_caller_is_offered_to_one_of_two_agents_and_one_agent_to_one_of_two_callers(database):
    await prepare(database, agents=2, calls=2, roster=Agents(database, CHEAP))
    exchange = Claims(database)
    (first, second), (anna, bob) = (snapshot := await exchange.snapshot(now=0)).needs, snapshot.agents
    crossed = [(first, anna), (first, bob), (second, anna)]
    results = await asyncio.gather(
        *(
            exchange.claim(Decision(n.id, n.version, a.id, a.version, n.call_id), node="a", now=1, lease_s=60)
            for n, a in crossed
        )
    )
    assert sum(isinstance(result, Claimed) for result in results) in (1, 2)
    by_need = Counter(result.need_id for result in results if isinstance(result, Claimed))
    by_agent = Counter(result.agent_id for result in results if isinstance(result, Claimed))
    assert max(by_need.values()) == max(by_agent.values()) == 1


@pytest.mark.fault("F9", "two nodes race for the same callers and agents")
async def test_two_processes_offer_every_caller_exactly_once(url):
    calls = 60
    async with Database.opened(url) as database:
        await prepare(database, agents=5, calls=calls, roster=Agents(database, CHEAP))
        scores = await race(url, nodes=2)
        won = Counter(need for score in scores for need, _ in score.won)
        assert len(won) == calls
        assert set(won.values()) == {1}
        assert sum(score.lost["another claim came first"] for score in scores) == 0
        async with database.read() as session:
            assert await session.scalar(select(func.count()).where(OfferRow.state == "completed")) == calls
            assert await session.scalar(select(func.count()).where(NeedRow.outcome == "served")) == calls
            assert set(await session.scalars(select(AgentRow.state))) == {"ready"}


CLAIMS_AND_WAITS = """
import asyncio, sys
from models.claims import Claims
from models.database import Database
from routing.decision import decide

async def main(url):
    async with Database.opened(url) as database:
        exchange = Claims(database)
        (decision,) = decide(await exchange.snapshot(now=100), 100)
        claim = await exchange.claim(decision, node="doomed", now=100, lease_s=15)
        print(claim.offer_id, claim.fence, flush=True)
        await asyncio.sleep(600)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.fault("A7", "a node killed between claim and ring")
async def test_a_node_killed_between_claim_and_ring_keeps_the_caller_from_nobody(url):
    async with Database.opened(url) as database:
        await prepare(database, agents=1, calls=1, roster=Agents(database, CHEAP))
        exchange = Claims(database)
        doomed = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLAIMS_AND_WAITS, url, stdout=asyncio.subprocess.PIPE
        )
        offer_id, fence = map(int, (await doomed.stdout.readline()).split())
        doomed.kill()
        await doomed.wait()
        assert decide(await exchange.snapshot(now=101), 101) == ()
        swept = await exchange.sweep(now=115, desk_lost_s=1e9, alive=None, wrap_up_s=0)
        assert swept.offers_expired == 1
        (decision,) = decide(await exchange.snapshot(now=116), 116)
        claim = await exchange.claim(decision, node="alive", now=116, lease_s=15)
        assert isinstance(claim, Claimed)
        assert not await exchange.answered(offer_id, fence, now=117)
        assert await exchange.answered(claim.offer_id, claim.fence, now=117)


@pytest.mark.fault("F14", "several nodes sweep at once")
async def test_several_nodes_sweep_at_once_and_each_thing_is_mended_once(database):
    await prepare(database, agents=4, calls=4, roster=Agents(database, CHEAP))
    exchange = Claims(database)
    for decision in decide(await exchange.snapshot(now=1), 1):
        assert isinstance(await exchange.claim(decision, node="a", now=1, lease_s=15), Claimed)
    swept = await asyncio.gather(*(exchange.sweep(now=20, desk_lost_s=1e9, alive=None, wrap_up_s=0) for _ in range(4)))
    assert sum(one.offers_expired for one in swept) == 4
    snapshot = await exchange.snapshot(now=20)
    assert {need.version for need in snapshot.needs} == {2}
    assert {agent.state for agent in snapshot.agents} == {AgentState.READY}


@pytest.mark.fault("F7", "an agent's state changes at any moment of an offer")
async def test_an_agent_who_changes_their_state_at_any_moment_of_an_offer_is_never_paused_and_rung_at_once(database):
    roster, exchange, random = Agents(database, CHEAP), Claims(database), Random(11)
    await prepare(database, agents=1, calls=1, roster=roster)
    agent_id = (await exchange.snapshot(now=0)).agents[0].id
    claims = 0
    for round_ in range(25):
        at = 10.0 * round_
        snapshot = await exchange.snapshot(now=at)

        async def engine(snapshot=snapshot, at=at) -> bool:
            for decision in decide(snapshot, at):
                claim = await exchange.claim(decision, node="a", now=at, lease_s=60)
                if isinstance(claim, Claimed):
                    key = (claim.offer_id, claim.fence)
                    await exchange.ringing(*key, now=at, lease_s=60)
                    end = random.choice([OfferEvent.MISS, OfferEvent.WITHDRAW])
                    assert await exchange.close_offer(*key, end, now=at, wrap_up_s=0)
                    return True
            return False

        async def agent(at=at) -> None:
            for event in random.sample([AgentEvent.PAUSE, AgentEvent.READY, AgentEvent.PAUSE], 3):
                try:
                    card = await roster.say(agent_id, event, now=at, reason="meal")
                except IllegalMove:
                    continue
                async with database.read() as session:
                    state = await session.scalar(select(AgentRow.state).where(AgentRow.id == agent_id))
                    open_offers = await session.scalar(select(func.count()).where(OfferRow.closed_at.is_(None)))
                assert (open_offers == 1) == (state in ("offered", "busy")), (card, state, open_offers)

        claimed, _ = await asyncio.gather(engine(), agent())
        claims += claimed
        card = await roster.card(agent_id)
        assert card.state in (AgentState.READY, AgentState.PAUSED, AgentState.MISSED)
        if card.state is not AgentState.READY:
            await roster.say(agent_id, AgentEvent.READY, now=at)
        (need,) = (await exchange.snapshot(now=at)).needs
        assert (need.since, need.state) == (0.0, "waiting")
    assert claims > 3


async def test_a_need_stated_by_two_nodes_at_once_is_one_need(database):
    await prepare(database, agents=0, calls=1, roster=Agents(database, CHEAP))
    exchange = Claims(database)
    await exchange.close_need("call-0", "gave_up", now=1)
    wish = NeedWish("general", {"general": 1}, "en", "")
    needs = await asyncio.gather(*(exchange.open_need("call-0", wish, now=2 + n) for n in range(6)))
    assert len({need.id for need in needs}) == 1


async def test_a_claim_is_lost_not_failed_while_somebody_else_holds_the_lock(tmp_path):
    async with fresh_url(SQLITE, tmp_path) as url, Database.opened(url) as database, Database.opened(url) as other:
        await prepare(database, agents=1, calls=1, roster=Agents(database, CHEAP))
        exchange = Claims(database)
        (decision,) = decide(await exchange.snapshot(now=1), 1)
        async with other.write() as session:
            await session.execute(select(AgentRow))
            assert await exchange.claim(decision, node="a", now=1, lease_s=15) == Lost("the database was busy")
            with pytest.raises(StoreBusy):
                await exchange.close_need("call-0", "abandoned", now=1)
            assert await exchange.standing("call-0", now=2) is not None
        assert isinstance(await exchange.claim(decision, node="a", now=1, lease_s=15), Claimed)
