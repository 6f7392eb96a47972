"""An engine node of twins for one call: the real conversation, dispatcher and watcher on a book, in the loop's time."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from ivr.conversation import converse
from ivr.errors import DipFailed
from ivr.parts import Edition
from ivr.ports import Arrival, DialStatus, WebRequest
from ivr.queues import Queue
from ivr.rehearsal.crowd import Others
from ivr.rehearsal.files import ANYBODY
from ivr.rehearsal.loops import LoopClock
from ivr.rehearsal.schema import Agent, Crowd, seconds_of
from ivr.rehearsal.telephone import Manner, Telephone
from ivr.settings import Settings
from ivr.testing.records import MemoryDirectory, MemoryStore
from ivr.testing.selfservice import MemoryWebhooks
from ivr.testing.stage import Stage
from menus.facts import CallerFacts
from menus.schema import MenuBook, Route
from routing.agent import AgentState

CALL_ID = "rehearsal"
_CHANNEL = "PJSIP/trunk-rehearsal"
_OUTSIDE = {"answers": DialStatus.ANSWERED, "busy": DialStatus.BUSY, "no_answer": DialStatus.NO_ANSWER}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a call is rehearsed on."""

    edition: Edition
    queues: Mapping[str, Queue]
    settings: Settings

    def local(self, moment: str) -> datetime:
        """That local time of the book."""
        return datetime.fromisoformat(moment).replace(tzinfo=self.edition.book.zone)


class Webhooks(MemoryWebhooks):
    """Other systems that answer as a scenario says; who is late takes all the time that is left to them."""

    def __init__(self) -> None:
        super().__init__()
        self.late: set[str] = set()

    def take(self, dips: Mapping[str, str]) -> None:
        """Answer as a scenario says; whoever is not named, or is broken, gives no good answer."""
        for url, answer in dips.items():
            if answer == "late":
                self.late.add(url)
            elif answer != "broken":
                self.answers[url] = json.loads(answer)

    async def ask(self, request: WebRequest, *, deadline_s: float) -> Mapping[str, Any]:
        """The answer that was put under this address."""
        if request.url in self.late:
            self.asked.append(request)
            await asyncio.sleep(deadline_s)
            raise DipFailed(f"{request.url} is late")
        return await super().ask(request, deadline_s=deadline_s)


class Directory(MemoryDirectory):
    """Who is calling, and in which language whoever it is wants to be spoken to."""

    def __init__(self, store: MemoryStore, zone: ZoneInfo, language: str | None) -> None:
        super().__init__(store, zone)
        self._language = language

    async def find(self, ani: str | None, *, now: float, deadline_s: float) -> CallerFacts:
        """Facts of the one customer with this number."""
        facts = await super().find(ani, now=now, deadline_s=deadline_s)
        return replace(facts, language=self._language or facts.language)


@dataclass(slots=True)
class Logged:
    """What the engine logged during a rehearsal: warnings and worse, faults with where they happened."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Rehearsal:
    """A node for one call. Made within the running loop, whose time it takes for its own."""

    def __init__(self, scene: Scene, at: datetime, *, language: str | None = None) -> None:
        self.scene = scene
        self.clock = LoopClock(at.timestamp())
        self.webhooks = Webhooks()
        self.stage = Stage(
            settings=scene.settings,
            clock=self.clock,
            edition=scene.edition,
            queues=scene.queues,
            directory=lambda store, zone: Directory(store, zone, language),
            webhooks=self.webhooks,
        )
        self.phones: dict[str, Manner] = {}
        self.full_names: dict[str, str] = {}
        self._coming: list[tuple[float, int]] = []
        self._telephone: Telephone | None = None
        self._others: Others | None = None
        self.stage.switchboard.on_wake = self._wake

    def hire(self, agents: Mapping[str, Agent]) -> None:
        """Let these agents be there, some of them later."""
        for name, agent in agents.items():
            comes_s = seconds_of(agent.comes_after)
            row = self.stage.store.add_agent(
                name,
                agent.full_name or name.capitalize(),
                skills=dict(agent.skills) if agent.skills is not None else every_skill(self.scene),
                state=AgentState.PAUSED if comes_s else AgentState.READY,
                since=self.clock.now(),
            )
            status = DialStatus.ANSWERED if agent.answers else DialStatus.NO_ANSWER
            self.phones[row.phone] = Manner(status, talks_s=seconds_of(agent.talks))
            self.full_names[row.phone] = row.full_name
            if comes_s:
                self._coming.append((comes_s, row.id))

    def crowd(self, crowd: Crowd) -> None:
        """Let others wait and be served in every queue."""
        self._others = Others(self.stage, crowd, self.scene.edition.book.languages)

    def outside(self, what: str) -> None:
        """What comes of calls to the book's outside numbers."""
        for number in self.scene.edition.book.numbers.values():
            self.phones[number] = Manner(_OUTSIDE[what])

    def telephone(self, ani: str | None, dial: str) -> Telephone:
        """The caller's line."""
        arrival = Arrival(CALL_ID, CALL_ID, _CHANNEL, ani, "", dial, 1)
        self._telephone = Telephone(arrival, self.phones, self.stage.switchboard.tell)
        return self._telephone

    async def serve(self, telephone: Telephone) -> None:
        """The whole call, from the engine's side."""
        stage = self.stage
        beside = [stage.dispatcher.run(), stage.watcher.listen(), stage.watcher.sweep_forever()]
        beside += [self._come(after_s, id_) for after_s, id_ in self._coming]
        beside += [self._others.are_served()] if self._others is not None else []
        tasks = [asyncio.ensure_future(work) for work in beside]
        try:
            await converse(telephone, stage.parts)
        finally:
            telephone.end()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _come(self, after_s: float, agent_id: int) -> None:
        await asyncio.sleep(after_s)
        agent = self.stage.store.agents[agent_id]
        agent.state, agent.since, agent.version = AgentState.READY.value, self.clock.now(), agent.version + 1

    def _wake(self, channel: str) -> None:
        if self._telephone is not None and channel == _CHANNEL:
            self._telephone.wake()


def everybody(agents: Mapping[str, Agent]) -> Mapping[str, Agent]:
    """Who takes calls when a file names nobody: one agent who can everything."""
    return agents or {ANYBODY: Agent(full_name="Any Agent")}


def every_skill(scene: Scene) -> dict[str, int]:
    """Every skill that queues and steps ask for and every language, at the highest level."""
    return dict.fromkeys(_asked(scene.edition.book, scene.queues), 10)


def _asked(book: MenuBook, queues: Mapping[str, Queue]) -> Iterator[str]:
    yield from (f"lang:{language}" for language in book.languages)
    for queue in queues.values():
        yield from queue.skills
    for step in book.steps.values():
        if isinstance(step, Route):
            yield from step.needs


def rehearsed(settings: Settings, *, hold_out: float | None = 0.0) -> Settings:
    """Settings as a rehearsal wants them: no browser has to show that it lives, and nobody is held out unless asked."""
    personal = settings.personal if hold_out is None else settings.personal.model_copy(update={"hold_out": hold_out})
    routing = settings.routing.model_copy(update={"desk_lost_s": 1e9})
    return settings.model_copy(update={"personal": personal, "routing": routing})


@contextmanager
def logged() -> Iterator[Logged]:
    """Keep what the engine logs in the block, instead of writing it."""
    kept = Logged()

    def keep(_: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if "exception" in line:
            kept.faults.append(f"{line.get('event')}\n{line['exception']}")
        elif method != "info" and method != "debug":
            kept.lines.append(str(line.get("event")))
        raise structlog.DropEvent

    before = structlog.get_config()
    quiet = logging.root.level
    structlog.configure(processors=[structlog.processors.format_exc_info, keep], cache_logger_on_first_use=False)
    logging.root.setLevel(logging.CRITICAL)
    try:
        yield kept
    finally:
        logging.root.setLevel(quiet)
        structlog.configure(**before)
