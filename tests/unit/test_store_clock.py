"""All nodes go by the store's time of day, whatever their machines believe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from ivr.clock import StoreClock
from ivr.doctor import judged_clock
from ivr.finding import Verdict
from ivr.heartbeat import READINGS, ClockFigures, Heartbeat
from ivr.rehearsal.node import logged
from ivr.testing.clock import FakeClock
from routing.errors import StoreAway

STORE_AT_0 = 1_790_000_000.0
slow = st.floats(0, 5)


class Machine(FakeClock):
    """A machine whose time of day is wrong by so much."""

    wrong_s = 0.0

    def now(self) -> float:
        """UTC seconds of the epoch, as it believes."""
        return super().now() + self.wrong_s


class Store:
    """A node's life in a store whose answers take time (port Life of the heartbeat)."""

    def __init__(self, machine: FakeClock) -> None:
        self.machine = machine
        self.ahead_s = 0.0  #: stepped since
        self.trips: list[tuple[float, float]] = []
        self.wrote: list[float] = []
        self.away = False

    def now(self) -> float:
        return STORE_AT_0 + self.machine.monotonic() + self.ahead_s

    async def started(self, *, now: float) -> None:
        self.wrote.append(now)

    async def seen(self, *, now: float) -> None:
        self.wrote.append(now)

    async def time(self) -> float:
        if self.away:
            raise StoreAway
        there_s, back_s = self.trips.pop(0) if self.trips else (0.0, 0.0)
        self.machine.advance(there_s)
        told = self.now()
        self.machine.advance(back_s)
        return told


@pytest.mark.fault("D4", "a machine's time of day is wrong and steps")
async def test_a_machine_whose_time_of_day_is_wrong_and_steps_goes_by_the_stores() -> None:
    machine = Machine(STORE_AT_0)
    machine.wrong_s, store = 61.0, Store(machine)
    clock = StoreClock(machine)
    assert clock.now() == STORE_AT_0 + 61  # nobody has been asked yet
    await Heartbeat(store, clock).start()
    assert (clock.now(), clock.machine_ahead_s) == (STORE_AT_0, 61.0)
    machine.advance(10)
    machine.wrong_s = -3600.0
    assert (clock.now(), clock.machine_ahead_s) == (STORE_AT_0 + 10, -3600.0)
    await clock.sleep(2)
    assert clock.now() == STORE_AT_0 + clock.monotonic() == STORE_AT_0 + 12
    assert store.wrote == [STORE_AT_0]


async def test_a_rehearsal_is_ahead_of_the_store_and_that_is_no_fault() -> None:
    machine = Machine(STORE_AT_0)
    clock = StoreClock(machine, ahead_s=86_400.0)
    assert clock.now() == STORE_AT_0 + 86_400
    await clock.read(Store(machine).time)
    assert (clock.now(), clock.machine_ahead_s) == (STORE_AT_0 + 86_400, 0.0)


@given(trips=st.lists(st.tuples(slow, slow), min_size=1, max_size=8))
async def test_a_clock_is_off_by_no_more_than_the_quickest_answer_took(trips: list[tuple[float, float]]) -> None:
    machine = Machine(STORE_AT_0)
    store, clock = Store(machine), StoreClock(machine)
    for number, trip in enumerate(trips):
        store.trips.append(trip)
        await clock.read(store.time)
        quickest = min(there_s + back_s for there_s, back_s in trips[: number + 1])
        assert abs(clock.now() - store.now()) <= quickest + 1e-6


async def test_one_slow_answer_at_the_start_does_no_harm() -> None:
    machine = Machine(STORE_AT_0)
    store, clock = Store(machine), StoreClock(machine)
    store.trips = [(0.0, 4.0), *[(0.001, 0.001)] * (READINGS - 1)]
    await Heartbeat(store, clock).start()
    assert abs(clock.now() - store.now()) < 0.01


async def test_a_store_whose_time_steps_is_followed_at_the_next_heartbeat() -> None:
    machine = Machine(STORE_AT_0)
    store, clock = Store(machine), StoreClock(machine)
    heartbeat = Heartbeat(store, clock)
    await heartbeat.start()
    store.ahead_s = 7.0
    await heartbeat.beat()
    assert clock.now() == store.now() == store.wrote[-1]


async def test_a_store_that_is_away_is_told_and_the_clock_goes_on() -> None:
    machine = Machine(STORE_AT_0)
    store, clock = Store(machine), StoreClock(machine)
    heartbeat = Heartbeat(store, clock)
    await heartbeat.start()
    store.away = True
    with pytest.raises(StoreAway):
        await heartbeat.beat()
    machine.advance(600)
    assert clock.now() == store.now()


async def test_a_machine_that_is_off_is_warned_of_once_and_shows_in_the_figures() -> None:
    machine = Machine(STORE_AT_0)
    store, clock, registry = Store(machine), StoreClock(machine), CollectorRegistry()
    ClockFigures(clock, registry)
    heartbeat = Heartbeat(store, clock)
    with logged() as logs:
        await heartbeat.start()
        machine.wrong_s = -20.0
        await heartbeat.beat()
        await heartbeat.beat()
        assert logs.lines == ["this machine's time of day is off the store's, which the engine goes by"]
    assert registry.get_sample_value("ringwise_clock_ahead_seconds") == -20.0


@pytest.mark.parametrize(("ahead_s", "says"), [(-60.4, "60 s behind the database's"), (5.0, "5 s ahead of")])
def test_the_doctor_tells_of_a_machine_that_is_off(ahead_s: float, says: str) -> None:
    found = judged_clock(ahead_s)
    assert found.verdict is Verdict.WARNING
    assert says in found.says


def test_the_doctor_is_content_with_a_machine_that_is_right() -> None:
    assert judged_clock(0.4).verdict is Verdict.FINE
