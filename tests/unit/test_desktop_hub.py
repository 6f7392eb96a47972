"""The hub: pops are acknowledged, every window is told what it lacks, and what is stale is never published."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

import pytest
from prometheus_client import CollectorRegistry

from ivr.desktop.hub import POP_OWN_S, SIGNED_OUT, Hub
from ivr.desktop.measures import Measures
from ivr.desktop.messages import Error, Ping, PopShow, PopWithdrawn, Queues, ServerMessage, State
from ivr.desktop.outbox import MOST_MESSAGES, Closing, Outbox
from ivr.ports import Desk, Pop, QueueSeen, Roster, TalkLimit
from ivr.testing.clock import FakeClock
from ivr.testing.desk import MemoryDesk
from ivr.testing.pops import a_customer, a_pop, an_agent, an_offer
from ivr.testing.roster import ScriptedRoster
from routing.agent import AgentState
from routing.listening import Listening, ListeningMode

CLOCK = FakeClock()
NOW = CLOCK.now()
Kind = TypeVar("Kind", bound=ServerMessage)


class Stage:
    """A hub that runs, one agent, and the pops that can be composed anew."""

    def __init__(self) -> None:
        self.roster = ScriptedRoster(an_agent(NOW, state=AgentState.READY), an_agent(NOW, id=2, name="tom"))
        self.registry = CollectorRegistry()
        self.pops: dict[int, Pop] = {}
        self.composed = 0
        self.held = True  #: the calls of all offers are this node's
        self.hub = Hub(
            self.roster, CLOCK, self._pop_of, measures=Measures(self.registry), holds=lambda call_id: self.held
        )

    async def _pop_of(self, agent_id: int) -> Pop | None:
        self.composed += 1
        return self.pops.get(agent_id)

    def window(self, agent_id: int = 1) -> Outbox:
        outbox = Outbox()
        self.hub.join(agent_id, outbox)
        return outbox

    def figure(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    running = asyncio.create_task(stage.hub.run())
    yield stage
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def told(outbox: Outbox, kind: type[Kind]) -> Kind:
    """The next message of that kind."""
    async with asyncio.timeout(30):
        while True:
            message = await outbox.next()
            if isinstance(message, kind):
                return message


async def told_state(outbox: Outbox, state: str) -> State:
    while True:
        message = await told(outbox, State)
        if message.agent.state == state:
            return message


def test_hub_and_twin_are_desks_and_the_scripted_roster_is_a_roster() -> None:
    roster: Roster = ScriptedRoster()
    desks: tuple[Desk, ...] = (Hub(roster, CLOCK, lambda agent_id: asyncio.sleep(0, None)), MemoryDesk())
    assert len(desks) == 2


async def test_a_window_that_comes_is_told_everything(stage: Stage) -> None:
    stage.roster.queues = (QueueSeen("general", 2, 30.0), QueueSeen("cards", 0, 0.0))
    outbox = stage.window()
    state = await told(outbox, State)
    assert state.agent.full_name == "Grace Chen"
    assert state.offer is None
    queues = state.queues or (await told(outbox, Queues)).queues
    assert [(queue.waiting, queue.waiting_since) for queue in queues] == [(2, NOW - 30), (0, None)]


async def test_a_pop_is_acknowledged_by_the_browser_that_shows_it(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    pop = a_pop(NOW)
    stage.roster.offer(1, pop.offer, state=AgentState.OFFERED)
    popping = asyncio.create_task(stage.hub.pop(1, pop, deadline_s=5))
    message = await told(outbox, PopShow)
    assert message.pop.customer is not None
    assert message.pop.customer.name == "Li Na"
    await stage.hub.shown(1, message.offer.offer_id, message.offer.fence)
    assert await popping is True
    assert stage.figure("ringwise_pops_total", outcome="shown") == 1
    assert stage.figure("ringwise_pop_shown_seconds_count") == 1


@pytest.mark.parametrize(("agent_id", "offer_id", "fence"), [(2, 7, 3), (1, 8, 3), (1, 7, 4)])
async def test_no_other_agent_offer_or_fence_acknowledges_it(
    stage: Stage, agent_id: int, offer_id: int, fence: int
) -> None:
    outbox = stage.window()
    await told(stage.window(2), State)
    popping = asyncio.create_task(stage.hub.pop(1, a_pop(NOW), deadline_s=0.05))
    await told(outbox, PopShow)
    await stage.hub.shown(agent_id, offer_id, fence)
    assert await popping is False
    assert stage.figure("ringwise_pops_total", outcome="late") == 1


async def test_without_a_browser_nobody_is_waited_for(stage: Stage) -> None:
    async with asyncio.timeout(30):
        assert await stage.hub.pop(1, a_pop(NOW), deadline_s=60) is False
    assert stage.figure("ringwise_pops_total", outcome="no_browser") == 1


async def test_a_page_that_had_the_pop_from_its_state_acknowledges_at_once(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    first = asyncio.create_task(stage.hub.pop(1, a_pop(NOW), deadline_s=60))
    await told(outbox, PopShow)
    await stage.hub.shown(1, 7, 3)
    assert await first is True
    assert await stage.hub.pop(1, a_pop(NOW), deadline_s=0.01) is True  # the page says it once, and need not again


async def test_a_late_acknowledgement_is_measured_though_nobody_waits(stage: Stage) -> None:
    await told(stage.window(), State)
    assert await stage.hub.pop(1, a_pop(NOW), deadline_s=0.01) is False
    await stage.hub.shown(1, 7, 3)
    await stage.hub.shown(1, 7, 3)
    assert stage.figure("ringwise_pop_shown_seconds_count") == 1


async def test_all_windows_of_an_agent_follow_and_no_other_agents(stage: Stage) -> None:
    first, second, other = stage.window(), stage.window(), stage.window(2)
    for outbox in (first, second, other):
        await told(outbox, State)
    stage.roster.put(1, state=AgentState.PAUSED, pause_reason="meal")
    stage.hub.changed(1)
    for outbox in (first, second):
        assert (await told_state(outbox, "paused")).agent.pause_reason == "meal"
    assert other.state is not None
    assert other.state.agent.name == "tom"


async def test_a_change_made_by_another_node_is_found_by_polling(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.roster.put(1, state=AgentState.PAUSED)
    assert (await told_state(outbox, "paused")).agent.state == "paused"


async def test_an_offer_of_another_node_pops_from_the_record(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.pops[1] = a_pop(NOW)
    stage.held = False
    stage.roster.offer(1, an_offer(NOW), state=AgentState.OFFERED)
    stage.hub.changed(1)
    while (state := await told_state(outbox, "offered")).pop is None:
        pass
    assert state.offer is not None
    assert state.pop.caller_name == "LI NA"
    assert stage.composed == 1


async def test_a_pop_that_the_call_of_this_node_is_about_to_show_is_not_composed_beside_it(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.pops[1] = a_pop(NOW)
    stage.roster.offer(1, an_offer(NOW - POP_OWN_S / 2), state=AgentState.OFFERED)
    stage.hub.changed(1)
    assert (await told_state(outbox, "offered")).pop is None
    stage.roster.offer(1, an_offer(NOW - POP_OWN_S), state=AgentState.OFFERED)
    stage.hub.changed(1)
    while (await told_state(outbox, "offered")).pop is None:
        pass
    assert stage.composed == 1


async def test_a_pop_that_cannot_be_composed_is_not_asked_for_in_a_hurry(stage: Stage) -> None:
    outbox = stage.window()
    stage.roster.offer(1, an_offer(NOW - POP_OWN_S), state=AgentState.OFFERED)
    await told_state(outbox, "offered")
    for reason in ("a", "b", "c"):
        stage.roster.offer(1, an_offer(NOW - POP_OWN_S, reason=reason))
        stage.hub.changed(1)
        await told(outbox, State)
    assert stage.composed == 1


async def test_a_withdrawn_call_is_taken_off_the_screen(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.roster.offer(1, an_offer(NOW), state=AgentState.OFFERED)
    await stage.hub.pop(1, a_pop(NOW), deadline_s=0.01)
    stage.roster.offer(1, None, state=AgentState.READY)
    stage.hub.changed(1)
    withdrawn = await told(outbox, PopWithdrawn)
    assert (withdrawn.offer_id, withdrawn.why) == (7, "withdrawn")
    assert (await told_state(outbox, "ready")).offer is None


async def test_a_call_withdrawn_before_its_state_was_ever_read_leaves_no_trace(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    await stage.hub.pop(1, a_pop(NOW), deadline_s=0)
    assert (await told(outbox, PopWithdrawn)).offer_id == 7
    assert (await told(outbox, State)).agent.state == "ready"


async def test_a_missed_call_says_so(stage: Stage) -> None:
    outbox = stage.window()
    stage.roster.offer(1, an_offer(NOW), state=AgentState.OFFERED)
    await told_state(outbox, "offered")
    stage.roster.offer(1, None, state=AgentState.MISSED)
    stage.hub.changed(1)
    assert (await told(outbox, PopWithdrawn)).why == "missed"


async def test_the_end_of_a_conversation_is_no_withdrawal(stage: Stage) -> None:
    outbox = stage.window()
    talking = an_offer(NOW, state="answered", answered_at=NOW)
    stage.roster.offer(1, talking, state=AgentState.BUSY)
    await told_state(outbox, "busy")
    stage.roster.offer(
        1, replace(talking, state="completed", closed_at=NOW + 60), state=AgentState.WRAP_UP, wrap_up_until=NOW + 90
    )
    stage.hub.changed(1)
    message = await outbox.next()
    while not isinstance(message, State) or message.agent.state != "wrap_up":
        assert not isinstance(message, PopWithdrawn)
        message = await outbox.next()
    assert message.wrap_up is not None
    assert (message.wrap_up.offer_id, message.wrap_up.until) == (7, NOW + 90)


async def test_a_state_read_before_the_pop_is_not_published_after_it(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.roster.stuck = asyncio.Event()
    stage.roster.read.clear()
    stage.hub.changed(1)
    await stage.roster.read.wait()
    old, stage.roster.stuck = stage.roster.stuck, None  # the read under way has seen a ready agent
    popping = asyncio.create_task(stage.hub.pop(1, a_pop(NOW), deadline_s=0.2))
    await told(outbox, PopShow)
    stage.roster.offer(1, an_offer(NOW), state=AgentState.OFFERED)
    old.set()
    message = await outbox.next()
    while not isinstance(message, State):
        assert not isinstance(message, PopWithdrawn)
        message = await outbox.next()
    assert message.offer is not None
    assert await popping is False


async def test_a_database_that_is_away_is_said_so_and_the_truth_told_again_afterwards(stage: Stage) -> None:
    outbox = stage.window()
    before = await told(outbox, State)
    stage.roster.away = True
    stage.hub.changed(1)
    assert (await told(outbox, Error)).code == "store_away"
    stage.roster.away = False
    stage.hub.changed(1)
    assert (await told(outbox, State)).agent == before.agent


async def test_nothing_new_is_not_sent(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    await told(stage.window(), State)
    for _ in range(3):
        stage.roster.read.clear()
        stage.hub.changed(1)
        await stage.roster.read.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await told(outbox, State)


async def test_a_full_queue_shows_as_a_few_figures_not_as_a_whole_state(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.roster.queues = (QueueSeen("general", 5, 10.0),)
    stage.hub.changed(None)
    message = await outbox.next()
    assert isinstance(message, Queues)
    assert message.queues[0].waiting == 5


async def test_an_agent_who_has_signed_out_elsewhere_is_shown_the_door(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    stage.roster.put(1, state=AgentState.LOGGED_OUT)
    stage.hub.changed(1)
    async with asyncio.timeout(30):
        while not isinstance(message := await outbox.next(), Closing):
            pass
    assert message.code == SIGNED_OUT


async def test_a_fault_of_one_agents_data_leaves_the_others_alone(stage: Stage) -> None:
    broken, sound = stage.window(), stage.window(2)
    await told(broken, State)
    await told(sound, State)
    stage.roster.cards[1] = object()  # type: ignore[assignment]
    stage.roster.put(2, state=AgentState.READY)
    stage.hub.changed(1)
    stage.hub.changed(2)
    assert (await told(broken, Error)).code == "store_away"
    assert (await told_state(sound, "ready")).agent.name == "tom"


async def test_a_customer_whose_data_make_no_sense_does_not_stop_the_call(stage: Stage) -> None:
    outbox = stage.window()
    await told(outbox, State)
    broken = a_pop(NOW, customer=a_customer(NOW, products=(None,)))
    assert await stage.hub.pop(1, broken, deadline_s=5) is False
    stage.pops[1] = broken
    stage.roster.offer(1, an_offer(NOW), state=AgentState.OFFERED)
    stage.hub.changed(1)
    assert (await told_state(outbox, "offered")).pop is None
    stage.roster.offer(1, None, state=AgentState.READY)
    stage.hub.changed(1)
    assert (await told_state(outbox, "ready")).offer is None


async def test_an_outbox_that_overflows_shrinks_to_the_newest_state(stage: Stage) -> None:
    state = await told(stage.window(), State)
    outbox = Outbox()
    outbox.post(state)
    for i in range(MOST_MESSAGES * 3):
        outbox.post(Ping(now=float(i)))
    newest = state.model_copy(update={"now": 5.0})
    outbox.post(newest)
    outbox.close(4000)
    heard = []
    while not isinstance(message := await outbox.next(), Closing):
        heard.append(message)
    assert len(heard) <= MOST_MESSAGES
    assert heard[-1] is newest
    assert sum(isinstance(message, State) for message in heard) == 1


async def test_a_newer_state_replaces_one_that_has_not_been_sent(stage: Stage) -> None:
    state = await told(stage.window(), State)
    outbox = Outbox()
    outbox.post(state)
    outbox.post(Ping(now=1.0))
    outbox.post(state.model_copy(update={"now": 2.0}))
    assert isinstance(await outbox.next(), Ping)
    assert (await told(outbox, State)).now == 2.0


async def test_what_an_agent_says_is_passed_on_to_whoever_looks_for_agents() -> None:
    told_so: list[str] = []
    roster = ScriptedRoster()
    hub = Hub(roster, CLOCK, lambda agent_id: asyncio.sleep(0, None), on_said=lambda: told_so.append("said"))
    hub.changed(1)
    assert told_so == []
    hub.said(1)
    assert told_so == ["said"]


@pytest.mark.parametrize("shown", [True, False])
async def test_agents_are_told_who_listens_unless_the_site_says_otherwise_and_when_the_conversation_ends(
    shown: bool,
) -> None:
    rings = Listening("spy-1", 2, "Ada", 1, "c", ListeningMode.WHISPER, NOW)
    offer = an_offer(NOW, state="answered", answered_at=NOW, listening=(replace(rings, began_at=NOW), rings))
    roster = ScriptedRoster(an_agent(NOW, state=AgentState.BUSY))
    roster.offer(1, offer)
    hub = Hub(
        roster,
        CLOCK,
        lambda agent_id: asyncio.sleep(0, None),
        measures=Measures(CollectorRegistry()),
        show_listening=shown,
        limit_of={"complaints": TalkLimit(600, 30)}.get,
    )
    running = asyncio.create_task(hub.run())
    outbox = Outbox()
    hub.join(1, outbox)
    state = await told(outbox, State)
    assert state.offer is not None
    assert [(one.supervisor, one.mode) for one in state.offer.listening] == ([("Ada", "whisper")] if shown else [])
    assert (state.offer.talk_until, state.offer.talk_warning_s) == (NOW + 600, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
