"""Two engine nodes on one PostgreSQL, agents' desktops on either, and a kill between claim and ring."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.demo.desks import AgentDesks
from ivr.demo.evidence import OfferMade, doubles, holder, newest_offer, offers_after, queue_order
from ivr.demo.phones import agents_phones
from ivr.lab.postgresql import shared_server
from ivr.lab.robot_desk import RobotDesk
from ivr.lab.robots import Answer, Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.lab.tones import hears, tone
from models.agents import Agents
from models.database import Database
from models.tables import CallEventRow, CallRow

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ROOT = Path(__file__).parents[3]
LI_NA, ZHANG_MIN, CHEN_WEI = "+8613800000001", "+8613800000004", "+8613800000003"
DEADLINE_S = 20.0
HZ = {"chris": 700.0, "carol": 1100.0, "haoran": 1700.0, "ruth": 2300.0}
Record = Callable[[str, object], None]


@dataclass
class TwoNodes:
    """The site as the tests see it."""

    site: Site
    database: Database
    caller: RobotCaller
    phones: dict[str, RobotPhone]
    desks: dict[str, RobotDesk]
    calls: list[RobotCall] = field(default_factory=list)

    async def desk(self, name: str, node: int) -> RobotDesk:
        """The desktop of an agent who signs in at that node, paused."""
        self.desks[name] = await RobotDesk.sign_in(self.site.engines[node].url, name, self.site.password)
        return self.desks[name]

    async def talks(self, name: str, number: str) -> tuple[RobotCall, RobotCall]:
        """A caller and the only agent who is ready: both lines, once they talk; everybody speaks in their own tone."""
        self.phones[name].manner = Manner(ring_s=0.1, talk_s=60.0, sentence=tone(HZ[name], 60.0))
        await self.desks[name].say("ready")
        rung = len(self.phones[name].calls)
        call = await self.asks(number)
        phone = await self.phones[name].rang(rung + 1, deadline_s=DEADLINE_S)
        await self.desks[name].talk_is("line")
        return call, phone

    async def hears(self, call: RobotCall, *names: str) -> None:
        """Until these agents are heard on a line, and no others."""
        wanted = {HZ[name] for name in names}
        async with asyncio.timeout(DEADLINE_S):
            while await hears(call, HZ.values()) != wanted:
                pass

    async def record(self, number: str) -> CallRow:
        """The newest call of a number."""
        async with self.database.read() as session:
            found = await session.scalars(
                select(CallRow).where(CallRow.ani == number).order_by(CallRow.started_at.desc()).limit(1)
            )
            return found.one()

    async def events(self, number: str, kind: str) -> list[dict[str, Any]]:
        """What the record of the newest call of a number says of a kind of event."""
        call = await self.record(number)
        wanted = select(CallEventRow.data).where(CallEventRow.call_id == call.id, CallEventRow.kind == kind)
        async with self.database.read() as session:
            return list(await session.scalars(wanted.order_by(CallEventRow.id)))

    async def ended(self, number: str) -> str:
        """How the newest call of a number ended, once it has: result/reason."""
        async with asyncio.timeout(DEADLINE_S):
            while (row := await self.record(number)).ended_at is None:
                await asyncio.sleep(0.05)
        return f"{row.result}/{row.reason}"

    async def asks(self, number: str) -> RobotCall:
        """A caller who asks for an agent."""
        call = await self.caller.dial("95599", number=number)
        self.calls.append(call)
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
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[..., AbstractContextManager[Site]],
    book_without_survey: Callable[[Path], Path],
) -> Iterator[Site]:
    server = shared_server()
    name = asyncio.run(server.create_database())
    folder = tmp_path_factory.mktemp("two-nodes")
    site = Site(
        folder,
        prompts=ROOT / "var" / "prompts",
        book=book_without_survey(folder),
        nodes=2,
        database_url=server.url(name),
        silent_s=4,
        overrides={"personal": {"hold_out": 0.0}, "routing": {"pop_s": 1.0}},  # a busy machine paints late
    )
    site.set_clock("2026-12-01T09:30")
    with running(site, customers=10):
        yield site


@pytest.fixture
async def nodes(site: Site, begin_afresh: Callable[[Database], Awaitable[None]]) -> AsyncIterator[TwoNodes]:
    """Chris's desktop on node a, Carol's on node b; both paused."""
    for engine in site.engines:
        if not engine.running:
            await engine.start()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        await begin_afresh(database)
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
        await asyncio.gather(*(call.hang_up() for call in nodes.calls))
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


@pytest.fixture
async def browser(nodes: TwoNodes) -> AsyncIterator[AgentDesks]:
    """A real browser for a supervisor, Ruth."""
    await Agents(nodes.database).set_supervisor("ruth", supervisor=True)
    async with AgentDesks(nodes.site.engines[0].url) as desks:
        yield desks


@pytest.mark.fault(
    "A1",
    "kill -9 of a node with one caller on hold and one whose agent consults another, PostgreSQL, a supervisor on it",
)
async def test_callers_on_hold_and_in_a_consultation_go_on_with_the_other_node(
    nodes: TwoNodes, browser: AgentDesks, record_property: Record
) -> None:
    """All calls are on node a; Chris's desktop and the supervisor's wall are there, the others on node b."""
    chris, carol, haoran = nodes.desks["chris"], nodes.desks["carol"], await nodes.desk("haoran", 1)
    ruth = await browser.sign_in("ruth", nodes.site.password)
    await ruth.page.goto(f"{nodes.site.engines[0].url}/wall")
    nodes.phones["ruth"].manner = Manner(ring_s=0.1, talk_s=60.0)
    nodes.phones["haoran"].manner = Manner(ring_s=0.1, talk_s=60.0, sentence=tone(HZ["haoran"], 60.0))

    held, chris_line = await nodes.talks("chris", LI_NA)
    await chris.handle("hold")
    await chris.talk_is("held")
    asked, carol_line = await nodes.talks("carol", ZHANG_MIN)
    await haoran.say("ready")
    await carol.handle("consult", target={"kind": "agent", "name": "haoran"}, note="Which form?")
    haoran_line = await nodes.phones["haoran"].rang(deadline_s=DEADLINE_S)
    await carol.talk_is("consult")
    await ruth.page.click("tr:has-text('Carol Tan') [data-act^=listen]")
    ruth_line = await nodes.phones["ruth"].rang(deadline_s=DEADLINE_S)
    await nodes.hears(ruth_line, "carol", "haoran")
    assert {await holder(nodes.database, number) for number in (LI_NA, ZHANG_MIN)} == {"node-a"}

    nodes.site.engines[0].kill()
    killed = time.time()
    nodes.desks["chris"] = chris = await RobotDesk.opened(nodes.site.engines[1].url, chris.cookie)
    async with asyncio.timeout(DEADLINE_S):
        while {await holder(nodes.database, number) for number in (LI_NA, ZHANG_MIN)} != {"node-b"}:
            await asyncio.sleep(0.02)
    record_property("both callers with the other node", f"{time.time() - killed:.1f} s after the kill")
    assert await hears(held, HZ.values()) == set()
    await nodes.hears(ruth_line, "carol", "haoran")
    async with asyncio.timeout(DEADLINE_S):
        while (live_at := await ruth.live_since(killed)) is None:
            await asyncio.sleep(0.1)
    record_property("the supervisor's wall", f"live again {live_at - killed:.1f} s after the kill")
    assert "Ruth Adler" in await ruth.page.inner_text("tr:has-text('Carol Tan')")

    await chris.talk_is("held")
    await chris.handle("retrieve")
    await chris.talk_is("room")
    await nodes.hears(held, "chris")
    record_property("the caller on hold", f"talks to the agent again {time.time() - killed:.1f} s after the kill")
    await carol.handle("complete")
    await carol_line.wait_ended(deadline_s=DEADLINE_S)
    await nodes.hears(asked, "haoran")
    speaking = asyncio.create_task(asked.ear.speak(tone(HZ["carol"], 30.0)))  # the pitch of nobody who is there
    await ruth_line.wait_ended(deadline_s=DEADLINE_S)
    await ruth.page.click("tr:has-text('Haoran Deng') [data-act^=listen]")
    await nodes.hears(await nodes.phones["ruth"].rang(2, deadline_s=DEADLINE_S), "haoran", "carol")
    record_property("the caller of the consultation", "talks to who was consulted, and a supervisor hears both")
    await haoran_line.hang_up()
    await chris_line.hang_up()
    speaking.cancel()
    assert [await nodes.ended(number) for number in (LI_NA, ZHANG_MIN)] == ["served/agent"] * 2
    record_property("callers dropped", 0)


@pytest.mark.fault(
    "A2", "kill -9 of every node; a caller talks, one is on hold, one waits; one node is back; PostgreSQL"
)
async def test_callers_whom_no_node_has_go_on_where_they_were_with_the_first_that_comes_back(
    nodes: TwoNodes, record_property: Record
) -> None:
    haoran = await nodes.desk("haoran", 0)
    held, _ = await nodes.talks("haoran", CHEN_WEI)
    await haoran.handle("hold")
    await haoran.talk_is("held")
    _, chris_line = await nodes.talks("chris", LI_NA)
    waiting = await nodes.waits(ZHANG_MIN)
    places, before = dict(await queue_order(nodes.database)), await newest_offer(nodes.database)
    for phone in nodes.phones.values():
        phone.manner = Manner(answer=Answer.NEVER)  # nobody takes calls of the static queue
    for engine in nodes.site.engines:
        engine.kill()
    await chris_line.hang_up()  # the conversation ends while there is no engine
    async with asyncio.timeout(DEADLINE_S):
        while nodes.site.asterisk.cli("core show channels concise").count("!ringwise-static!") < 3:
            await asyncio.sleep(0.1)

    first = nodes.site.engines[0]
    await first.start()
    back = time.time()
    for name in ("chris", "carol", "haoran"):
        nodes.desks[name] = await RobotDesk.opened(first.url, nodes.desks[name].cookie)
    assert await nodes.ended(LI_NA) == "served/agent"
    assert (await nodes.events(LI_NA, "step"))[-1]["step"] == "thanks", "the book went on after the conversation"
    await nodes.desks["chris"].until("paused")
    record_property(
        "caller who had talked, and their agent", f"went on {time.time() - back:.1f} s after a node was back"
    )
    nodes.phones["carol"].manner = Manner(ring_s=0.1, talk_s=60.0, sentence=tone(HZ["carol"], 60.0))
    await nodes.desks["carol"].say("ready")
    await nodes.phones["carol"].rang(deadline_s=DEADLINE_S)
    await nodes.hears(waiting, "carol")
    (offer,) = await offers_after(nodes.database, before)
    assert (offer.ani, offer.node, offer.since) == (ZHANG_MIN, "node-a", places[ZHANG_MIN])
    record_property("caller who waited", "was the next one by the place they had before")
    await nodes.desks["haoran"].handle("retrieve")
    await nodes.hears(held, "haoran")
    record_property("caller on hold", "was on hold again, and taken back by their agent")


@pytest.mark.fault(
    "E5", "PostgreSQL away for 6 s: a caller on hold, one waits, one calls then; an agent acts meanwhile"
)
async def test_while_the_database_is_away_callers_are_kept_and_served_once_it_is_back(
    nodes: TwoNodes, record_property: Record
) -> None:
    chris, carol, server = nodes.desks["chris"], nodes.desks["carol"], shared_server()
    held, _ = await nodes.talks("chris", LI_NA)
    await chris.handle("hold")
    await chris.talk_is("held")
    waiting = await nodes.waits(ZHANG_MIN)
    nodes.phones["carol"].manner = Manner(ring_s=0.1, talk_s=60.0, sentence=tone(HZ["carol"], 60.0))
    await asyncio.to_thread(server.stop)
    try:
        gone = time.time()
        await chris.handle("retrieve")
        assert await asyncio.wait_for(chris.refused.get(), DEADLINE_S) == "store_away"
        record_property("agent who acts", f"was told after {time.time() - gone:.1f} s that nothing was changed")
        calling = await nodes.caller.dial("95599", number=CHEN_WEI)
        nodes.calls.append(calling)
        heard = await calling.ear.hear_sound(deadline_s=DEADLINE_S)
        record_property("new caller heard the menu", f"{heard - calling.invited_at:.1f} s after dialling")
        await asyncio.sleep(max(0.0, gone + 6 - time.time()))
        assert not any(call.ended.is_set() for call in (held, waiting, calling))
    finally:
        await asyncio.to_thread(server.start)
    back = time.time()
    await carol.say("ready")
    await nodes.phones["carol"].rang(deadline_s=DEADLINE_S)
    await nodes.hears(waiting, "carol")
    record_property("waiting caller talked to an agent", f"{time.time() - back:.1f} s after it was back")
    await chris.handle("retrieve")
    await chris.talk_is("room")
    await nodes.hears(held, "chris")
    assert not calling.ended.is_set()


@pytest.mark.fault("F17", "phones vanish, one in a conversation, one while its caller is on hold: no BYE, no sound")
async def test_agents_whose_phones_vanish_come_free_and_their_callers_go_on(
    nodes: TwoNodes, record_property: Record
) -> None:
    chris, carol = nodes.desks["chris"], nodes.desks["carol"]
    held, _ = await nodes.talks("chris", LI_NA)
    await chris.handle("hold")
    await chris.talk_is("held")
    talking, _ = await nodes.talks("carol", ZHANG_MIN)
    vanished = time.time()
    await asyncio.gather(*(nodes.phones[name].vanish() for name in ("chris", "carol")))
    chris.afterwards = carol.afterwards = "pause"
    await carol.until("paused")
    record_property("agent free", f"{time.time() - vanished:.1f} s after the phone vanished (limit 4 s)")
    await talking.wait_ended(deadline_s=DEADLINE_S)
    assert await nodes.ended(ZHANG_MIN) == "served/agent"
    assert (await nodes.events(ZHANG_MIN, "step"))[-1]["step"] == "thanks", "the book went on"
    await chris.until("paused")
    haoran = await nodes.desk("haoran", 1)
    record_property("agent whose caller was on hold free", f"{time.time() - vanished:.1f} s after it")
    nodes.phones["haoran"].manner = Manner(ring_s=0.1, talk_s=60.0, sentence=tone(HZ["haoran"], 60.0))
    await haoran.say("ready")
    await nodes.phones["haoran"].rang(deadline_s=DEADLINE_S)
    await nodes.hears(held, "haoran")
    record_property("the caller on hold", "was the next one of the queue")


@pytest.mark.fault("F17", "a caller who waits vanishes: no BYE, no sound")
async def test_a_caller_who_vanishes_waits_no_longer_and_rings_nobody(nodes: TwoNodes, record_property: Record) -> None:
    call = await nodes.waits(LI_NA)
    vanished = time.time()
    call.vanish()
    assert await nodes.ended(LI_NA) == "left/in_queue"
    record_property("no longer in the queue", f"{time.time() - vanished:.1f} s after the caller vanished (limit 4 s)")
    assert not await queue_order(nodes.database)
