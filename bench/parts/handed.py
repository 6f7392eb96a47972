"""One agent, one phone, two distributors on one Asterisk: Ringwise and app_queue take turns at giving it callers."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

from sqlalchemy import func, select

from ivr.bank.staff import AgentSeed
from ivr.lab.robot_desk import RobotDesk
from ivr.lab.robots import Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.testing.databases import fresh_url
from models.database import Database
from models.tables import NeedRow, OfferRow

ROOT = Path(__file__).parents[2]
AGENT = AgentSeed("ada", "Ada Lin", "PJSIP/agent-101", {"general": 5, "lang:en": 5, "lang:zh": 5})
#: app_queue at its quickest: it looks for a free member every `retry` seconds, and 1 is the least that it takes.
QUEUE = """
[handover]
strategy = rrmemory
timeout = 20
retry = 1
wrapuptime = 0
autofill = yes
ringinuse = no
joinempty = yes
leavewhenempty = no
musicclass = default
member => PJSIP/agent-101
"""
OURS, THEIRS = "95599", "7000"  #: what is dialled
AHEAD = 3  #: rounds for which callers are made to wait at a time
SETTLE_S = 7.0  #: until a new caller has heard all that is said and waits with music
APART_S = 0.4  #: between two callers
RING_S, TALK_S = 0.05, (0.4, 1.4)  #: drawn between these, so that no call ends in step with app_queue's second
DEADLINE_S = 20.0


@dataclass(slots=True)
class Samples:
    """What was measured; seconds."""

    agent_ready: list[float] = field(default_factory=list)  #: from the word that the agent is free to INVITE
    call_ends: list[float] = field(default_factory=list)  #: from the end of the call before to INVITE


@dataclass(slots=True)
class Pops:
    """Of each of our offers: the pop, and where the time went; seconds."""

    lead: list[float] = field(default_factory=list)  #: from the pop at the page to INVITE
    acknowledged_first: int = 0
    stages: dict[str, list[float]] = field(
        default_factory=lambda: {"claimed": [], "pop_came": [], "pop_stood": [], "rung": []}
    )


class Manager:
    """A connection to the manager interface that says one thing after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def log_in(cls, port: int, secret: str) -> Self:
        """Connect as the engine's user."""
        manager = cls(*await asyncio.open_connection("127.0.0.1", port))
        await manager._reader.readline()
        await manager.say(Action="Login", Username="ringwise", Secret=secret, Events="off")
        return manager

    async def say(self, **fields: str) -> None:
        """Send an action and wait until it is done. Raises RuntimeError when it is refused."""
        self._writer.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")
        async with asyncio.timeout(DEADLINE_S):
            answer = await self._reader.readuntil(b"\r\n\r\n")
        if b"Response: Success" not in answer:
            raise RuntimeError(f"{fields['Action']}: {answer.decode(errors='replace')}")

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


class Bench:
    """Both distributors, ready."""

    def __init__(
        self, site: Site, database: Database, desk: RobotDesk, manager: Manager, phone: RobotPhone, caller: RobotCaller
    ) -> None:
        self.ours, self.app_queue, self.pops = Samples(), Samples(), Pops()
        self._site, self._database = site, database
        self._desk, self._manager = desk, manager
        self._phone, self._caller = phone, caller
        self._random = random.Random(5)
        self._lines: dict[str, list[RobotCall]] = {OURS: [], THEIRS: []}
        self._moments: list[tuple[float | None, float]] = []  # she said ready, her phone was rung
        self._number = 0

    @classmethod
    @asynccontextmanager
    async def begun(cls, folder: Path, kind: str, nodes: int) -> AsyncIterator[Self]:
        """Everything started, for the time of a block: calls come to the first node, the agent is on the last one."""
        async with AsyncExitStack() as stack:
            site = Site(
                folder,
                prompts=ROOT / "var" / "prompts",
                nodes=nodes,
                database_url=await stack.enter_async_context(fresh_url(kind, folder)),
                overrides={"personal": {"hold_out": 0.0}},
                staff=(AGENT,),
            )
            await site.prepare(site.settings.database_url, until=date(2026, 12, 1), customers=10)
            await site.publish()
            stack.push_async_callback(site.stop)
            site.set_clock("2026-12-01T09:30")
            await site.start()
            await asyncio.to_thread(_add_queue, site)
            plan = site.asterisk.plan
            manager = await Manager.log_in(plan.ami_port, plan.ami_secret)
            stack.push_async_callback(manager.close)
            phone = RobotPhone(site.asterisk.phone_address("agent-101"), Manner(ring_s=RING_S))
            await stack.enter_async_context(phone)
            caller = await stack.enter_async_context(RobotCaller(site.asterisk.sip, site.asterisk.trunk_address))
            database = await stack.enter_async_context(Database.opened(site.settings.database_url))
            desk = await RobotDesk.sign_in(site.engines[-1].url, AGENT.name, site.password)
            stack.push_async_callback(desk.close)
            bench = cls(site, database, desk, manager, phone, caller)
            await bench._pause(paused=True)
            yield bench

    async def rounds(self, count: int) -> None:
        """So many rounds: each distributor in turn gives the agent a caller when she is free, and one more after it."""
        for number in range(count):
            if number % AHEAD == 0:
                await self._callers_come(2 * min(AHEAD, count - number))
            arms = (self._our_turn, self._their_turn)
            for turn in arms if number % 2 == 0 else reversed(arms):
                await asyncio.sleep(self._random.random())  # at any moment of app_queue's second
                self._phone.manner = Manner(ring_s=RING_S, talk_s=self._random.uniform(*TALK_S))
                await turn()
        await self._look_into_the_books()

    # --- callers ------------------------------------------------------------------------------------------------

    async def _callers_come(self, each: int) -> None:
        """So many more callers wait in each of both queues."""
        await asyncio.gather(*(self._come(dnis, each) for dnis in (OURS, THEIRS)))
        await asyncio.sleep(SETTLE_S)
        waiting = await self._waiting()
        if waiting != each:
            raise RuntimeError(f"{waiting} of {each} callers wait in our queue")
        shown = await asyncio.to_thread(self._site.asterisk.cli, "queue show handover")
        if f"has {each} calls" not in shown:
            raise RuntimeError(f"not {each} callers wait in app_queue:\n{shown}")

    async def _come(self, dnis: str, count: int) -> None:
        """One after the other, so that they are served in this order."""
        for _ in range(count):
            self._number += 1
            line = await self._caller.dial(dnis, number=f"+86139{self._number:08d}")
            self._lines[dnis].append(line)
            if dnis == OURS:
                await line.ear.hear_sound(deadline_s=DEADLINE_S)
                await line.ear.press("0")
                await asyncio.sleep(APART_S)

    async def _waiting(self) -> int:
        async with self._database.read() as session:
            return await session.scalar(select(func.count(NeedRow.id)).where(NeedRow.state == "waiting")) or 0

    async def _calls(self, samples: Samples, freed_at: float, rung: int) -> AsyncIterator[RobotCall]:
        """The two calls of a turn, each once it rings; measured. The phone has rung so often before."""
        first = await self._phone.rang(rung + 1, deadline_s=DEADLINE_S)
        samples.agent_ready.append(first.invited_at - freed_at)
        yield first
        await first.wait_ended(deadline_s=DEADLINE_S)
        second = await self._phone.rang(rung + 2, deadline_s=DEADLINE_S)
        assert first.ended_at is not None
        samples.call_ends.append(second.invited_at - first.ended_at)
        yield second
        await second.wait_ended(deadline_s=DEADLINE_S)

    async def _leave(self, dnis: str) -> None:
        """The two callers of a turn hang up, whatever they are told after their conversation."""
        for _ in range(2):
            await self._lines[dnis].pop(0).hang_up()

    async def _look_into_the_books(self) -> None:
        """Which offer each INVITE was for, in order, and what became of its pop. Raises RuntimeError if one is lost."""
        async with self._database.read() as session:
            made = (await session.execute(select(OfferRow.id, OfferRow.made_at).order_by(OfferRow.id))).all()
        if len(made) != len(self._moments):
            raise RuntimeError(f"{len(made)} offers and {len(self._moments)} rings")
        for (offer_id, at), (freed_at, invited_at) in zip(made, self._moments, strict=True):
            made_at, never = at - self._site.clock_ahead_s, float("inf")
            popped_at, shown_at = (told.get(offer_id, never) for told in (self._desk.popped, self._desk.shown))
            self.pops.acknowledged_first += shown_at < invited_at
            if shown_at == never:
                continue
            self.pops.lead.append(invited_at - popped_at)
            if freed_at is None:
                continue
            spans = (made_at - freed_at, popped_at - made_at, shown_at - popped_at, invited_at - shown_at)
            for stage, seconds in zip(self.pops.stages.values(), spans, strict=True):
                stage.append(seconds)

    # --- the turns ----------------------------------------------------------------------------------------------

    async def _our_turn(self) -> None:
        await self._desk.until("paused")
        self._desk.afterwards, rung = "ready", len(self._phone.calls)
        freed_at = time.time()
        await self._desk.say("ready")
        async for call in self._calls(self.ours, freed_at, rung):
            first = len(self._phone.calls) == rung + 1
            self._moments.append((freed_at if first else None, call.invited_at))
            if not first:
                self._desk.afterwards = "pause"
        await self._desk.until("paused")
        await self._leave(OURS)

    async def _their_turn(self) -> None:
        freed_at, rung = time.time(), len(self._phone.calls)
        await self._pause(paused=False)
        async for _ in self._calls(self.app_queue, freed_at, rung):
            if len(self._phone.calls) == rung + 2:
                await self._pause(paused=True)
        await self._leave(THEIRS)

    async def _pause(self, *, paused: bool) -> None:
        await self._manager.say(
            Action="QueuePause", Queue="handover", Interface=AGENT.phone, Paused="true" if paused else "false"
        )


def _add_queue(site: Site) -> None:
    """Give Asterisk a queue of its own with the agent's phone in it, and a number that leads there."""
    with (site.asterisk.plan.folder / "etc" / "queues.conf").open("a", encoding="utf-8") as queues:
        queues.write(QUEUE)
    for command in (
        "queue reload all",
        f"dialplan add extension {THEIRS},1,Answer() into ivr",
        f"dialplan add extension {THEIRS},2,Queue(handover) into ivr",
    ):
        site.asterisk.cli(command)
