"""What queues have seen of late, and what came of the waits that callers were told: on every store."""

from dataclasses import replace

import pytest

from ivr.testing.waits import SIGHT
from ivr.testing.world import WISH, T, World
from routing.offer import OfferEvent
from routing.outlook import Lately
from routing.sights import Start
from routing.talk import Sent, TalkEvent
from routing.wait_ranges import Told, WaitRange


async def _served(world: World, call_id: str, *, came: float, offered: float, answered: float, ended: float) -> int:
    """A caller who was served; the number of their need."""
    await world.agent(f"agent-{call_id}", ready_at=came)
    await world.call(call_id, now=came)
    need = await world.exchange.open_need(call_id, WISH, now=came)
    claim = await world.exchange.claim(await world.decision(now=offered), node="node-a", now=offered, lease_s=15)
    await world.exchange.answered(claim.offer_id, claim.fence, now=answered)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=ended, wrap_up_s=30)
    return need.id


async def test_services_and_those_who_left_are_summed_by_queue(world: World) -> None:
    await _served(world, "c1", came=T, offered=T + 20, answered=T + 25, ended=T + 125)
    await world.call("c2", now=T)
    await world.exchange.open_need("c2", WISH, now=T)
    await world.exchange.close_need("c2", "abandoned", now=T + 50)
    await world.call("c3", now=T)
    await world.exchange.open_need("c3", WISH, now=T)  # still waits
    seen = await world.waits.lately({"general": 30.0}, now=T + 200)
    assert seen == {"general": Lately(services=1, service_s=135.0, left=1, waited_s=75.0)}
    assert await world.waits.lately({}, now=T + 10_000) == {}


async def test_a_consultation_is_no_callers_wait(world: World) -> None:
    claim = await world.offered()
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 4)
    sent = Sent(claim.agent_id, "Anna", "general", TalkEvent.CONSULT, "", T + 6)
    assert await world.talks.open_second("c1", replace(WISH, queue="cards"), sent, now=T + 6)
    await world.talks.close_second("c1", now=T + 90, wrap_up_s=0)
    assert await world.waits.lately({}, now=T + 100) == {}


async def test_a_told_range_is_kept_with_the_need_and_what_came_of_it(world: World) -> None:
    need_id = await _served(world, "c1", came=T, offered=T + 200, answered=T + 210, ended=T + 300)
    await world.call("c2", now=T)
    left = await world.exchange.open_need("c2", WISH, now=T)
    await world.call("c3", now=T)
    waits = await world.exchange.open_need("c3", WISH, now=T)
    few, more = WaitRange(2, 5), WaitRange(30, None)
    for one, said, at in ((need_id, few, T), (left.id, few, T + 1), (waits.id, more, T + 2), (need_id, few, T + 150)):
        basis = "0123456789ab" if at == T + 1 else None
        await world.waits.tell(one, said, SIGHT, mean_s=180.0, basis=basis, now=at)
    await world.waits.tell(left.id, None, SIGHT, mean_s=900.0, basis=None, now=T + 2)
    await world.exchange.close_need("c2", "abandoned", now=T + 61)
    told = await world.waits.told(now=T + 400)
    assert told == [
        Told("general", few, 180.0, 210.0, over=True),
        Told("general", few, 180.0, 60.0, over=False, basis="0123456789ab"),
        Told("general", more, 180.0, 398.0, over=False),
        Told("general", few, 180.0, 60.0, over=True),
    ]
    assert [one.fate for one in told] == ["held", None, None, "sooner"]
    assert await world.waits.told(now=T + 400, since=T + 2) == told[2:]


@pytest.mark.parametrize("since", [None, T])
async def test_nothing_was_told_yet(world: World, since: float | None) -> None:
    assert list(await world.waits.told(now=T, since=since)) == []


async def test_a_range_that_was_told_for_no_need_is_refused_and_nothing_else_fails(world: World) -> None:
    said = WaitRange(2, 5)
    assert not await world.waits.tell(0, said, SIGHT, mean_s=180.0, basis=None, now=T)
    need_id = await _served(world, "c1", came=T, offered=T + 20, answered=T + 25, ended=T + 125)
    assert await world.waits.tell(need_id, said, SIGHT, mean_s=180.0, basis=None, now=T)
    assert len(await world.waits.told(now=T + 200)) == 1


async def test_who_came_to_an_agent_of_late_is_told_with_their_wait(world: World) -> None:
    await _served(world, "c1", came=T, offered=T + 20, answered=T + 25, ended=T + 125)
    await _served(world, "callback-1-1", came=T - 5000, offered=T + 130, answered=T + 135, ended=T + 160)
    await _served(world, "c2", came=T + 200, offered=T + 210, answered=T + 215, ended=T + 225)
    starts = await world.waits.starts(now=T + 300)
    assert list(starts) == [Start("general", T + 25, 25.0), Start("general", T + 215, 15.0)]
    assert [one.at for one in await world.waits.starts(now=T + 2000)] == [T + 215]
