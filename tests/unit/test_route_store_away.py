"""Waiting and talking while the store is away, or does not take what it is told: the caller is served all the same."""

from itertools import pairwise
from typing import Any

import pytest

from ivr.ports import Dialled, DialStatus, PhoneAnswered
from ivr.steps.route import LOOK_AGAIN_S
from ivr.testing.books import book_with_a_menu_after_talks
from ivr.testing.line import HangUp, Press
from ivr.testing.stage import TO_AGENT, Stage
from menus.pace import estimated_s
from routing.errors import StoreAway


async def test_a_store_that_is_away_before_the_queue_costs_the_caller_only_time() -> None:
    stage = Stage()
    stage.agent()
    began = stage.clock.now()
    stage.clock.later(2, lambda: setattr(stage.store, "away", True))
    stage.clock.later(14, lambda: setattr(stage.store, "away", False))
    row = await stage.take(leg := stage.leg(TO_AGENT))
    assert (row.result, row.reason) == ("served", "agent")
    assert list(dict.fromkeys(leg.heard)) == ["welcome", "main", "main.balance", "hold", "bye"]
    assert leg.heard[-1] == "bye"
    assert 14 <= stage.offer.made_at - began <= 14 + LOOK_AGAIN_S


async def test_a_need_that_could_not_be_stated_is_stated_as_soon_as_the_caller_has_been_told_to_hold() -> None:
    stage = Stage()
    stage.agent()
    tried: list[tuple[float, list[str]]] = []
    open_need = stage.exchange.open_need

    async def away_at_first(*key: Any, **how: Any) -> Any:
        tried.append((stage.clock.monotonic(), list(leg.heard)))
        if len(tried) == 1:
            raise StoreAway
        return await open_need(*key, **how)

    stage.exchange.open_need = away_at_first  # type: ignore[method-assign]
    leg = stage.leg(TO_AGENT)
    row = await stage.take(leg)
    (first, before), (again, heard) = tried
    assert (row.result, row.reason) == ("served", "agent")
    assert ("hold" in before, heard[-1]) == (False, "hold")
    assert again - first == pytest.approx(estimated_s("Please hold."))


async def test_a_store_that_goes_away_in_the_queue_costs_the_caller_no_place() -> None:
    stage = Stage()
    leg = stage.leg(TO_AGENT)
    stage.clock.later(20, lambda: setattr(stage.store, "away", True))
    stage.clock.later(45, lambda: (setattr(stage.store, "away", False), stage.agent(), stage.hints.nudge("routing")))
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("served", "agent")
    assert len(stage.store.needs) == 1
    assert "still" in leg.heard


async def test_a_need_that_somebody_closed_is_stated_again() -> None:
    stage = Stage()

    def lose() -> None:
        stage.need.state, stage.need.closed_at, stage.need.outcome = "closed", stage.clock.now(), "lost"

    stage.clock.later(10, lose)
    stage.clock.later(15, lambda: (stage.agent(), stage.hints.nudge("routing")))
    row = await stage.take(stage.leg(TO_AGENT))
    assert (row.result, row.reason) == ("served", "agent")
    assert [need.outcome for need in stage.store.needs.values()] == ["lost", "served"]


async def test_leaving_the_queue_while_the_store_is_away_still_leads_back_to_the_menu() -> None:
    stage = Stage()
    stage.clock.later(6, lambda: setattr(stage.store, "away", True))
    stage.clock.later(12, lambda: setattr(stage.store, "away", False))
    row = await stage.take(leg := stage.leg(TO_AGENT, Press("*", after_s=5), HangUp(hearing="main.agent")))
    assert "again" in leg.heard
    assert (row.result, row.reason) == ("left", "in_menu")


async def test_the_longest_wait_ends_also_while_the_store_is_away() -> None:
    stage = Stage(queue={"max_wait_s": 30})
    stage.clock.later(10, lambda: setattr(stage.store, "away", True))
    async with stage.dispatching():
        await stage.take(leg := stage.leg(TO_AGENT))
    assert leg.heard[-1] == "bye"
    assert leg.is_done
    assert stage.parts.endings == {"diverted/no_agents": 1}


async def test_an_unanswered_ring_that_could_not_be_stored_is_stored_later_and_the_phone_left_alone() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT, HangUp(after_s=20))
    leg.dials = [Dialled(DialStatus.NO_ANSWER)]

    async def ring(phone: str) -> None:
        stage.store.away = True
        stage.clock.later(20, lambda: setattr(stage.store, "away", False))

    leg.on_dial = ring
    await stage.take(leg)
    assert leg.rung == ["PJSIP/grace"]
    assert (agent.state, stage.store.offers[1].state) == ("missed", "missed")


async def test_a_store_that_is_read_but_not_written_for_a_while_is_tried_again_without_haste() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT, HangUp(after_s=20))
    leg.dials = [Dialled(DialStatus.NO_ANSWER)]
    close_offer = stage.exchange.close_offer
    tries: list[float] = []

    async def locked(*key: Any, **how: Any) -> bool:
        tries.append(stage.clock.monotonic())
        if tries[-1] < tries[0] + 10:
            raise StoreAway
        return await close_offer(*key, **how)

    stage.exchange.close_offer = locked  # type: ignore[method-assign]
    await stage.take(leg)
    assert (agent.state, leg.rung) == ("missed", ["PJSIP/grace"])
    assert {round(later - sooner, 3) for sooner, later in pairwise(tries)} <= {0.0, LOOK_AGAIN_S}
    assert len(tries) <= 8


async def test_a_conversation_whose_end_could_not_be_stored_lets_the_caller_go_on_and_is_closed_with_the_call() -> None:
    stage = Stage()
    agent = stage.agent()
    leg = stage.leg(TO_AGENT)

    async def ring(phone: str) -> None:
        await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000001"))
        stage.store.away = True

    leg.on_dial = ring
    await stage.take(leg)
    assert leg.heard[-1] == "bye"
    assert stage.parts.endings == {"served/agent": 1}
    stage.store.away = False
    await stage.log.settle("call-1", deadline_s=1)
    stage.clock.advance(10)
    await stage.watcher.sweep()
    assert (agent.state, stage.offer.state, stage.need.outcome) == ("wrap_up", "completed", "served")


async def test_the_next_queue_first_closes_the_conversation_that_could_not_be_stored() -> None:
    stage = Stage(book_with_a_menu_after_talks())
    grace = stage.agent("grace")
    leg = stage.leg(Press("2", hearing="main"), Press("0", hearing="after.done"), HangUp(hearing="after.done"))

    async def ring(phone: str) -> None:
        if phone == "PJSIP/grace":
            await stage.watcher.take(PhoneAnswered("call-1", phone, f"{phone}-00000001"))
            stage.store.away = True
            stage.clock.later(65, lambda: (setattr(stage.store, "away", False), stage.agent("tom")))

    leg.on_dial = ring
    row = await stage.take(leg)
    assert leg.rung == ["PJSIP/grace", "PJSIP/tom"]
    assert grace.state == "wrap_up"
    assert [need.outcome for need in stage.store.needs.values()] == ["served", "served"]
    assert (row.result, row.reason) == ("served", "agent")


async def test_an_offer_that_lapsed_before_its_answer_was_stored_does_not_send_a_second_agent() -> None:
    stage = Stage()
    stage.agent("grace")
    leg = stage.leg(TO_AGENT, HangUp(hearing="bye"))

    async def ring(phone: str) -> None:
        stage.clock.advance(60)  # another node sweeps; this one was cut off from the store
        await stage.exchange.sweep(now=stage.clock.now(), desk_lost_s=3600, alive=None, wrap_up_s=0)
        assert stage.store.offers[1].state == "expired"

    leg.on_dial = ring
    row = await stage.take(leg)
    assert (row.result, row.reason) == ("served", "agent")
    assert stage.need.outcome == "served"
    assert not stage.store.open_offers()
