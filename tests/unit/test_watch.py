"""The watcher: what the switch tells becomes true in the store, and what nobody told is found by comparing."""

import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from ivr.errors import ActionUnknown, SwitchAway
from ivr.metrics import SWEEP_MOST_S, Metrics
from ivr.parts import LiveCall
from ivr.ports import (
    Arrival,
    ChannelGone,
    ChannelSeen,
    NeedWish,
    PhoneAnswered,
    PhoneIs,
    PhoneRinging,
    PhoneState,
    SwitchBack,
    SwitchGone,
)
from ivr.testing.stage import Stage
from ivr.watch import COMPARE_EVERY_S, PHONES_EVERY_S
from menus.facts import CallerFacts
from routing.call import CallEvent
from routing.errors import StoreAway

PHONE = "PJSIP/grace"


async def _offered(stage: Stage, *, live: bool = True, call_id: str = "call-1") -> None:
    """A call that is offered to Grace, held by this node if `live`."""
    stage.agent()
    arrival = Arrival(call_id, call_id, "PJSIP/trunk-00000001", None, "", "")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    stage.log.moved(call_id, CallEvent.NEED)
    await stage.exchange.open_need(call_id, NeedWish("general", {"general": 1}, "en", "General"), now=stage.clock.now())
    await stage.dispatcher.round()
    if live:
        standing = await stage.exchange.standing(call_id, now=stage.clock.now())
        assert standing is not None
        stage.parts.live[call_id] = LiveCall("PJSIP/trunk-00000001", offer=standing.offer)


def _bridged(stage: Stage, call_id: str = "call-1", phone: str = PHONE) -> None:
    """The switch shows the caller and that phone in one bridge."""
    for channel in ("PJSIP/trunk-00000001", f"{phone}-00000002"):
        stage.switchboard.seen[channel] = ChannelSeen(call_id, channel, True)


async def test_a_phone_that_rings_prolongs_the_offer_by_the_queues_ringing_time() -> None:
    stage = Stage(queue={"ring_s": 20})
    await _offered(stage)
    stage.clock.advance(3)
    await stage.watcher.take(PhoneRinging("call-1", PHONE, f"{PHONE}-1"))
    assert (stage.offer.state, stage.offer.ringing_at) == ("ringing", stage.clock.now())
    assert stage.offer.expires_at == stage.clock.now() + 20 + 15
    assert stage.told("ringing") == [{"agent": "grace"}]


async def test_a_phone_that_was_answered_makes_offer_need_agent_and_call_talk() -> None:
    stage = Stage()
    await _offered(stage)
    await stage.watcher.take(PhoneAnswered("call-1", PHONE, f"{PHONE}-1"))
    assert (stage.offer.state, stage.need.state, stage.store.agents[1].state) == ("answered", "talking", "busy")
    assert stage.store.calls["call-1"].state == "talking"
    assert stage.parts.live["call-1"].answered
    assert stage.told("answered") == [{"agent": "grace"}]


@pytest.mark.fault("C13", "the same answer is told twice")
async def test_the_same_answer_told_twice_counts_once() -> None:
    stage = Stage()
    await _offered(stage)
    for _ in range(2):
        await stage.watcher.take(PhoneAnswered("call-1", PHONE, f"{PHONE}-1"))
    assert len(stage.told("answered")) == 1


@pytest.mark.parametrize("event", [PhoneRinging, PhoneAnswered])
async def test_events_of_other_nodes_calls_are_left_to_them_without_a_look_at_the_store(event) -> None:  # type: ignore[no-untyped-def]
    stage = Stage()
    await _offered(stage, live=False)
    stage.store.away = True
    await stage.watcher.take(event("call-1", PHONE, f"{PHONE}-1"))
    assert stage.offer.state == "offered"


@pytest.mark.parametrize("event", [PhoneRinging, PhoneAnswered])
async def test_events_of_another_phone_change_nothing(event) -> None:  # type: ignore[no-untyped-def]
    stage = Stage()
    await _offered(stage)
    await stage.watcher.take(event("call-1", "PJSIP/tom", "PJSIP/tom-1"))
    assert stage.offer.state == "offered"
    assert not stage.parts.live["call-1"].answered


async def test_channels_that_end_are_left_to_their_own_lines() -> None:
    stage = Stage()
    await _offered(stage)
    await stage.watcher.take(ChannelGone("call-1", "call-1"))
    assert stage.offer.state == "offered"


async def test_an_answer_on_a_dead_nodes_call_is_found_by_comparing_and_counted() -> None:
    stage = Stage()
    await _offered(stage, live=False)
    _bridged(stage)
    await stage.watcher.sweep()
    assert (stage.offer.state, stage.store.agents[1].state) == ("answered", "busy")
    assert stage.watcher.drift.total() == 1
    await stage.watcher.sweep()
    assert stage.watcher.drift.total() == 1


async def test_an_answer_that_came_while_the_link_was_down_is_found_by_comparing() -> None:
    stage = Stage()
    await _offered(stage)
    _bridged(stage)
    await stage.watcher.sweep()
    assert stage.offer.state == "answered"
    assert stage.parts.live["call-1"].answered


async def test_an_answer_that_the_store_did_not_take_is_found_by_comparing() -> None:
    stage = Stage()
    await _offered(stage)
    _bridged(stage)
    stage.store.away = True
    stage.switchboard.tell(PhoneAnswered("call-1", PHONE, f"{PHONE}-00000002"))
    listening = asyncio.create_task(stage.watcher.listen())
    for _ in range(10):
        await asyncio.sleep(0)
    assert stage.parts.live["call-1"].answered
    stage.store.away = False
    await stage.watcher.sweep()
    assert stage.offer.state == "answered"
    assert not listening.done()
    listening.cancel()


@pytest.mark.parametrize("phone", [None, "PJSIP/tom", "PJSIP/grac"])
async def test_a_call_that_is_not_bridged_to_the_offered_phone_has_not_been_answered(phone: str | None) -> None:
    stage = Stage()
    await _offered(stage, live=False)
    if phone is None:
        stage.switchboard.seen["c"] = ChannelSeen("call-1", f"{PHONE}-00000002", False)
    else:
        _bridged(stage, phone=phone)
    await stage.watcher.sweep()
    assert stage.offer.state == "offered"
    assert stage.watcher.drift.total() == 0


async def test_a_call_without_a_channel_is_closed_and_counted() -> None:
    stage = Stage()
    await _offered(stage, live=False)
    stage.clock.advance(5)
    swept = await stage.watcher.sweep()
    assert swept.calls_closed == 1
    assert stage.watcher.drift.total() == 1
    assert stage.store.calls["call-1"].reason == "engine_lost"
    assert (stage.offer.state, stage.need.outcome, stage.store.agents[1].state) == ("withdrawn", "lost", "ready")
    assert None in stage.desk.changes
    assert await stage.hints.wait("routing", seconds=0.01)


async def test_a_call_that_this_node_holds_is_alive_whatever_the_switch_lists() -> None:
    stage = Stage()
    await _offered(stage)
    stage.clock.advance(5)
    await stage.watcher.sweep()
    assert stage.store.calls["call-1"].ended_at is None


async def test_an_offer_whose_lease_is_over_lapses_and_is_counted() -> None:
    stage = Stage()
    await _offered(stage, live=False)
    stage.switchboard.up = False
    stage.clock.advance(16)
    swept = await stage.watcher.sweep()
    assert (swept.offers_expired, stage.watcher.drift["offer"]) == (1, 1)
    assert (stage.need.state, stage.store.agents[1].state) == ("waiting", "ready")


async def test_an_offer_that_this_node_carries_out_does_not_lapse_though_the_switch_tells_nothing() -> None:
    stage = Stage()
    await _offered(stage)
    stage.switchboard.up = False
    for _ in range(6):
        stage.clock.advance(6)
        await stage.watcher.sweep()
    assert (stage.offer.state, stage.need.state, stage.store.agents[1].state) == ("offered", "offered", "offered")


async def test_between_comparisons_the_switch_is_not_asked() -> None:
    stage = Stage()
    asked: list[float] = []
    channels = stage.switchboard.channels

    async def count() -> tuple[ChannelSeen, ...]:
        asked.append(stage.clock.monotonic())
        return await channels()

    stage.switchboard.channels = count  # type: ignore[method-assign]
    for _ in range(11):
        await stage.watcher.sweep()
        stage.clock.advance(1)
    assert asked == [0, COMPARE_EVERY_S, 2 * COMPARE_EVERY_S]


async def test_a_switch_that_is_back_is_compared_with_at_the_next_sweep() -> None:
    stage = Stage()
    await stage.watcher.sweep()
    await _offered(stage, live=False)
    stage.clock.advance(COMPARE_EVERY_S - 1)
    await stage.watcher.take(SwitchGone())
    await stage.watcher.sweep()
    assert stage.store.calls["call-1"].ended_at is None
    await stage.watcher.take(SwitchBack(restarted=True))
    await stage.watcher.sweep()
    assert stage.store.calls["call-1"].ended_at is not None


async def test_a_switch_that_is_back_sets_the_dispatcher_to_work() -> None:
    stage = Stage()
    await stage.watcher.take(SwitchBack(restarted=False))
    assert await stage.hints.wait("routing", seconds=0.01)


@pytest.mark.parametrize("fault", [SwitchAway(), ActionUnknown(), None])
async def test_while_the_switch_cannot_be_asked_no_call_is_closed(fault: Exception | None) -> None:
    stage = Stage()
    await _offered(stage, live=False)
    stage.clock.advance(10)

    async def fail() -> tuple[ChannelSeen, ...]:
        assert fault is not None
        raise fault

    stage.switchboard.channels = fail  # type: ignore[method-assign]
    stage.switchboard.up = fault is not None
    await stage.watcher.sweep()
    assert stage.store.calls["call-1"].ended_at is None


async def test_a_comparison_that_the_store_did_not_take_is_made_again_at_once() -> None:
    stage = Stage()
    await _offered(stage, live=False)
    _bridged(stage)
    stage.store.away = True
    with pytest.raises(Exception, match="database"):
        await stage.watcher.sweep()
    stage.store.away = False
    await stage.watcher.sweep()
    assert stage.offer.state == "answered"


async def test_faults_end_neither_listening_nor_sweeping() -> None:
    stage = Stage(settings={"routing": {"sweep_s": 1}})
    await _offered(stage)
    sweeps: list[str] = []

    async def sweep() -> None:
        sweeps.append("sweep")
        if len(sweeps) == 1:
            stage.store.reach()
            raise RuntimeError("a planted fault")
        if len(sweeps) == 2:
            stage.store.away = True
            stage.store.reach()
        stage.store.away = False
        if len(sweeps) == 4:
            raise asyncio.CancelledError

    stage.watcher.sweep = sweep  # type: ignore[method-assign,assignment]
    with pytest.raises(asyncio.CancelledError):
        await stage.watcher.sweep_forever()
    assert len(sweeps) == 4

    standing = stage.exchange.standing

    async def fail_once(call_id: str, *, now: float):  # type: ignore[no-untyped-def]
        stage.exchange.standing = standing  # type: ignore[method-assign]
        raise RuntimeError("a planted fault")

    stage.exchange.standing = fail_once  # type: ignore[method-assign]
    listening = asyncio.create_task(stage.watcher.listen())
    for _ in range(2):
        stage.switchboard.tell(PhoneRinging("call-1", PHONE, f"{PHONE}-1"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert stage.offer.state == "ringing"
    listening.cancel()


async def test_the_figures_tell_calls_claims_drift_and_the_switch() -> None:
    stage = Stage()
    await _offered(stage, live=False)
    stage.clock.advance(5)
    await stage.watcher.sweep()
    stage.parts.endings["served/agent"] += 2
    stage.parts.arrivals["brokers", "spring"] += 3
    stage.parts.called_back["dialled"] += 4
    stage.parts.live["x"] = LiveCall("PJSIP/x")
    stage.switchboard.up = False
    registry = CollectorRegistry()
    journal = SimpleNamespace(waiting=7, events_dropped=3, entries_refused=1)
    metrics = Metrics(stage.parts, stage.dispatcher, stage.watcher, journal, registry)
    figure = registry.get_sample_value
    assert figure("ringwise_calls_ended_total", {"ending": "served/agent"}) == 2
    assert figure("ringwise_calls_total", {"entry": "brokers", "campaign": "spring"}) == 3
    assert figure("ringwise_callbacks_total", {"what": "dialled"}) == 4
    assert figure("ringwise_calls_live") == 1
    assert figure("ringwise_switch_up") == 0
    assert figure("ringwise_claims_total", {"outcome": "won"}) == 1
    assert figure("ringwise_claims_total", {"outcome": "lost"}) == 0
    assert figure("ringwise_drift_total", {"kind": "call"}) == 1
    assert figure("ringwise_drift_total", {"kind": "phone"}) == 0
    assert figure("ringwise_journal_waiting") == 7
    assert figure("ringwise_call_events_dropped_total") == 3
    assert figure("ringwise_journal_refused_total") == 1
    assert (await metrics.health())["switch"] != "ok"
    stage.switchboard.up = True
    assert (await metrics.health())["switch"] == "ok"


async def test_the_health_check_tells_within_seconds_that_the_database_is_away_and_that_it_is_back() -> None:
    stage = Stage()
    journal = SimpleNamespace(waiting=0, events_dropped=0, entries_refused=0)
    metrics = Metrics(stage.parts, stage.dispatcher, stage.watcher, journal, CollectorRegistry())
    assert await metrics.health() == {"switch": "ok", "database": "ok"}
    stage.store.away = True
    stage.clock.advance(stage.parts.settings.routing.sweep_s + SWEEP_MOST_S + 1)
    with pytest.raises(StoreAway):
        await stage.watcher.sweep()
    assert await metrics.health() == {"switch": "ok", "database": "could not be used for 8 s; the log says why"}
    stage.store.away = False
    await stage.watcher.sweep()
    assert (await metrics.health())["database"] == "ok"


# --- phones ------------------------------------------------------------------------------------------------------


async def test_an_agent_whose_phone_is_busy_is_passed_over_and_offered_as_soon_as_it_is_free() -> None:
    stage = Stage()
    stage.agent()
    await stage.watcher.sweep()
    await stage.watcher.take(PhoneIs(PHONE, PhoneState.IN_USE))
    await _waiting(stage)
    await stage.dispatcher.round()
    assert stage.store.offers == {}
    woken = asyncio.create_task(stage.hints.wait("routing", seconds=60))
    await asyncio.sleep(0)
    await stage.watcher.take(PhoneIs(PHONE, PhoneState.IDLE))
    assert await woken
    await stage.dispatcher.round()
    assert stage.offer.agent_id == 1


async def test_phones_are_read_after_each_login_and_what_was_not_told_is_drift() -> None:
    stage = Stage()
    stage.agent()
    stage.switchboard.phone_states = {PHONE: PhoneState.IDLE, "PJSIP/trunk": PhoneState.IN_USE}
    await stage.watcher.sweep()
    assert (stage.store.phones[PHONE].state, list(stage.store.phones)) == ("idle", [PHONE])
    stage.switchboard.phone_states[PHONE] = PhoneState.IN_USE  # told in an event that was lost
    await stage.watcher.sweep()
    assert stage.store.phones[PHONE].state == "idle"
    stage.clock.advance(PHONES_EVERY_S)
    await stage.watcher.sweep()
    assert (stage.store.phones[PHONE].state, stage.watcher.drift["phone"]) == ("in_use", 1)
    stage.switchboard.phone_states[PHONE] = PhoneState.UNREACHABLE
    await stage.watcher.take(SwitchBack(restarted=True))
    await stage.watcher.sweep()
    assert (stage.store.phones[PHONE].state, stage.watcher.drift["phone"]) == ("unreachable", 1)


async def test_what_the_switch_tells_while_phones_are_listed_is_newer_than_the_list() -> None:
    stage = Stage()
    stage.agent()

    async def phones() -> dict[str, PhoneState]:
        await stage.watcher.take(PhoneIs(PHONE, PhoneState.IDLE))
        return {PHONE: PhoneState.IN_USE}

    stage.switchboard.phones = phones  # type: ignore[method-assign]
    await stage.watcher.sweep()
    assert stage.store.phones[PHONE].state == "idle"


async def test_a_switch_that_lists_no_phones_is_asked_again_later_and_holds_nobody_up() -> None:
    stage = Stage()
    stage.agent()
    asked = []

    async def phones() -> dict[str, PhoneState]:
        asked.append(stage.clock.monotonic())
        raise SwitchAway

    stage.switchboard.phones = phones  # type: ignore[method-assign]
    for _ in range(3):
        await stage.watcher.sweep()
    assert len(asked) == 1
    await _waiting(stage)
    await stage.dispatcher.round()
    assert stage.offer.agent_id == 1


async def test_devices_that_are_no_agents_phones_cost_the_store_nothing() -> None:
    stage = Stage()
    stage.agent()
    await stage.watcher.sweep()
    stage.store.away = True
    await stage.watcher.take(PhoneIs("PJSIP/trunk", PhoneState.IN_USE))


async def _waiting(stage: Stage) -> None:
    """A caller who waits."""
    arrival = Arrival("call-1", "call-1", "PJSIP/trunk-00000001", None, "", "")
    stage.log.opened(arrival, now=stage.clock.now(), facts=CallerFacts(), language="en", book_version=1)
    await stage.exchange.open_need("call-1", NeedWish("general", {"general": 1}, "en", "x"), now=stage.clock.now())
