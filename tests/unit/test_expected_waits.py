"""What a waiting caller hears of the expected wait, and when nothing is said of it."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ivr.testing.books import book_with_wait_words
from ivr.testing.clock import FakeClock
from ivr.testing.line import HangUp
from ivr.testing.stage import TO_AGENT, Stage
from ivr.testing.waits import SIGHT
from ivr.wait_models.content import CURRENT, FittedWaits, publish_waits, read_waits
from ivr.wait_models.live import LiveWaits
from models.moves import close, stated
from models.waits import told_row
from routing.agent import AgentState
from routing.callback import CallbackWish
from routing.errors import StoreAway
from routing.outlook import Lately
from routing.views import NeedWish
from routing.wait_ranges import WaitRange
from routing.waits import Sight, WaitModel


def stage(
    crew: int = 4, ahead: int = 0, service_s: float | None = 240.0, fitted: LiveWaits | None = None, **queue
) -> Stage:
    announced = {"service_s": service_s, **queue.pop("announce_wait", {})}
    queue = {"announce_wait": announced, "announce_every_s": 30, **queue}
    node = Stage(book_with_wait_words(), queue=queue, fitted_waits=fitted)
    if service_s is not None:
        node.waits.seen["general"] = Lately(100, service_s)
    for number in range(crew):
        node.agent(f"busy{number}").state = AgentState.BUSY.value
    for number in range(ahead):
        add(node, f"other{number}")
    return node


def add(node: Stage, call_id: str) -> None:
    need = stated(call_id, NeedWish("general", {"general": 1}, "en", ""), node.clock.now() - 60)
    need.id = len(node.store.needs) + 1
    node.store.needs[need.id] = need


def told(node: Stage) -> list[tuple[int, int | None]]:
    return [(row.least_min, row.most_min) for row in node.store.told_waits if row.least_min is not None]


async def test_the_expected_wait_is_said_with_the_word_to_hold_and_kept_with_the_need():
    node = stage(ahead=8)
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=20)))
    assert [name for name in leg.heard if name in ("hold", "between")][:2] == ["hold", "between"]
    (row,) = node.store.told_waits
    assert (row.need_id, row.least_min, row.most_min, row.ahead, row.agents) == (node.need.id, 3, 15, 8.0, 4)
    assert node.told("wait_told") == [{"least_min": 3, "most_min": 15}]
    assert node.parts.expected.told == {("general", "formula"): 1}


async def test_it_is_said_anew_when_it_has_changed_and_otherwise_not():
    node = stage(ahead=8)
    for number in range(1, 7):
        node.clock.later(100, lambda need=node.store.needs[number]: close(need, "lost", node.clock.now()))
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=200)))
    assert told(node) == [(3, 15), (0, 10)]
    assert leg.heard.count("less") > 0


@pytest.mark.parametrize(
    ("why", "node"),
    [
        ("nobody is at work", lambda: stage(crew=0, ahead=8)),
        ("one agent is too few", lambda: stage(crew=1)),
        ("nothing is known of the services", lambda: stage(service_s=None)),
        ("too wide", lambda: stage(crew=2, ahead=3)),
    ],
)
async def test_nothing_is_said_of_what_nobody_knows(why, node):
    there = node()
    await there.take(leg := there.leg(TO_AGENT, HangUp(after_s=80)))
    assert told(there) == [], why
    assert not {"less", "between", "more"} & set(leg.heard)


async def test_a_small_site_may_let_one_agent_do():
    node = stage(crew=1, announce_wait={"least_agents": 1}, service_s=120.0)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    assert told(node) == [(0, 5)]


async def test_services_that_were_seen_count_without_a_usual_one():
    node = stage(service_s=None, ahead=8)
    node.waits.seen["general"] = Lately(50, 60.0)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    assert told(node) == [(0, 5)]


async def test_callbacks_whose_turn_comes_first_are_ahead_as_well():
    node = stage()
    now = node.clock.now()
    wish = CallbackWish(
        "c0", "+8613800000009", None, "general", "", "en", "now", now - 90, now - 90, required={"general": 1}
    )
    await node.callbacks.request(wish, now=now - 90)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    assert [row.ahead for row in node.store.told_waits] == [1.0]


async def test_a_store_that_is_away_keeps_nobody_from_waiting():
    node = stage(ahead=8)

    async def lose(*_: object, **__: object) -> None:
        raise StoreAway

    node.waits.tell = lose  # type: ignore[method-assign]
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=80)))
    assert "between" in leg.heard
    node = stage(ahead=8)
    node.waits.lately = lose  # type: ignore[method-assign,assignment]
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=80)))
    assert "between" not in leg.heard
    assert "place" in leg.heard


async def test_a_queue_that_announces_nothing_reads_nothing():
    node = Stage(book_with_wait_words())
    node.waits.lately = None  # type: ignore[method-assign,assignment]
    await node.take(node.leg(TO_AGENT, HangUp(after_s=80)))
    assert told(node) == []


async def test_a_wait_that_cannot_be_kept_for_any_reason_keeps_nobody_from_waiting():
    node = stage(ahead=8)

    async def fail(*_: object, **__: object) -> bool:
        raise ValueError("something that nobody thought of")

    node.waits.tell = fail  # type: ignore[method-assign]
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=80)))
    assert "between" in leg.heard
    assert node.told("fault") == []


async def test_what_was_to_be_seen_is_kept_with_each_estimate_also_when_nothing_is_told():
    node = stage(ahead=8)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    seen = Sight.from_row(node.store.told_waits[0].sight)
    assert (seen.waiting, seen.ahead, seen.agents, seen.service_s, seen.starts_15) == (8.0, 8.0, 4, 240.0, 0)
    assert seen.formula_s == pytest.approx(node.store.told_waits[0].mean_s, abs=0.001)
    assert (seen.head_wait_s, seen.mean_wait_s) == pytest.approx((60.0, 60.0), abs=5)
    node = stage(crew=2, ahead=3)
    await node.take(leg := node.leg(TO_AGENT, HangUp(after_s=100)))
    (row,) = node.store.told_waits  # once, though it was asked for with each announcement
    assert (row.least_min, row.most_min, Sight.from_row(row.sight).ahead) == (None, None, 3.0)
    assert not node.told("wait_told")
    assert "between" not in leg.heard


#: Every wait is 400 s, give or take a tenth.
ALWAYS_400 = FittedWaits(WaitModel(("general",), 400.0, (), ((float("inf"), (0.9, 1.0, 1.1)),)), ("general",), {})


async def test_a_published_model_tells_the_waits_of_its_queues_and_is_named_with_them(tmp_path: Path):
    registry = CollectorRegistry()
    fitted = LiveWaits(tmp_path, FakeClock(), registry)

    def falls_back() -> float | None:
        return registry.get_sample_value("ringwise_wait_model_fallback")

    async def call() -> tuple[int | None, int | None, str | None]:
        await fitted.look()
        node = stage(ahead=8, fitted=fitted)
        await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
        (row,) = node.store.told_waits
        assert Sight.from_row(row.sight).formula_s == pytest.approx(455, abs=1)  # kept whatever is told
        return row.least_min, row.most_min, row.basis

    assert (await call(), falls_back()) == ((3, 15, None), 1.0)
    publish_waits(tmp_path, ALWAYS_400)
    assert (await call(), falls_back()) == ((5, 10, read_waits(tmp_path / CURRENT).basis), 0.0)
    publish_waits(tmp_path, FittedWaits(ALWAYS_400.model, ("loans",), {}))
    assert (await call(), falls_back()) == ((3, 15, None), 0.0)  # a queue that it does not serve
    file = tmp_path / CURRENT
    file.write_bytes(file.read_bytes()[:-40])
    assert (await call(), falls_back()) == ((3, 15, None), 1.0)


async def test_a_model_that_fails_leaves_the_formula(tmp_path: Path):
    publish_waits(tmp_path, FittedWaits(ALWAYS_400.model, ("general",), {}))
    fitted = LiveWaits(tmp_path, FakeClock())
    await fitted.look()
    fitted._followed.now = FittedWaits(WaitModel(("general",), 400.0, (), ()), ("general",), {})
    node = stage(ahead=8, fitted=fitted)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    assert told(node) == [(3, 15)]
    assert fitted.faults == 1


@pytest.mark.parametrize(("basis", "said"), [("000000000000", (0, 10)), (None, (5, 10))])
async def test_ranges_of_the_model_that_missed_widen_those_of_the_model_alone(
    tmp_path: Path, basis: str | None, said: tuple[int, int]
):
    ratios = (0.2, *(0.9 + 0.025 * step for step in range(9)), 1.4)  # four in five lie near the estimate
    publish_waits(
        tmp_path, FittedWaits(WaitModel(("general",), 400.0, (), ((float("inf"), ratios),)), ("general",), {})
    )
    fitted = LiveWaits(tmp_path, FakeClock())
    await fitted.look()
    node = stage(ahead=8, fitted=fitted)
    for _ in range(100):
        row = told_row(1, WaitRange(0, 2), SIGHT, 60.0, basis, node.clock.now() - 600)  # who waits still
        node.store.told_waits.append(row)
    await node.take(node.leg(TO_AGENT, HangUp(after_s=20)))
    assert told(node)[100:] == [said]
