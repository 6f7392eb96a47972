"""Scenarios over real SIP: a private Asterisk and engine, robots as caller and agents, the real tables.

One call at a time: scenarios share their callers and agents. What is said is recognised by its sound where one sound is
all of it; prompts with values and words are found on record, which holds them once they were said.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update

from ivr.bank.staff import AgentSeed
from ivr.lab.g711 import Samples, read_wav
from ivr.lab.robots import Answer, Manner, NotAnswered, RobotCaller, RobotPhone
from ivr.lab.site import Site
from ivr.prompts.catalogue import Catalogue
from ivr.rehearsal.callers import number_of
from ivr.rehearsal.desk import Desk
from ivr.rehearsal.files import Part
from ivr.rehearsal.live_line import LiveLine
from ivr.rehearsal.node import Scene, every_skill, everybody, rehearsed
from ivr.rehearsal.player import Departure, Played, play
from ivr.rehearsal.rows import move_in
from ivr.rehearsal.schema import Agent, seconds_of
from ivr.settings import Settings
from menus.schema import Option
from models.agents import Agents
from models.database import Database
from models.migrate import migrate
from models.tables import AgentRow
from routing.agent import AgentState

#: Seconds that one call may take; longer scenarios are skipped.
LONGEST_S = 300.0
#: How far the engine's clock may be past a scenario's `at` before it is started anew.
CLOCK_S = 600.0
#: Sections of the settings that the private engine takes over.
TAKEN = (
    "time_zone", "country", "verification", "webhooks", "outbound", "callbacks", "calls", "personal", "routing",
)  # fmt: skip


def play_live(
    settings: Settings, scene: Scene, parts: Sequence[Part], tell: Callable[[Played], None], folder: Path
) -> None:
    """Play the scenarios in the order of their days, each told as it ends. Raises Misconfigured without Asterisk."""
    for part in parts:
        if (why := not_live(part)) is not None:
            tell(Played(part, skipped=why))
    for old in folder.glob("ringwise.db*"):
        old.unlink()
    asyncio.run(_play(settings, scene, [part for part in parts if not_live(part) is None], tell, folder))


def not_live(part: Part) -> str | None:
    """Why a scenario cannot be played on a real line; None when it can."""
    scenario = part.scenario
    if scenario.dips:
        return "other systems answer in rehearsals only"
    if scenario.crowd is not None:
        return "others wait in rehearsals only"
    if scenario.outside != "answers":
        return "outside numbers are not rung from a private Asterisk"
    longest_s = sum(seconds_of(step.waits) for step in scenario.steps if step.waits is not None)
    longest_s = max(longest_s, *(step.within_s or 0.0 for step in scenario.steps))
    return f"it takes more than {LONGEST_S:g} s" if longest_s > LONGEST_S else None


async def _play(
    settings: Settings, scene: Scene, parts: Sequence[Part], tell: Callable[[Played], None], folder: Path
) -> None:
    if not parts:
        return
    staff = _staff(parts, scene)
    site = Site(
        folder,
        prompts=settings.prompts.folder,
        book=settings.book.folder.absolute(),
        queues=settings.book.queues.absolute(),
        staff=staff,
        overrides=taken_over(settings),
    )
    async with AsyncExitStack() as stack:
        await migrate(site.settings.database_url)
        database = await stack.enter_async_context(Database.opened(site.settings.database_url))
        for agent in staff:
            await Agents(database).add(agent.name, agent.full_name, site.password, agent.phone, agent.skills)
        await site.publish("rehearsal")
        stack.push_async_callback(site.stop)
        site.set_clock(parts[0].scenario.at)
        await asyncio.to_thread(site.asterisk.start)
        stage = await stack.enter_async_context(LiveStage(site, scene, database))
        for part in sorted(parts, key=lambda part: part.scenario.at):
            began = time.monotonic()
            played = await stage.play(part)
            played.took_s = time.monotonic() - began
            tell(played)


def taken_over(settings: Settings) -> dict[str, Any]:
    """The sections of the settings that the private engine has too, as a rehearsal wants them."""
    return rehearsed(settings).model_dump(mode="json", include=set(TAKEN))


def _staff(parts: Sequence[Part], scene: Scene) -> tuple[AgentSeed, ...]:
    """Everybody who takes calls in some scenario, each with a phone."""
    agents: dict[str, Agent] = {}
    for part in parts:
        agents |= {name: agent for name, agent in everybody(part.agents).items() if name not in agents}
    return tuple(
        AgentSeed(name, agent.full_name or name.capitalize(), f"PJSIP/agent-{101 + number}", _skills(agent, scene))
        for number, (name, agent) in enumerate(agents.items())
    )


def _skills(agent: Agent, scene: Scene) -> Mapping[str, int]:
    return agent.skills if agent.skills is not None else every_skill(scene)


class LiveStage:
    """The site with its robots."""

    def __init__(self, site: Site, scene: Scene, database: Database) -> None:
        self._site, self._scene, self._database = site, scene, database
        self._stack = AsyncExitStack()
        self._phones: dict[str, RobotPhone] = {}
        self._caller: RobotCaller | None = None
        self._voices = voices(Catalogue.load(site.prompts, scene.edition.book), scene)

    async def __aenter__(self) -> "LiveStage":
        asterisk = self._site.asterisk
        self._caller = await self._stack.enter_async_context(RobotCaller(asterisk.sip, asterisk.trunk_address))
        for agent in self._site.staff:
            address = asterisk.phone_address(agent.phone.removeprefix("PJSIP/"))
            self._phones[agent.name] = await self._stack.enter_async_context(RobotPhone(address))
        return self

    async def __aexit__(self, *fault: Any) -> None:
        await self._stack.aclose()

    async def play(self, part: Part) -> Played:
        """One scenario, on a site that knows its callers only and where only its agents are."""
        await self._be_at(part.scenario.at)
        now = datetime.fromtimestamp(self._site.now(), self._scene.edition.book.zone)
        await self._everybody_out()
        await move_in(self._database, part.callers, now, part.scenario.lang)
        agents = everybody(part.agents)
        names = agents if part.scenario.agents is None else part.scenario.agents
        there = {} if names == "none" else {name: agents[name] for name in names}
        async with AsyncExitStack() as stack:
            desks = []
            for name, agent in there.items():
                desks.append(await stack.enter_async_context(await self._desk(name, agent)))
            coming = [
                asyncio.create_task(_come(desk, agent)) for desk, agent in zip(desks, there.values(), strict=True)
            ]
            stack.callback(lambda: [task.cancel() for task in coming])
            return await self._call(part, desks)

    async def _call(self, part: Part, desks: Sequence[Desk]) -> Played:
        assert self._caller is not None
        number, book = number_of(part.caller), self._scene.edition.book
        try:
            call = await self._caller.dial(part.scenario.dial, number=number)
        except NotAnswered as fault:
            return Played(part, Departure(0, 0.0, str(fault)))
        line = LiveLine(call, self._database, book, self._voices, desks, self._site.clock_ahead_s)
        try:
            async with asyncio.timeout(LONGEST_S):
                return await play(part, line, book)
        except TimeoutError:
            return Played(part, Departure(0, 0.0, f"the call took more than {LONGEST_S:g} s"))
        finally:
            await call.hang_up()
            await line.wait_ended()

    async def _be_at(self, at: str) -> None:
        """Let the engine run with this time of day, or a little later on the same day."""
        site = self._site
        wanted = self._scene.local(at).timestamp()
        if site.engine.running and 0 <= site.now() - wanted <= CLOCK_S:
            return
        await site.engine.stop()
        site.set_clock(at)
        await site.engine.start()

    async def _everybody_out(self) -> None:
        values: dict[str, Any] = {"state": AgentState.LOGGED_OUT.value, "since": 0.0, "pause_after": None}
        async with self._database.write() as session:
            await session.execute(update(AgentRow).values(version=AgentRow.version + 1, wrap_up_until=None, **values))

    async def _desk(self, name: str, agent: Agent) -> Desk:
        skills, roster = _skills(agent, self._scene), Agents(self._database)
        card = await roster.by_name(name)
        without = set(card.skills) - set(skills) if card is not None else set()
        await roster.set_skills(name, skills, without=without)
        answer = Answer.ANSWER if agent.answers else Answer.NEVER
        self._phones[name].manner = Manner(answer, ring_s=0.5, talk_s=seconds_of(agent.talks))
        return Desk(self._site.engine.url, name, self._site.password)


async def _come(desk: Desk, agent: Agent) -> None:
    await asyncio.sleep(seconds_of(agent.comes_after))
    await desk.ready()


def voices(catalogue: Catalogue, scene: Scene) -> Mapping[str, Mapping[str, Samples]]:
    """Language → prompt or option whose sound is one file → that sound."""
    book = scene.edition.book
    found: dict[str, dict[str, Samples]] = {language: {} for language in book.languages}
    for language in book.languages:
        for name, prompt in book.prompts.items():
            if "{" not in prompt.text[language]:
                found[language][name] = _sound(catalogue.prompt(name, language)[0].sound)
        for name, step in book.steps.items():
            for option in getattr(step, "options", ()):
                if isinstance(option, Option) and option.offered_in(language):
                    sound = catalogue.option(name, option.id, language).sound
                    found[language][f"{name}.{option.id}"] = _sound(sound)
    return found


def _sound(path: str) -> Samples:
    return read_wav(Path(f"{path}.wav"))
