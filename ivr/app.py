"""The composition root: which parts there are, in which order they start, and how they stop.

Start: database, menu book, journal, desktop, switch, and last the door through which calls come. Stop: the door first,
so that Asterisk sends new calls to the next rung; calls in conversation live on in Asterisk without us.
"""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from ivr import settings as config
from ivr.asterisk.agi import FastAgiDoor
from ivr.asterisk.switchboard import AmiSwitchboard
from ivr.bank.sql import SqlBank
from ivr.bank.webhook import WebhookBank
from ivr.callbacks import CallbackDialler
from ivr.case_alarms import CaseAlarms
from ivr.clock import StoreClock, SystemClock
from ivr.conversation import converse
from ivr.desktop.case_desk import CaseDesk
from ivr.desktop.hub import Hub
from ivr.desktop.measures import Measures
from ivr.desktop.server import DesktopServer, build_app
from ivr.dispatch import Dispatcher
from ivr.editions import Editions
from ivr.errors import Misconfigured
from ivr.expected_waits import ExpectedWaits
from ivr.handling import Handler
from ivr.heartbeat import ClockFigures, Heartbeat
from ivr.history import HistoryKeeper
from ivr.listening import Listeners
from ivr.looking import Looking
from ivr.messages import Gateway, HttpGateway, MessageFigures, Post
from ivr.metrics import Metrics
from ivr.offered import OfferedCalls
from ivr.one_switch import OneSwitch
from ivr.parts import LiveCall, Parts
from ivr.pause_alarms import PauseAlarms
from ivr.pausing import Pauses
from ivr.pop import pop_for_agent
from ivr.ports import ROUTING, Bank
from ivr.prompts.speech import EspeakSpeech
from ivr.queues import load as load_queues
from ivr.rankers import LiveRanker
from ivr.recordings import Keeper
from ivr.rescue import Rescuer
from ivr.settings import Settings
from ivr.shelf import Shelf
from ivr.supervising import Supervising
from ivr.wait_models.live import LiveWaits
from ivr.watch import Watcher
from ivr.webhooks import HttpWebhooks
from models.agents import Agents
from models.books import Books
from models.callbacks import CallbackBook
from models.calls import CallJournal
from models.cases import CaseBook
from models.claims import Claims
from models.customers import Customers
from models.hints import open_hints
from models.history import History
from models.listenings import Listenings
from models.lockouts import Lockouts
from models.migrate import opened
from models.nodes import Nodes
from models.outbox import Outbox
from models.recordings import Recordings
from models.rescues import Rescues
from models.supervision import SupervisorActs
from models.talk_recordings import TalkRecordings
from models.talks import Talks
from models.traffic import TrafficCounts
from models.waits import WaitBook
from models.wall import WallFigures
from routing.errors import StoreAway

log = structlog.get_logger()

#: So many new objects before Python looks for garbage; by itself it does after 700, in the midst of a big decision.
COLLECT_AFTER = 10_000
#: Seconds that calls in menus get to come to an end when the engine is told to stop.
DRAIN_S = 30.0
#: What nodes tell each other of: an agent whose browser may be on another node.
DESK = "desk"


@dataclass(slots=True)
class Engine:
    """A running engine, with the addresses it got."""

    parts: Parts
    editions: Editions
    fastagi_port: int
    web_port: int
    drain_s: float = DRAIN_S  #: how long calls in menus may go on when it stops


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Engine]:
    """Start an engine, and stop it on leaving.

    Raises Misconfigured, or what models.migrate.opened raises, when something is wrong before anything listens.
    """
    ami_secret = config.secret("RINGWISE_AMI_SECRET")
    web_secret = config.secret("RINGWISE_WEB_SECRET")
    clock = StoreClock(SystemClock(), settings.clock_ahead_s)
    queues = load_queues(settings.book.queues)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings.database_url))
        nodes = Nodes(database, settings.node)
        heartbeat = Heartbeat(nodes, clock)
        await heartbeat.start()
        books = Books(database)
        editions = Editions(books, settings, queues, EspeakSpeech(), clock)
        await editions.start()
        journal = CallJournal(database, settings.node, zone=settings.zone)
        await stack.enter_async_context(journal)
        hints = await stack.enter_async_context(open_hints(database))
        roster = Agents(database)
        exchange, callbacks = Claims(database, settings.node, queues.offers.rules()), CallbackBook(database)
        table = queues.table(settings.time_zone)
        bank: Bank = SqlBank(database, settings.zone)
        if settings.bank.url is not None:
            bank_secret = config.secret("RINGWISE_BANK_SECRET")
            bank = WebhookBank(settings.bank.url, bank_secret, lookup_s=settings.calls.lookup_s)
            stack.push_async_callback(bank.close)
        registry = CollectorRegistry()
        ClockFigures(clock, registry)
        ranker = LiveRanker(settings, clock, registry)
        fitted_waits = LiveWaits(settings.learning.folder, clock, registry)
        case_book = CaseBook(database, settings.zone)
        switchboard = AmiSwitchboard(settings.ami, ami_secret, settings.outbound, settings.phones)
        live: dict[str, LiveCall] = {}
        offered = OfferedCalls(exchange, roster, switchboard, journal, clock, table, live)
        hub = Hub(
            roster,
            clock,
            lambda agent_id: pop_for_agent(parts, agent_id),
            holds=lambda call_id: call_id in parts.live,
            measures=Measures(registry),
            on_shown=lambda offer_id, fence: parts.exchange.popped(offer_id, fence, now=clock.now()),
            on_said=lambda: hints.nudge(ROUTING),
            cases_of=case_book.of_handler,
            show_listening=settings.supervisors.show_listening,
            limit_of=lambda name: queues.queues[name].talk_limit if name in queues.queues else None,
            staff=queues.staff,
            about=queues.complaints.known_about(),
            tell_nodes=(lambda agent_id: hints.tell(DESK, str(agent_id))) if database.on_postgresql else None,
            offered=offered,
        )
        hints.listen(DESK, lambda about: hub.changed_elsewhere(int(about)))
        tries = settings.messages
        outbox = Outbox(database, settings.node, most_tries=tries.most_tries, retry_s=tries.retry_s)
        post = Post(outbox, await _gateway(settings, stack), clock)
        MessageFigures(post, registry)
        webhooks = await stack.enter_async_context(HttpWebhooks(settings.webhooks, clock))
        parts = Parts(
            settings=settings,
            clock=clock,
            log=journal,
            directory=Customers(database, settings.zone, history_days=settings.personal.history_days),
            exchange=exchange,
            talks=Talks(database),
            roster=roster,
            bank=bank,
            desk=hub,
            switchboard=switchboard,
            hints=hints,
            lockouts=Lockouts(
                database,
                most_failures=settings.verification.most_failures,
                window_s=settings.verification.window_s,
                lock_s=settings.verification.lock_s,
            ),
            messenger=outbox,
            cases=case_book,
            callbacks=callbacks,
            talk_recordings=TalkRecordings(database),
            webhooks=webhooks,
            ranker=ranker,
            edition=editions.get,
            edition_for=editions.for_caller,
            recall=editions.recall,
            queues=table,
            live=live,
            expected=ExpectedWaits(
                exchange, callbacks, WaitBook(database), table, clock, zone=settings.zone, fitted=fitted_waits
            ),
        )
        dialler = CallbackDialler(parts)
        dispatcher = Dispatcher(parts, dialler)
        watcher = Watcher(parts, Rescuer(parts, Rescues(database, settings.node)))
        one_switch = OneSwitch(parts, nodes, registry)
        pauses = Pauses(parts)
        alarms = CaseAlarms(case_book, queues.complaints, parts.queues.hours, clock, registry=registry)
        listeners = Listeners(parts, Listenings(database), SupervisorActs(database))
        metrics = Metrics(parts, dispatcher, watcher, journal, registry)
        looking = Looking(Shelf(books, settings), books, TrafficCounts(database), clock, editions.durations)
        app = build_app(
            roster,
            hub,
            clock,
            settings.web,
            web_secret,
            metrics=registry,
            health=metrics.health,
            looking=looking,
            pauses=pauses,
            cases=CaseDesk(case_book, roster, clock, parts.queues, directory=parts.directory),
            supervising=Supervising(parts, WallFigures(database), SupervisorActs(database), listeners, case_book),
            handling=Handler(parts),
        )
        desktop = DesktopServer(app, settings.web.host, settings.web.port)
        web_port = await desktop.start()
        stack.push_async_callback(desktop.stop)
        await ranker.look()
        await fitted_waits.look()
        await switchboard.start()
        stack.push_async_callback(switchboard.stop)
        await stack.enter_async_context(
            _background(
                dispatcher.run(),
                watcher.listen(),
                watcher.sweep_forever(),
                dialler.run(),
                dialler.listen(),
                pauses.run(),
                listeners.run(),
                editions.follow(),
                ranker.follow(),
                fitted_waits.follow(),
                hub.run(),
                offered.run(),
                heartbeat.run(),
                one_switch.run(),
                post.run(),
                alarms.run(),
                PauseAlarms(roster, queues.staff, clock, registry).run(),
                Keeper(Recordings(database), settings.recordings, clock).run(),
                HistoryKeeper(History(database, settings.zone), settings.personal, clock).run(),
            )
        )
        door = FastAgiDoor(
            settings.fastagi,
            lambda leg: converse(leg, parts),
            answered_at=switchboard.answered_at,
            outbound=settings.outbound,
            phones=settings.phones,
        )
        engine = Engine(parts, editions, await door.start(), web_port)
        stack.push_async_callback(lambda: door.stop(engine.drain_s))
        log.info("ready", node=settings.node, fastagi=engine.fastagi_port, web=web_port)
        yield engine


async def _gateway(settings: Settings, stack: AsyncExitStack) -> Gateway | None:
    """Who sends text messages; without one they wait in the outbox."""
    if settings.messages.gateway is None:
        return None
    secret = os.environ.get("RINGWISE_SMS_SECRET", "")
    return await stack.enter_async_context(HttpGateway(settings.messages, secret))


def collect_seldom() -> None:
    """Look for garbage seldom, and never again in what has been loaded: each look stops every call for a while."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


async def serve(settings: Settings) -> None:
    """Run an engine until SIGTERM (drain) or SIGINT (at once)."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[signal.Signals] = loop.create_future()
    reloads: list[asyncio.Task[None]] = []

    def stop(number: signal.Signals) -> None:
        if told.done():
            os._exit(130)  # told twice: now
        told.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    async with running(settings) as engine:
        collect_seldom()
        loop.add_signal_handler(signal.SIGHUP, lambda: reloads.append(loop.create_task(_reload(engine))))
        number = await told
        log.info("stopping", signal=number.name)
        if number is signal.SIGINT:
            engine.drain_s = 0.0


async def _reload(engine: Engine) -> None:
    """SIGHUP: publish the menu folder; what stands in the way is told line by line and the good version goes on."""
    try:
        reloaded = await engine.editions.reload("reload")
    except (Misconfigured, StoreAway, OSError) as faults:
        log.error("the menu folder is not published; the book in use goes on", faults=str(faults).splitlines())
    else:
        log.info("reloaded", came=reloaded.came, version=reloaded.version, stable=reloaded.choice.stable)


@asynccontextmanager
async def _background(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on until the block is left."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
