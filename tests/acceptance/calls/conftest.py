"""A whole site for the run: Asterisk, two engine nodes on one database, a small bank, robots; mended for each test."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from ivr.demo.voices import agent_voice, option_voices
from ivr.lab.g711 import RATE, Samples, read_wav
from ivr.lab.recognise import ClipFound, recognise
from ivr.lab.robots import Manner, RobotCall, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from ivr.settings import SHIPPED
from menus.loader import load_book
from menus.schema import MenuBook
from models.agents import Agents
from models.database import Database
from models.tables import AgentRow, CallEventRow, CallRow, NeedRow, OfferRow
from routing.agent import AgentEvent, AgentState

ROOT = Path(__file__).parents[3]
MONTH_START = "2026-12-01T09:30"
SETTLE_S = 8.0
LISTEN_AGAIN_S = 0.1  # looking for a sound takes a core for some milliseconds
PLACED_WITHIN_S = 0.25  # of when it was really heard sound is placed, on a busy machine
BLOCK = 160  # samples: 20 ms
LOUD = 200.0  # root mean square above which there is sound


@contextmanager
def _running(site: Site, *, customers: int, start: bool = True) -> Iterator[Site]:
    async def prepare() -> None:
        await site.prepare(site.settings.database_url, until=date(2026, 12, 1), customers=customers)
        await site.publish()
        if start:
            await site.start()

    try:
        asyncio.run(prepare())
        yield site
    finally:
        asyncio.run(site.stop())


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[Site]]:
    """Fills a site, publishes its book, and starts it unless the tests do; stops it at the end of the block."""
    return _running


def _book_without_survey(folder: Path) -> Path:
    book = shutil.copytree(SHIPPED / "menus", folder / "menus")
    agents = book / "agents.yaml"
    agents.write_text(
        re.sub(r"\bshare: 0\.3$", "share: 0.000001", agents.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    return book


@pytest.fixture(scope="session")
def book_without_survey() -> Callable[[Path], Path]:
    """Puts the shipped book into a folder; nobody is asked how it was, as would come to some of the calls by chance."""
    return _book_without_survey


@pytest.fixture(scope="session")
def _site(
    tmp_path_factory: pytest.TempPathFactory,
    running: Callable[..., AbstractContextManager[Site]],
    book_without_survey: Callable[[Path], Path],
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    site = Site(
        folder,
        prompts=ROOT / "var" / "prompts",
        book=book_without_survey(folder),
        nodes=2,
        softphones=["agent-unplugged"],  # a phone that never registers
        overrides={
            "personal": {"hold_out": 0.0},
            "routing": {"desk_lost_s": 3600.0},
            "calls": {"dead_man_s": 3.0},
        },
    )

    with running(site, customers=40, start=False):
        site.set_clock(MONTH_START)
        yield site


@dataclass
class Hotline:
    """The site as a test sees it."""

    site: Site
    database: Database
    caller: RobotCaller
    book: MenuBook
    catalogue: Catalogue
    phones: dict[str, RobotPhone] = field(default_factory=dict)
    lines: list[RobotCall] = field(default_factory=list)

    async def dial(self, number: str | None, **how: Any) -> RobotCall:
        """Call the hotline."""
        self.lines.append(await self.caller.dial("95599", number=number, **how))
        return self.lines[-1]

    async def unplug(self, name: str) -> tuple[str, int]:
        """Take away an agent's robot; the answer is where another phone must listen."""
        await self.phones.pop(name).close()
        (phone,) = (agent.phone for agent in self.site.staff if agent.name == name)
        return self.site.asterisk.phone_address(phone.removeprefix("PJSIP/"))

    def clip(self, prompt: str, language: str = "en", **values: Any) -> Samples:
        """How a prompt sounds."""
        return read_wav(Path(self.catalogue.prompt(prompt, language, **values)[0].sound + ".wav"))

    def heard(self, call: RobotCall, language: str = "en", **more: Samples) -> tuple[ClipFound, ...]:
        """Options of the top menu, and further clips, that stand on the caller's line, in order."""
        return recognise(call.ear.sound()[1], {**option_voices(self.book, self.catalogue, "main", language), **more})

    async def hear(self, call: RobotCall, clip: Samples, *, deadline_s: float, after: float = 0.0) -> float:
        """When a clip began on the line, after that moment; seconds of the epoch."""
        found: list[float] = []

        def there() -> bool:
            start, line = call.ear.sound()
            began = [start + one.at_s for one in recognise(line, {"clip": clip})]
            found[:] = [at for at in began if at > after - PLACED_WITHIN_S]
            return bool(found)

        await self.until(there, deadline_s=deadline_s)
        return found[0]

    async def sound_after(self, call: RobotCall, moment: float, *, deadline_s: float) -> float:
        """When there was sound on the line again after a silence that began at or after that moment."""
        found: list[float] = []

        def there() -> bool:
            start, line = call.ear.sound()
            blocks = line[max(0, int((moment - start) * RATE)) :]
            loud = [
                float(np.sqrt(np.mean(blocks[at : at + BLOCK].astype(np.float64) ** 2))) > LOUD
                for at in range(0, len(blocks) - BLOCK, BLOCK)
            ]
            quiet = next((at for at in range(len(loud) - 3) if not any(loud[at : at + 3])), None)
            again = None if quiet is None else next((at for at in range(quiet, len(loud)) if loud[at]), None)
            found[:] = [] if again is None else [max(moment, start) + again * BLOCK / RATE]
            return bool(found)

        await self.until(there, deadline_s=deadline_s)
        return found[0]

    async def until(self, true: Callable[[], Any], *, deadline_s: float = SETTLE_S) -> None:
        """Wait until something holds; `true` may be a coroutine function."""
        deadline = time.monotonic() + deadline_s
        while True:
            came = true()
            if asyncio.iscoroutine(came):
                came = await came
            if came:
                return
            assert time.monotonic() < deadline, f"not true within {deadline_s} s: {true}"
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def make_ready(self, name: str) -> None:
        """Sign an agent in and say ready, without a browser."""
        agents = Agents(self.database)
        card = await agents.by_name(name)
        assert card is not None
        now = self.site.now()
        await agents.say(card.id, AgentEvent.SIGN_IN, now=now)
        await agents.say(card.id, AgentEvent.READY, now=now)

    async def agent_state(self, name: str) -> AgentState:
        """What the agent is doing, by the database."""
        async with self.database.read() as session:
            return AgentState(await session.scalar(select(AgentRow.state).where(AgentRow.name == name)) or "")

    async def record(self, number: str | None) -> CallRow:
        """The newest call of a number."""
        async with self.database.read() as session:
            row = await session.scalar(
                select(CallRow).where(CallRow.ani == number).order_by(CallRow.started_at.desc()).limit(1)
            )
        assert row is not None, f"no call of {number} is on record"
        return row

    async def ended(self, number: str | None) -> str:
        """How the newest call of a number ended, once it has: result/reason."""

        async def over() -> bool:
            return (await self.record(number)).ended_at is not None

        await self.until(over)
        row = await self.record(number)
        return f"{row.result}/{row.reason}"

    async def events(self, number: str | None, kind: str) -> list[dict[str, Any]]:
        """Events of one kind of the newest call of a number."""
        call = await self.record(number)
        async with self.database.read() as session:
            rows = await session.scalars(
                select(CallEventRow)
                .where(CallEventRow.call_id == call.id, CallEventRow.kind == kind)
                .order_by(CallEventRow.id)
            )
            return [row.data for row in rows]

    async def offers(self, number: str | None) -> list[OfferRow]:
        """Offers of the newest call of a number, oldest first."""
        call = await self.record(number)
        async with self.database.read() as session:
            return list(
                await session.scalars(select(OfferRow).where(OfferRow.call_id == call.id).order_by(OfferRow.id))
            )

    async def left_open(self) -> list[str]:
        """Calls, needs and offers that are open."""
        async with self.database.read() as session:
            calls = await session.scalars(select(CallRow.id).where(CallRow.ended_at.is_(None)))
            needs = await session.scalars(select(NeedRow.id).where(NeedRow.closed_at.is_(None)))
            offers = await session.scalars(select(OfferRow.id).where(OfferRow.closed_at.is_(None)))
            return [*(f"call {c}" for c in calls), *(f"need {n}" for n in needs), *(f"offer {o}" for o in offers)]


async def _begin_afresh(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            update(AgentRow).values(
                state=AgentState.LOGGED_OUT.value,
                since=0.0,
                version=AgentRow.version + 1,
                pause_after=None,
                set_aside=None,
                back_at=None,
                missed_at=None,
                refused_at=None,
            )
        )
        # Nobody has called of late: whoever has is spoken to about it, and these tests call as the same few people.
        await session.execute(update(CallRow).values(started_at=CallRow.started_at - 8 * 86400))


@pytest.fixture(scope="session")
def begin_afresh() -> Callable[[Database], Awaitable[None]]:
    """Signs every agent out, and lets all calls so far have been long ago."""
    return _begin_afresh


@pytest.fixture
async def hotline(_site: Site, begin_afresh: Callable[[Database], Awaitable[None]]) -> AsyncIterator[Hotline]:
    """Both engines up, every agent signed out, phones that answer; afterwards nothing is left open anywhere."""
    if _site.asterisk.pid is None:
        await asyncio.to_thread(_site.asterisk.start)
    for engine in _site.engines:
        if not engine.running:
            await engine.start()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(_site.settings.database_url))
        await begin_afresh(database)
        book = load_book(_site.book)
        caller = await stack.enter_async_context(RobotCaller(_site.asterisk.sip, _site.asterisk.trunk_address))
        line = Hotline(_site, database, caller, book, Catalogue.load(_site.prompts, book))
        for agent in _site.staff:
            address = _site.asterisk.phone_address(agent.phone.removeprefix("PJSIP/"))
            manner = Manner(ring_s=0.3, talk_s=2.5, sentence=await agent_voice(agent))
            line.phones[agent.name] = await stack.enter_async_context(RobotPhone(address, manner))
        yield line
        await asyncio.gather(*(call.hang_up() for call in line.lines))
        await line.until(lambda: _site.asterisk.pid is None or _site.asterisk.channels() == 0)
        if any(engine.running for engine in _site.engines) and _site.asterisk.pid is not None:

            async def nothing_open() -> bool:
                return not await line.left_open()

            await line.until(nothing_open, deadline_s=20)
