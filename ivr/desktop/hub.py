"""The hub: pushes pops and states to the agents' browsers, and hears from them that a pop stands on the screen.

It is one file because sending, reading anew and acknowledging all work on the one state that is kept for each agent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import structlog

from ivr.desktop.afar import Afar
from ivr.desktop.measures import Measures
from ivr.desktop.messages import Error, PopShow, PopWithdrawn, Queues, ServerMessage, State
from ivr.desktop.outbox import Outbox
from ivr.desktop.parts import MyCasePart, PopPart, QueuePart, WrapUpPart
from ivr.desktop.views import (
    MOST_ROWS,
    agent_part,
    my_case_part,
    offer_part,
    pause_parts,
    pop_part,
    queue_parts,
    refusal_parts,
    word_parts,
    wrap_up_part,
)
from ivr.offered import OfferedCalls
from ivr.ports import AgentCard, CaseFile, Clock, OfferSeen, Pop, Roster, TalkLimit
from ivr.staff import Staff
from routing.agent import AgentState
from routing.errors import StoreAway
from routing.offer import OPEN_OFFERS

log = structlog.get_logger(__name__)

POLL_S = 1.0  #: at least this often the truth is re-read for agents with a browser
READS_PER_S = 200  #: with more agents than this the poll slows down; hints stay quick
READERS = 8  #: states read at the same time
READ_S = 2.0  #: longest time to read the state of one agent, or a pop
CASES_EVERY_S = 10.0  #: how often the cases that an agent handles are read
POP_OWN_S = 0.5  #: a call of this node shows its pop within that time; only then it is composed for a page as well
POP_AGAIN_S = 5.0  #: after a pop could not be composed, it is tried again this much later
SIGNED_OUT = 4401  #: close code: the page goes to the sign-in page

_WITH_OFFER = frozenset({AgentState.OFFERED, AgentState.BUSY, AgentState.WRAP_UP})


@dataclass(slots=True)
class _Showing:
    """A pop on its way to the screen."""

    offer_id: int
    fence: int
    since: float
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class _Desktop:
    """All browser windows of one agent; every one of them is told the same."""

    outboxes: set[Outbox] = field(default_factory=set)
    reading: bool = False
    again: bool = False  #: changed while being read
    turn: int = 0  #: grows with every pop; a state that was read before it is not published
    showing: _Showing | None = None
    pop: PopPart | None = None
    cases: tuple[MyCasePart, ...] = ()  #: that this agent handles
    cases_at: float = float("-inf")  #: when they were read
    stale: bool = False  #: the pop is to be composed anew, and stays until then
    composed: tuple[int, float] = (0, 0.0)  #: offer whose pop was last composed anew, and when
    open_offer: int | None = None  #: what the screen shows as this agent's call
    refused: int | None = None  #: the offer that this agent refused last
    stands: tuple[int, int] | None = None  #: offer and fence of the pop that a browser said stands on its screen
    state: State | None = None  #: last published; None when the pages must be told afresh

    def post(self, message: ServerMessage) -> None:
        for outbox in self.outboxes:
            outbox.post(message)


class Hub:
    """The agents' browsers, as the engine sees them (port Desk). `run` must be running."""

    def __init__(
        self,
        roster: Roster,
        clock: Clock,
        pop_of: Callable[[int], Awaitable[Pop | None]],
        *,
        measures: Measures | None = None,
        on_shown: Callable[[int, int], Awaitable[object]] | None = None,
        on_said: Callable[[], None] | None = None,
        cases_of: Callable[[int], Awaitable[Sequence[CaseFile]]] | None = None,
        show_listening: bool = True,
        limit_of: Callable[[str], TalkLimit | None] = lambda queue: None,
        staff: Staff | None = None,
        about: Mapping[str, Mapping[str, str]] | None = None,
        tell_nodes: Callable[[int], None] | None = None,
        holds: Callable[[str], bool] = lambda call_id: True,
        offered: OfferedCalls | None = None,
    ) -> None:
        self.measures = measures or Measures()
        self._limit_of = limit_of  #: of a queue's conversations
        self._show_listening = show_listening  #: agents are told of supervisors on their conversation
        self._on_shown = on_shown  #: told offer and fence of every pop that stands, however late
        self._offered = offered
        self._refusals = refusal_parts(offered.reasons) if offered is not None else ()
        self._on_said = on_said  #: told that some agent has said something: a caller may wait for it
        self._holds = holds  #: whether this node holds a call: then it shows the pop of its offer by itself
        self._afar = Afar(roster, clock, self.measures, tell_nodes) if tell_nodes is not None else None
        self.pauses = (staff or Staff()).pauses  #: what agents may pause for
        self._pauses = pause_parts(self.pauses)
        segments, skills = (staff.segments, staff.skills) if staff is not None else ({}, {})
        self._words = word_parts("about", about or {}) + word_parts("segment", segments)
        self._words += word_parts("skill", skills)
        self._cases_of = cases_of  #: the open cases that an agent handles
        self._roster = roster
        self._clock = clock
        self._pop_of = pop_of
        self._desktops: dict[int, _Desktop] = {}
        self._due: set[int] = set()
        self._queues_due = True
        self._nudged = asyncio.Event()
        self._queues: tuple[QueuePart, ...] = ()
        self._readers = asyncio.Semaphore(READERS)
        self._away = False

    # --- for the engine -----------------------------------------------------------------------------------------

    async def pop(self, agent_id: int, pop: Pop, *, deadline_s: float) -> bool:
        """Show the pop; True when a browser says within the deadline that it stands on the screen."""
        desktop = self._desktops.get(agent_id)
        if desktop is None:
            if self._afar is not None:
                return await self._afar.pop(agent_id, pop.offer, deadline_s=deadline_s)
            self.measures.pops.labels("no_browser").inc()
            return False
        offer = pop.offer
        try:
            message = PopShow(now=self._clock.now(), offer=offer_part(offer, self._clock.now()), pop=pop_part(pop))
        except Exception:  # what the bank says of one customer must not stop their call
            log.exception("desktop.pop_unreadable", agent_id=agent_id, offer_id=offer.offer_id)
            return False
        showing = _Showing(offer.offer_id, offer.fence, self._clock.monotonic())
        desktop.turn += 1
        desktop.showing = showing
        desktop.pop = message.pop
        desktop.open_offer = offer.offer_id
        desktop.state = None  # the pages now show more than was read: the next state goes to them whatever it says
        desktop.post(message)
        self.changed(agent_id)
        if desktop.stands == (offer.offer_id, offer.fence):  # the page had it already, from its state
            showing.done.set()
        try:
            async with asyncio.timeout(deadline_s):
                await showing.done.wait()
        except TimeoutError:
            self.measures.pops.labels("late").inc()
            return False
        self.measures.pops.labels("shown").inc()
        return True

    def changed(self, agent_id: int | None = None) -> None:
        """The state of this agent (or of queues) has changed: browsers are told afresh. Never waits or raises."""
        if agent_id is None:
            self._due.update(self._desktops)
            self._queues_due = True
        elif agent_id in self._desktops:
            self._due.add(agent_id)
        elif self._afar is not None:
            self._afar.tell(agent_id)
        self._nudged.set()

    def changed_elsewhere(self, agent_id: int) -> None:
        """Another node has changed this agent, or shown a pop to them. Never waits or raises."""
        if agent_id in self._desktops:
            self._due.add(agent_id)
            self._nudged.set()
        if self._afar is not None:
            self._afar.heard(agent_id)

    async def run(self) -> None:
        """Keep every browser in step with the truth, until cancelled."""
        ticks = asyncio.get_running_loop().time
        poll_at = ticks()
        async with asyncio.TaskGroup() as readers:
            while True:
                try:
                    async with asyncio.timeout_at(poll_at):
                        await self._nudged.wait()
                except TimeoutError:
                    poll_at = ticks() + max(POLL_S, len(self._desktops) / READS_PER_S)
                    self.changed()
                self._nudged.clear()
                due, self._due = self._due, set()
                for agent_id in due:
                    desktop = self._desktops.get(agent_id)
                    if desktop is None:
                        continue
                    desktop.again = True
                    if not desktop.reading:
                        desktop.reading = True
                        readers.create_task(self._follow(agent_id, desktop))
                if self._queues_due and self._desktops:
                    self._queues_due = False
                    readers.create_task(self._follow_queues())

    # --- for the sockets ----------------------------------------------------------------------------------------

    def join(self, agent_id: int, outbox: Outbox) -> None:
        """A browser window of this agent has come."""
        self._desktops.setdefault(agent_id, _Desktop()).outboxes.add(outbox)
        self.measures.sockets.inc()
        self.changed(agent_id)

    def leave(self, agent_id: int, outbox: Outbox) -> None:
        """A browser window of this agent is gone."""
        desktop = self._desktops[agent_id]
        desktop.outboxes.remove(outbox)
        self.measures.sockets.dec()
        if not desktop.outboxes:
            del self._desktops[agent_id]

    def windows(self, agent_id: int) -> int:
        """How many browser windows of this agent are connected."""
        desktop = self._desktops.get(agent_id)
        return len(desktop.outboxes) if desktop else 0

    def pop_changed(self, agent_id: int) -> None:
        """Something on this agent's pop is another now: it is composed anew."""
        desktop = self._desktops.get(agent_id)
        if desktop is not None:
            desktop.stale, desktop.cases_at = True, float("-inf")
            self.changed(agent_id)

    def said(self, agent_id: int) -> None:
        """This agent has said ready, pause or how a call went."""
        self.changed(agent_id)
        if self._on_said is not None:
            self._on_said()

    async def shown(self, agent_id: int, offer_id: int, fence: int) -> None:
        """A browser of this agent says that the pop of this offer stands on its screen."""
        desktop = self._desktops.get(agent_id)
        if desktop is None or desktop.stands == (offer_id, fence):
            return
        showing = desktop.showing
        if offer_id not in (desktop.open_offer, showing.offer_id if showing else None):
            return
        desktop.stands = (offer_id, fence)
        if showing is not None and (showing.offer_id, showing.fence) == desktop.stands and not showing.done.is_set():
            self.measures.pop_shown_s.observe(self._clock.monotonic() - showing.since)
            showing.done.set()
        if self._on_shown is not None:
            try:
                await self._on_shown(offer_id, fence)
            except StoreAway as fault:
                self._unreadable(fault)
                return
        if self._afar is not None and (showing is None or showing.offer_id != offer_id):
            self._afar.tell(agent_id)  # the node that holds the call waits for this pop

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str) -> bool:
        """This agent refuses a call; False when it is not theirs or can no longer be refused. Raises StoreAway."""
        if self._offered is None or not await self._offered.refuse(agent_id, offer_id, fence, reason):
            return False
        desktop = self._desktops.get(agent_id)
        if desktop is not None:
            desktop.refused = offer_id
        return True

    async def extend(self, agent_id: int, offer_id: int) -> bool:
        """This agent wants more time after a conversation; False when that cannot be. Raises StoreAway."""
        return self._offered is not None and await self._offered.extend(agent_id, offer_id)

    # --- reading the truth --------------------------------------------------------------------------------------

    async def _follow(self, agent_id: int, desktop: _Desktop) -> None:
        """Read and publish the state of one agent until nothing has changed meanwhile.

        What cannot be read is said so on the screen, and read again at the next poll.
        """
        try:
            while desktop.again and self._desktops.get(agent_id) is desktop:
                desktop.again = False
                try:
                    await self._refresh(agent_id, desktop)
                except Exception as fault:
                    self._unreadable(fault)
                    desktop.state = None
                    desktop.post(Error(code="store_away"))
        finally:
            desktop.reading = False

    async def _refresh(self, agent_id: int, desktop: _Desktop) -> None:
        turn = desktop.turn
        async with self._readers, asyncio.timeout(READ_S):
            card = await self._roster.card(agent_id)
            offer = await self._roster.offer_of(agent_id) if card and card.state in _WITH_OFFER else None
            await self._read_cases(agent_id, desktop)
        self._away = False
        if offer is not None and not self._show_listening:
            offer = replace(offer, listening=())
        if turn != desktop.turn:
            desktop.again = True
        elif card is None or card.state is AgentState.LOGGED_OUT:
            for outbox in desktop.outboxes:
                outbox.close(SIGNED_OUT)
        else:
            for outbox in desktop.outboxes:
                if outbox.number != card.sessions:
                    outbox.close(SIGNED_OUT)
            self._publish(desktop, card, offer)
            if offer is None:
                return
            shown = desktop.pop is not None and desktop.pop.offer_id == offer.offer_id
            coming = self._holds(offer.call_id) and self._clock.now() < offer.made_at + POP_OWN_S
            if desktop.stale or not (shown or coming):
                await self._compose_pop(agent_id, desktop, offer.offer_id)

    async def _read_cases(self, agent_id: int, desktop: _Desktop) -> None:
        """The cases that the agent handles; they change seldom, and are not read at every poll."""
        now = self._clock.monotonic()
        if self._cases_of is not None and now >= desktop.cases_at + CASES_EVERY_S:
            desktop.cases = tuple(my_case_part(case) for case in (await self._cases_of(agent_id))[:MOST_ROWS])
            desktop.cases_at = now

    async def _compose_pop(self, agent_id: int, desktop: _Desktop, offer_id: int) -> None:
        """Have the pop composed anew, for a page that was loaded afresh or an offer that another node made."""
        now, (composed_for, composed_at) = self._clock.monotonic(), desktop.composed
        if composed_for == offer_id and now < composed_at + POP_AGAIN_S and not desktop.stale:
            return
        desktop.stale = False
        turn = desktop.turn
        desktop.composed = (offer_id, now)
        try:
            async with asyncio.timeout(READ_S):
                pop = await self._pop_of(agent_id)
            part = pop_part(pop) if pop is not None else None
        except Exception as fault:
            self._unreadable(fault)
            return
        if part is not None and turn == desktop.turn:
            desktop.pop = part
            desktop.again = True

    async def _follow_queues(self) -> None:
        now = self._clock.now()
        try:
            async with asyncio.timeout(READ_S):
                self._queues = queue_parts(await self._roster.queue_state(now=now), now)
        except Exception as fault:
            self._unreadable(fault)
            return
        for desktop in self._desktops.values():
            if desktop.state is not None:
                self._tell(desktop, desktop.state.model_copy(update={"now": now, "queues": self._queues}))

    def _unreadable(self, fault: Exception) -> None:
        """One line when the database goes away, a whole report of anything else."""
        self.measures.stale.inc()
        if not isinstance(fault, TimeoutError | StoreAway):
            log.error("desktop.unreadable", exc_info=fault)
        elif not self._away:
            log.warning("desktop.store_away", fault=str(fault))
        self._away = True

    # --- telling ------------------------------------------------------------------------------------------------

    def _publish(self, desktop: _Desktop, card: AgentCard, offer: OfferSeen | None) -> None:
        now = self._clock.now()
        if desktop.open_offer is not None and (offer is None or offer.offer_id != desktop.open_offer):
            why: Literal["missed", "withdrawn", "refused"] = "withdrawn"
            if desktop.open_offer == desktop.refused:
                why = "refused"
            elif card.state is AgentState.MISSED:
                why = "missed"
            desktop.post(PopWithdrawn(now=now, offer_id=desktop.open_offer, why=why))
        desktop.open_offer = offer.offer_id if offer is not None and offer.state in OPEN_OFFERS else None
        if offer is None:
            desktop.pop = None
        pop = desktop.pop if offer is not None and desktop.pop and desktop.pop.offer_id == offer.offer_id else None
        state = State(
            now=now,
            agent=agent_part(card, now),
            offer=offer_part(offer, now, self._limit_of(offer.queue)) if offer else None,
            pop=pop,
            wrap_up=self._wrap_up(card, offer) if offer and card.state is AgentState.WRAP_UP else None,
            queues=self._queues,
            cases=desktop.cases,
            pause_reasons=tuple(self.pauses),
            pauses=self._pauses,
            refusals=self._refusals,
            words=self._words,
        )
        self._tell(desktop, state)

    def _wrap_up(self, card: AgentCard, offer: OfferSeen) -> WrapUpPart:
        return wrap_up_part(card, offer, self._offered.extension(offer) if self._offered is not None else (0.0, 0))

    def _tell(self, desktop: _Desktop, state: State) -> None:
        """Tell each window what it lacks: the whole state, only the queues, or nothing."""
        for outbox in desktop.outboxes:
            told = outbox.state if desktop.state is not None else None
            if told is None or told.model_copy(update={"now": state.now, "queues": state.queues}) != state:
                outbox.post(state)
            elif told.queues != state.queues:
                outbox.post(Queues(now=state.now, queues=state.queues))
                outbox.state = state
        desktop.state = state
