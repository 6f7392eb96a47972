"""One engine node of twins, for whole calls in virtual time: callers with scripts, agents, a dispatcher, a watcher."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

from ivr.callbacks import CallbackDialler
from ivr.conversation import converse
from ivr.dispatch import Dispatcher
from ivr.expected_waits import ExpectedWaits
from ivr.parts import Edition, Parts
from ivr.ports import Arrival, Clip
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.utterances import all_of
from ivr.queues import Queue, QueueTable
from ivr.rescue import Rescuer
from ivr.settings import Settings
from ivr.testing.bank import MemoryAccount, MemoryBank
from ivr.testing.books import small_book
from ivr.testing.clock import FakeClock
from ivr.testing.desk import MemoryDesk
from ivr.testing.line import Action, Press, ScriptedLeg
from ivr.testing.records import MemoryCallLog, MemoryDirectory, MemoryExchange, MemoryHints, MemoryRoster, MemoryStore
from ivr.testing.rescues import MemoryRescues
from ivr.testing.selfservice import (
    MemoryCallbacks,
    MemoryCases,
    MemoryLockouts,
    MemoryMessenger,
    MemoryWebhooks,
)
from ivr.testing.switchboard import MemorySwitchboard
from ivr.testing.talk_recordings import MemoryTalkRecordings
from ivr.testing.talks import MemoryTalks
from ivr.testing.waits import MemoryWaits
from ivr.wait_models.live import LiveWaits
from ivr.watch import Watcher
from menus.facts import CallerFacts
from menus.learning.ranker import KernelRanker
from menus.pace import estimated_s
from menus.schema import MenuBook
from models.choices import Choice
from models.tables import AgentRow, CallRow, NeedRow, OfferRow
from routing.agent import AgentState

#: The number that the stage's callers call from unless they say otherwise.
ANI = "+8613800000001"
#: On the small book: the caller asks for a person as soon as they hear the first entry.
TO_AGENT = Press("0", hearing="main.balance")
SKILLS = {"general": 5, "lang:en": 5, "lang:zh": 5}


def silent_catalogue(book: MenuBook) -> Catalogue:
    """The clips of a book without any sound, as long as the words would take."""
    clips = {said: Clip(f"silence/{said.text}", said.text, estimated_s(said.text)) for said in all_of(book)}
    return Catalogue(book, clips)


class Stage:
    """A node whose every port is a twin. Two stages on one store and one clock are two nodes of a site."""

    def __init__(
        self,
        book: MenuBook | None = None,
        *,
        node: str = "node-a",
        beside: "Stage | None" = None,
        queue: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | Settings | None = None,
        clock: FakeClock | None = None,
        edition: Edition | None = None,
        queues: Mapping[str, Queue] | None = None,
        directory: Callable[[MemoryStore, ZoneInfo], MemoryDirectory] = MemoryDirectory,
        webhooks: MemoryWebhooks | None = None,
        fitted_waits: LiveWaits | None = None,
    ) -> None:
        self.clock: FakeClock = clock or (beside.clock if beside else FakeClock())
        self.store: MemoryStore = beside.store if beside else MemoryStore()
        self.hints: MemoryHints = beside.hints if beside else MemoryHints()
        if edition is None:
            edition = Edition.of(1, book or small_book(), silent_catalogue(book or small_book()))
        if not isinstance(settings, Settings):
            settings = Settings.model_validate({"node": node, "personal": {"hold_out": 0}, **(settings or {})})
        self.editions = {edition.version: edition}
        self.choice: Choice | None = None  #: the newest edition for everybody when None
        zone = edition.book.zone
        self.directory = directory(self.store, zone)
        self.log = MemoryCallLog(self.store, node)
        self.exchange = MemoryExchange(self.store, node)
        self.roster, self.talks = MemoryRoster(self.store), MemoryTalks(self.store)
        self.bank: MemoryBank = beside.bank if beside else MemoryBank(clock=self.clock, zone=zone)
        self.desk, self.switchboard = MemoryDesk(), MemorySwitchboard()
        self.messenger = MemoryMessenger(self.store)
        self.cases, self.callbacks = MemoryCases(self.store, zone), MemoryCallbacks(self.store)
        self.talk_recordings = MemoryTalkRecordings(self.store)
        self.webhooks = webhooks or MemoryWebhooks()
        self.legs: dict[str, ScriptedLeg] = {}
        self.switchboard.on_wake = self._wake
        self.lockouts = MemoryLockouts(self.store, settings.verification)
        if not isinstance(queues, QueueTable):
            queues = QueueTable(queues or {"general": Queue(skills={"general": 1}, **(queue or {}))})
        self.waits = MemoryWaits(self.store)
        self.parts = Parts(
            settings=settings,
            clock=self.clock,
            log=self.log,
            directory=self.directory,
            exchange=self.exchange,
            talks=self.talks,
            roster=self.roster,
            bank=self.bank,
            desk=self.desk,
            switchboard=self.switchboard,
            hints=self.hints,
            lockouts=self.lockouts,
            messenger=self.messenger,
            cases=self.cases,
            callbacks=self.callbacks,
            talk_recordings=self.talk_recordings,
            webhooks=self.webhooks,
            ranker=KernelRanker(),
            edition=lambda version: self.editions.get(version or 0, self.editions[max(self.editions)]),
            edition_for=self._edition_for,
            recall=self._recall,
            queues=queues,
            expected=ExpectedWaits(
                self.exchange, self.callbacks, self.waits, queues, self.clock, zone=zone, fitted=fitted_waits
            ),
        )
        self.dialler = CallbackDialler(self.parts)
        self.dispatcher = Dispatcher(self.parts, self.dialler)
        self.watcher = Watcher(self.parts, Rescuer(self.parts, MemoryRescues(self.store, node)))

    def leg(self, *script: Action, call_id: str = "call-1", ani: str | None = ANI, rung: int = 1) -> ScriptedLeg:
        """A caller's line."""
        channel = f"PJSIP/trunk-{call_id}"
        leg = ScriptedLeg(Arrival(call_id, call_id, channel, ani, "", "95588", rung), self.clock, list(script))
        self.legs[channel] = leg
        return leg

    def customer(self, account: MemoryAccount) -> MemoryAccount:
        """A customer of the bank whom callers may prove to be; known by their numbers."""
        for number in account.numbers:
            facts = CallerFacts(number, account.customer_id, 1, account.language, account.segment)
            self.store.facts[number] = (*self.store.facts.get(number, ()), facts)
        return self.bank.open(account)

    def agent(self, name: str = "grace", *, skills: Mapping[str, int] = SKILLS, ready: bool = True) -> AgentRow:
        """An agent with a phone called PJSIP/NAME, ready or paused since now."""
        state = AgentState.READY if ready else AgentState.PAUSED
        return self.store.add_agent(name, skills=skills, state=state, since=self.clock.now())

    async def take(self, leg: ScriptedLeg) -> CallRow:
        """Serve this caller, with the dispatcher beside; the record of the call."""
        async with self.dispatching():
            await converse(leg, self.parts)
        return self.store.calls[leg.arrival.call_id]

    @asynccontextmanager
    async def dispatching(self) -> AsyncIterator[None]:
        """The dispatcher at work for the time of a block."""
        running = asyncio.create_task(self.dispatcher.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    def told(self, kind: str, call_id: str = "call-1") -> list[Mapping[str, Any]]:
        """What the record of a call says of one kind of event, oldest first."""
        return [row.data for row in self.store.events if row.call_id == call_id and row.kind == kind]

    @property
    def need(self) -> NeedRow:
        """The newest need."""
        return self.store.needs[max(self.store.needs)]

    @property
    def offer(self) -> OfferRow:
        """The newest offer."""
        return self.store.offers[max(self.store.offers)]

    def _edition_for(self, caller: str) -> Edition:
        return self.editions[max(self.editions) if self.choice is None else self.choice.version_for(caller)]

    async def _recall(self, version: int) -> Edition | None:
        return self.editions.get(version)

    def _wake(self, channel: str) -> None:
        if channel in self.legs:
            self.legs[channel].wake()
