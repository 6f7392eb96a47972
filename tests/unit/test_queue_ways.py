"""Ways out of a queue: keys from the first second, offers from time to time, and what stays of the wait."""

import json

import pytest

from ivr.conversation import converse
from ivr.steps.wishes import QUEUED
from ivr.testing.books import book_with_callbacks
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import Stage
from menus.schema import Entry, MenuBook, Route
from menus.walk import Position

TO_QUEUE = Press("0", hearing="main.balance")
ALLOWED = {"outbound": {"allow": ["+86"]}}


def after_hold(heard: list[str]) -> list[str]:
    return heard[heard.index("hold") + 1 :]


def stage(book: MenuBook | None = None, **more) -> Stage:
    return Stage(book or book_with_callbacks(), settings=ALLOWED, **more)


@pytest.mark.parametrize(
    "press",
    [
        pytest.param(Press("1", after_s=0.1), id="before anything is said"),
        pytest.param(Press("1", hearing="hold"), id="while asked to hold"),
        pytest.param(Press("1", after_s=5), id="in the music"),
        pytest.param(Press("1", hearing="place"), id="while the position is said"),
        pytest.param(Press("1", hearing="may_call"), id="while it is offered"),
    ],
)
async def test_a_key_leaves_the_queue_whenever_it_is_pressed(press):
    node = stage()
    row = await node.take(leg := node.leg(TO_QUEUE, press))
    assert leg.heard[-1] == "bye"
    assert (row.result, row.reason, node.need.outcome) == ("served", "goodbye", "callback")
    assert len(node.store.callbacks) == 1
    assert not leg.on_hold


async def test_a_way_is_offered_when_its_time_has_come_and_with_every_announcement_from_then_on():
    node = stage()
    await node.take(leg := node.leg(TO_QUEUE, HangUp(after_s=80)))
    assert after_hold(leg.heard) == ["may_call", "place", "place", "may_call", "still", "may_call"]


async def test_a_way_whose_condition_does_not_hold_is_neither_offered_nor_open():
    node = stage()
    row = await node.take(leg := node.leg(TO_QUEUE, Press("2", after_s=50), HangUp(after_s=20)))
    assert "may_go" not in leg.heard
    assert (row.reason, node.need.outcome) == ("in_queue", "abandoned")


async def test_a_way_is_open_and_offered_while_its_condition_holds():
    node = stage()
    await node.take(node.leg(TO_QUEUE, HangUp(), call_id="other", ani="+8613800000002"))
    node.need.closed_at, node.need.state = None, "waiting"
    row = await node.take(leg := node.leg(TO_QUEUE, Press("2", hearing="may_go")))
    assert after_hold(leg.heard)[-3:] == ["may_go", "notice", "bye"]
    assert (row.reason, node.store.needs[2].outcome) == ("goodbye", "gave_up")
    assert not node.store.callbacks


async def test_another_key_means_nothing_and_nobody_loses_the_word_to_hold_by_it():
    node = stage()
    row = await node.take(leg := node.leg(TO_QUEUE, Press("7", after_s=0.1), Press("9", after_s=5), HangUp(after_s=5)))
    assert after_hold(leg.heard) == ["may_call"]
    assert row.reason == "in_queue"


async def test_the_back_key_counts_from_the_first_moment_too():
    node = stage()
    row = await node.take(leg := node.leg(TO_QUEUE, Press("*", after_s=0.1), HangUp(hearing="again")))
    assert "hold" not in leg.heard
    assert (row.reason, node.need.outcome) == ("in_menu", "gave_up")


async def test_an_agent_who_comes_cuts_an_offer_short():
    node = stage()
    leg = node.leg(TO_QUEUE)
    node.clock.later(15, lambda: (node.agent(), node.hints.nudge("routing")))
    row = await node.take(leg)
    assert (row.reason, leg.rung) == ("agent", ["PJSIP/grace"])


async def test_the_place_in_the_queue_is_left_to_the_steps_that_follow():
    node = stage(queue={"credit_minutes": 2})
    began = node.clock.now()
    row = await node.take(node.leg(TO_QUEUE, Press("1", after_s=65)))
    values = Position.from_json(row.position or {}).values
    left = json.loads(values[QUEUED])
    assert (left["queue"], left["reason"], left["required"]) == ("general", node.need.reason, {"general": 1})
    assert (left["since"], left["credit_s"], left["tier"]) == (node.need.since, 180.0, 1)
    assert node.clock.now() - began > 65


async def test_who_waited_in_vain_keeps_the_place_as_well():
    node = stage(queue={"max_wait_s": 40})
    row = await node.take(node.leg(TO_QUEUE))
    assert json.loads(Position.from_json(row.position or {}).values[QUEUED])["since"] == node.need.since
    assert node.need.outcome == "gave_up"


async def test_the_line_that_was_dialled_grants_credit():
    book = book_with_callbacks()
    entry = Entry(numbers=("95588",), then="hello", campaign="spring", credit_minutes=5)
    node = stage(book.model_copy(update={"entries": {"brokers": entry}}), queue={"credit_minutes": 2})
    await node.take(node.leg(TO_QUEUE, HangUp(after_s=1)))
    assert node.need.credit_s == (2 + 1 + 5) * 60
    assert node.parts.arrivals == {("brokers", "spring"): 1}


async def test_a_store_that_is_away_does_not_close_the_way_out():
    node = stage()
    node.clock.later(8, lambda: setattr(node.store, "away", True))
    async with node.dispatching():
        await node.take(leg := node.leg(TO_QUEUE, Press("1", after_s=20)))
    assert leg.heard[-2:] == ["notice", "bye"]  # the wish could not be kept


async def test_a_way_without_a_condition_of_queues_reads_no_queues():
    book = book_with_callbacks()
    queue = book.steps["queue"]
    assert isinstance(queue, Route)
    only_first = queue.model_copy(update={"ways": queue.ways[:1]})
    node = stage(book.model_copy(update={"steps": {**book.steps, "queue": only_first}}))
    snapshots = []
    snapshot = node.exchange.snapshot

    async def count(*, now: float):
        snapshots.append(now)
        return await snapshot(now=now)

    node.exchange.snapshot = count  # type: ignore[method-assign]
    await converse(node.leg(TO_QUEUE, Press("1", after_s=30)), node.parts)
    assert snapshots == []
