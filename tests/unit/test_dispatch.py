"""The dispatcher: claims what was decided, wakes who waits here, and stays within its bounds."""

import asyncio

import pytest

from ivr.dispatch import MOST_TRIES
from ivr.parts import LiveCall
from ivr.ports import ROUTING, Arrival, NeedWish
from ivr.testing.stage import Stage
from menus.facts import CallerFacts
from routing.offer import Lost


async def _wait(stage: Stage, call_id: str, *, live: bool = True, waiting: bool = True) -> None:
    """A call with a need, held by this node if `live`."""
    arrival = Arrival(call_id, call_id, f"PJSIP/{call_id}", None, "", "")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    await stage.exchange.open_need(call_id, NeedWish("general", {"general": 1}, "en", "General"), now=stage.clock.now())
    if live:
        stage.parts.live[call_id] = LiveCall(f"PJSIP/{call_id}", waiting)


async def test_a_waiting_call_and_a_ready_agent_become_an_offer_with_its_reasons() -> None:
    stage = Stage()
    agent = stage.agent()
    await _wait(stage, "one")
    await stage.dispatcher.round()
    assert (stage.offer.agent_id, stage.offer.call_id, stage.offer.node) == (agent.id, "one", "node-a")
    assert stage.offer.expires_at == stage.clock.now() + stage.parts.settings.routing.offer_lease_s
    (told,) = stage.told("offer", "one")
    assert (told["agent"], told["offer"], told["why"]["rank"]) == ("grace", stage.offer.id, 1)
    assert agent.id in stage.desk.changes
    assert (stage.dispatcher.claims_won, stage.dispatcher.claims_lost) == (1, 0)


async def test_only_calls_of_this_node_that_wait_are_woken() -> None:
    stage = Stage()
    for name in ("grace", "tom", "ada"):
        stage.agent(name)
    await _wait(stage, "waits")
    await _wait(stage, "hears", waiting=False)
    await _wait(stage, "elsewhere", live=False)
    await stage.dispatcher.round()
    assert len(stage.store.offers) == 3
    assert stage.switchboard.woken == ["PJSIP/waits"]


async def test_a_call_whose_offer_another_node_made_is_woken_here() -> None:
    here = Stage()
    await _wait(here, "one")
    there = Stage(beside=here, node="node-b")
    here.agent()
    await there.dispatcher.round()
    assert here.switchboard.woken == []
    assert there.switchboard.woken == []
    assert await there.parts.hints.wait(ROUTING, seconds=0)  # this node is told, and does not wait for its poll
    await here.dispatcher.round()
    assert not await here.parts.hints.wait(ROUTING, seconds=0)
    assert here.switchboard.woken == ["PJSIP/one"]
    assert len(here.store.offers) == 1


async def test_no_offers_are_made_while_the_switch_is_down() -> None:
    stage = Stage()
    stage.agent()
    await _wait(stage, "one")
    stage.switchboard.up = False
    await stage.dispatcher.round()
    assert not stage.store.offers
    stage.switchboard.up = True
    await stage.dispatcher.round()
    assert stage.store.offers


async def test_a_lost_claim_is_decided_again_on_a_fresh_snapshot() -> None:
    stage = Stage()
    stage.agent("grace")
    await _wait(stage, "one")
    claim = stage.exchange.claim

    async def rival_takes_the_agent_first(decision, **options):  # type: ignore[no-untyped-def]
        if not stage.dispatcher.claims_lost:
            stage.store.agents[1].version += 1
            stage.store.agents[1].state = "paused"
            stage.agent("tom")
        return await claim(decision, **options)

    stage.exchange.claim = rival_takes_the_agent_first  # type: ignore[method-assign]
    await stage.dispatcher.round()
    assert stage.offer.agent_id == 2
    assert (stage.dispatcher.claims_won, stage.dispatcher.claims_lost) == (1, 1)


async def test_claims_that_are_always_lost_end_the_round_after_a_few_tries() -> None:
    stage = Stage()
    stage.agent()
    await _wait(stage, "one")

    async def lose(*_: object, **__: object) -> Lost:
        return Lost("a rival is always quicker")

    stage.exchange.claim = lose  # type: ignore[method-assign,assignment]
    await stage.dispatcher.round()
    assert stage.dispatcher.claims_lost == MOST_TRIES
    assert not stage.told("offer", "one")


@pytest.mark.parametrize("fault", ["away", "broken"])
async def test_a_round_that_fails_does_not_end_the_dispatcher(fault: str) -> None:
    stage = Stage()
    stage.agent()
    await _wait(stage, "one")
    snapshot, rounds = stage.exchange.snapshot, []

    async def fail_once(*, now: float):  # type: ignore[no-untyped-def]
        rounds.append(now)
        if len(rounds) == 1 and fault == "broken":
            raise RuntimeError("a planted fault")
        return await snapshot(now=now)

    stage.exchange.snapshot = fail_once  # type: ignore[method-assign]
    stage.store.away = fault == "away"
    async with stage.dispatching():
        for _ in range(2):
            stage.hints.nudge("routing")
            for _ in range(10):
                await asyncio.sleep(0)
            stage.store.away = False
    assert len(rounds) == 2
    assert len(stage.store.offers) == 1


async def test_without_any_hint_a_round_is_made_at_every_sweep_interval() -> None:
    stage = Stage(settings={"routing": {"sweep_s": 0.01}})
    rounds = asyncio.Semaphore(0)

    async def round_() -> None:
        rounds.release()

    stage.dispatcher.round = round_  # type: ignore[method-assign]
    async with stage.dispatching(), asyncio.timeout(30):
        for _ in range(3):
            await rounds.acquire()


async def test_two_dispatchers_on_one_store_offer_each_call_and_agent_once() -> None:
    here = Stage()
    there = Stage(beside=here, node="node-b")
    for number in range(6):
        here.agent(f"agent-{number}")
        await _wait(here, f"call-{number}")
    await asyncio.gather(*(stage.dispatcher.round() for stage in (here, there) * 3))
    offers = here.store.offers.values()
    assert len({offer.agent_id for offer in offers}) == len({offer.call_id for offer in offers}) == len(offers) == 6
