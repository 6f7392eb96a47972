"""Two engine nodes on one PostgreSQL, agents' desktops on either, and a kill between claim and ring."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ivr.demo.evidence import OfferMade, doubles, holder, newest_offer, offers_after, queue_order
from ivr.demo.phones import agents_phones
from ivr.lab.postgresql import shared_server
from ivr.lab.robot_desk import RobotDesk
from ivr.lab.robots import Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from models.database import Database

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ROOT = Path(__file__).parents[3]
LI_NA, ZHANG_MIN, CHEN_WEI = "+8613800000001", "+8613800000004", "+8613800000003"
DEADLINE_S = 20.0
Record = Callable[[str, object], None]


@dataclass
class TwoNodes:
    """The site as the tests see it."""

    site: Site
    database: Database
    caller: RobotCaller
    phones: dict[str, RobotPhone]
    desks: dict[str, RobotDesk]

    async def asks(self, number: str) -> RobotCall:
        """A caller who asks for an agent."""
        call = await self.caller.dial("95599", number=number)
        await call.ear.hear_sound(deadline_s=DEADLINE_S)
        await call.ear.press("0")
        return call

    async def waits(self, number: str) -> RobotCall:
        """A caller who asks for an agent when nobody is free, and waits."""
        waiting = len(await queue_order(self.database))
        call = await self.asks(number)
        async with asyncio.timeout(DEADLINE_S):
            while len(await queue_order(self.database)) == waiting:
                await asyncio.sleep(0.05)
        return call

    async def offers(self, before: int, done: Callable[[Sequence[OfferMade]], bool]) -> Sequence[OfferMade]:
        """The offers after that one, as soon as they are as wanted."""
        async with asyncio.timeout(DEADLINE_S):
            while not done(offers := await offers_after(self.database, before)):
                await asyncio.sleep(0.01)
        return offers

    def lead_s(self, offer: OfferMade) -> float:
        """How long its pop stood before its phone was rung, which it was last of all."""
        assert offer.popped_at is not None
        return self.phones[offer.agent].calls[-1].invited_at - self.real(offer.popped_at)

    def real(self, engine_time: float | None) -> float:
        """A moment of the engines by this machine's clock."""
        assert engine_time is not None
        return engine_time - self.site.clock_ahead_s


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, running: Callable[..., AbstractContextManager[Site]]
) -> Iterator[Site]:
    server = shared_server()
    name = asyncio.run(server.create_database())
    site = Site(
        tmp_path_factory.mktemp("two-nodes"),
        prompts=ROOT / "var" / "prompts",
        nodes=2,
        database_url=server.url(name),
        overrides={"personal": {"hold_out": 0.0}, "routing": {"pop_s": 1.0}},  # a busy machine paints late
    )
    site.set_clock("2026-12-01T09:30")
    with running(site, customers=10):
        yield site


@pytest.fixture
async def nodes(site: Site) -> AsyncIterator[TwoNodes]:
    """Chris's desktop on node a, Carol's on node b; both paused."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        phones = dict(await agents_phones(site, stack, talk_s=1.0))
        for phone in phones.values():
            phone.manner = Manner(ring_s=0.3, talk_s=1.0)
        caller = await stack.enter_async_context(RobotCaller(site.asterisk.sip, site.asterisk.trunk_address))
        desks = {}
        for name, engine in zip(("chris", "carol"), site.engines, strict=True):
            desks[name] = await RobotDesk.sign_in(engine.url, name, site.password)
            desks[name].afterwards = "ready"
        nodes = TwoNodes(site, database, caller, phones, desks)
        yield nodes
        await asyncio.gather(*(desk.close() for desk in nodes.desks.values()))


@pytest.mark.fault(
    "A7", "kill -9 of a node between claim and ring, two callers waiting; PostgreSQL, desktops on either node"
)
async def test_a_killed_node_costs_nobody_their_place_and_no_agent_two_offers(
    nodes: TwoNodes, record_property: Record
) -> None:
    first, second = await nodes.waits(LI_NA), await nodes.waits(ZHANG_MIN)
    places = dict(await queue_order(nodes.database))
    assert list(places) == [LI_NA, ZHANG_MIN]
    before, on_a = await newest_offer(nodes.database), nodes.desks["chris"]

    # Li Na is given to chris, and node a, which holds her call, dies while it waits for his pop to stand.
    on_a.paint_s = DEADLINE_S
    await on_a.say("ready")
    await nodes.offers(before, bool)
    nodes.site.engines[0].kill()
    killed = time.time()
    assert not nodes.phones["chris"].calls
    nodes.desks["chris"] = await RobotDesk.opened(nodes.site.engines[1].url, on_a.cookie)  # the same session on node b
    nodes.desks["chris"].afterwards = "ready"
    (dead, *_) = await nodes.offers(before, lambda offers: offers[0].closed_at is not None)
    record_property("offer of the dead node closed", f"{nodes.real(dead.closed_at) - killed:.1f} s after the kill")
    assert (dead.ani, dead.agent, dead.state) == (LI_NA, "chris", "expired")
    await nodes.offers(before, lambda made: len(made) > 1)
    await nodes.desks["carol"].say("ready")
    offers = await nodes.offers(before, lambda made: sum(one.answered_at is not None for one in made) == 2)
    served = [one for one in offers if one.answered_at is not None]  # in the order in which they were offered
    assert [(one.ani, one.since, one.node) for one in served] == [
        (LI_NA, places[LI_NA], "node-b"),
        (ZHANG_MIN, places[ZHANG_MIN], "node-b"),
    ]
    record_property(
        "first caller talked to an agent", f"{nodes.real(served[0].answered_at) - killed:.1f} s after the kill"
    )
    assert not first.ended.is_set()
    await first.hang_up()
    await second.hang_up()

    # Node a comes back and takes the next call; the agent's desktop is on node b, and the pop stands before the ring.
    await nodes.site.engines[0].start()
    later = await newest_offer(nodes.database)
    third = await nodes.asks(CHEN_WEI)
    assert await holder(nodes.database, CHEN_WEI) == "node-a"
    (newest,) = await nodes.offers(later, lambda made: bool(made) and made[0].answered_at is not None)
    assert newest.id in nodes.desks[newest.agent].shown
    assert nodes.lead_s(newest) > 0
    record_property("pop on the other node's desktop", f"{nodes.lead_s(newest) * 1000:.0f} ms before the ring")
    await third.hang_up()

    everything = await offers_after(nodes.database, 0)
    assert doubles((one.agent, one.made_at, one.closed_at) for one in everything) == 0
    assert doubles((one.ani or "", one.made_at, one.closed_at) for one in everything) == 0
    rung: list[Any] = [(name, call.invited_at, call.ended_at) for name, p in nodes.phones.items() for call in p.calls]
    assert doubles(rung) == 0
    record_property("double offers", 0)
