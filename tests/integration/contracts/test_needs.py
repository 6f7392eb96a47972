"""What every store promises about needs: stated once, aged, placed in the queue, closed."""

from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from ivr.testing.world import WISH, T
from models.tables import CallRow
from routing.agent import AgentState
from routing.callback import CallbackWish
from routing.errors import StoreAway
from routing.need import Need
from routing.offer import OfferEvent
from routing.terms import Terms
from routing.views import NeedWish


def as_stored(row: CallRow) -> dict[str, Any]:
    return {column.name: copy(getattr(row, column.name)) for column in CallRow.__table__.columns}


async def test_a_need_is_stated_once_and_keeps_its_age(world):
    await world.call()
    first = await world.exchange.open_need("c1", WISH, now=T)
    again = await world.exchange.open_need("c1", WISH, now=T + 40)
    assert again == first
    assert again.since == T
    assert len((await world.exchange.snapshot(now=T + 40)).needs) == 1


async def test_a_picture_tells_how_often_each_skill_was_asked_for_in_the_last_hour_counted_once_a_minute(world):
    async def state(call_id: str, at: float, required: dict[str, int], language: str = "en") -> None:
        await world.call(call_id)
        await world.exchange.open_need(call_id, NeedWish("q", required, language, ""), now=at)

    await state("early", T - 3601, {"cards": 1})
    await state("left", T - 60, {"cards": 3, "idle": 0})
    await world.exchange.close_need("left", "abandoned", now=T - 50)
    await state("waits", T - 50, {"cards": 3, "idle": 0})
    await state("zh", T - 40, {"loans": 1}, "zh")
    counted = {"cards": 2, "lang:en": 2, "loans": 1, "lang:zh": 1}
    assert (await world.exchange.snapshot(now=T)).demand == counted
    await state("late", T + 1, {"loans": 1})
    assert (await world.exchange.snapshot(now=T + 59)).demand == counted
    assert (await world.exchange.snapshot(now=T + 61)).demand == counted | {"lang:en": 3, "loans": 2}
    all_five = {"cards": 3, "loans": 2, "lang:en": 4, "lang:zh": 1}
    assert (await world.exchange.snapshot(now=T - 1)).demand == all_five, "the clock has gone back"


async def test_a_need_stated_for_another_queue_moves_there_with_its_age(world):
    await world.call()
    first = await world.exchange.open_need("c1", WISH, now=T)
    moved = await world.exchange.open_need("c1", NeedWish("cards", {"cards": 2}, "zh", "card", 2, 60.0), now=T + 9)
    assert (moved.id, moved.queue, moved.required, moved.language) == (first.id, "cards", {"cards": 2}, "zh")
    assert (moved.since, moved.version) == (T, first.version + 1)


async def test_a_need_waits_for_the_record_of_its_call(world):
    with pytest.raises(StoreAway, match="not stored yet"):
        await world.exchange.open_need("nobody", WISH, now=T)


async def test_a_call_without_need_has_no_standing(world):
    await world.call()
    assert await world.exchange.standing("c1", now=T) is None


async def test_the_position_that_a_caller_hears_is_that_of_the_decision_goals_included(world):
    wishes = (replace(WISH, terms=Terms(goal_s=60)), replace(WISH, credit_s=20), WISH, WISH)
    for number, wish in enumerate(wishes):
        await world.exchange.open_need(await world.call(f"c{number}"), wish, now=T + number * 10)
    needs = sorted((await world.exchange.snapshot(now=T + 60)).needs, key=Need.place)
    assert [need.call_id for need in needs] == ["c1", "c2", "c3", "c0"]
    heard = [(await world.exchange.standing(need.call_id, now=T + 60)).position for need in needs]
    assert heard == [1, 2, 3, 4]


async def test_positions_follow_age_plus_credit_within_the_queue(world):
    for number, (queue, credit) in enumerate([("general", 0), ("cards", 0), ("general", 0), ("general", 35)]):
        await world.call(f"c{number}")
        await world.exchange.open_need(f"c{number}", NeedWish(queue, {}, "en", "", 1, credit), now=T + 10 * number)
    positions = [(await world.exchange.standing(f"c{number}", now=T + 60)).position for number in range(4)]
    assert positions == [2, 1, 3, 1]


async def test_callers_who_talk_already_are_not_in_front_of_those_who_wait(world):
    claim = await world.offered("talks")
    await world.call("c2")
    await world.exchange.open_need("c2", WISH, now=T + 1)
    assert (await world.exchange.standing("c2", now=T + 2)).position == 2
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 3)
    assert (await world.exchange.standing("c2", now=T + 4)).position == 1


async def test_the_standing_of_an_offered_call_names_agent_phone_and_fence(world):
    claim = await world.offered()
    standing = await world.exchange.standing("c1", now=T + 1)
    assert standing.offer == claim
    assert (standing.queue, standing.since, standing.answered) == ("general", T, False)
    assert claim.phone == "PJSIP/agent-c1"


@pytest.mark.parametrize("outcome", ["abandoned", "gave_up", "lost", "served"])
async def test_closing_a_need_withdraws_the_offer_and_frees_the_agent_with_their_idle_time(world, outcome):
    claim = await world.offered()
    await world.exchange.close_need("c1", outcome, now=T + 5)
    assert await world.exchange.standing("c1", now=T + 5) is None
    card = await world.roster.card(claim.agent_id)
    assert (card.state, card.since) == (AgentState.READY, T - 60)
    assert not await world.exchange.ringing(claim.offer_id, claim.fence, now=T + 6, lease_s=15)


async def test_closing_a_need_that_is_not_open_does_nothing(world):
    await world.offered("c2")
    await world.call()
    needs = (await world.exchange.snapshot(now=T)).needs
    calls = [as_stored(await world.row(call_id)) for call_id in ("c1", "c2")]
    await world.exchange.close_need("c1", "abandoned", now=T + 5)
    await world.exchange.close_need("nobody", "abandoned", now=T + 5)
    assert (await world.exchange.snapshot(now=T + 5)).needs == needs
    assert [as_stored(await world.row(call_id)) for call_id in ("c1", "c2")] == calls


async def test_a_need_cannot_be_closed_with_an_unknown_outcome(world):
    with pytest.raises(ValueError, match="happy"):
        await world.exchange.close_need("c1", "happy", now=T)


async def test_closing_the_need_of_a_conversation_leaves_the_agent_to_its_end(world):
    claim = await world.offered()
    assert await world.exchange.answered(claim.offer_id, claim.fence, now=T + 5)
    await world.exchange.close_need("c1", "served", now=T + 60)
    assert await world.state(claim.agent_id) is AgentState.BUSY
    assert await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 61, wrap_up_s=30)
    assert await world.state(claim.agent_id) is AgentState.WRAP_UP


async def test_the_age_of_a_lost_need_comes_back_once_and_not_after_the_caller_was_served(world):
    await world.agent("anna", ready_at=T - 60)
    await world.call()
    await world.exchange.open_need("c1", WISH, now=T)
    await world.exchange.close_need("c1", "lost", now=T + 50)
    assert (await world.exchange.open_need("c1", WISH, now=T + 60)).since == T
    claim = await world.exchange.claim(await world.decision(now=T + 61), node="a", now=T + 61, lease_s=15)
    await world.exchange.answered(claim.offer_id, claim.fence, now=T + 62)
    await world.exchange.close_offer(claim.offer_id, claim.fence, OfferEvent.COMPLETE, now=T + 1500, wrap_up_s=0)
    assert (await world.exchange.open_need("c1", WISH, now=T + 1600)).since == T + 1600


async def test_customers_to_be_called_back_stand_before_a_caller_where_their_places_are_before(world):
    wish = CallbackWish("c0", "+8613900000001", None, "general", "", "en", "keep_place", T - 60, T, {"general": 1})
    for number, change in enumerate(
        (
            {},
            {"since": T + 1},  # after the caller
            {"queue": "cards"},
            {"due_at": T + 500},  # not to be called yet
        )
    ):
        await world.callbacks.request(replace(wish, number=f"+86139{number}", **change), now=T)
    await world.call("other")  # who is on a call with us is not called
    await world.callbacks.request(replace(wish, number="+8613800000001"), now=T)
    await world.call("c1")
    await world.exchange.open_need("c1", WISH, now=T)
    assert (await world.exchange.standing("c1", now=T + 10)).position == 2
    first = (await world.callbacks.all_open(now=T + 10))[0]
    dialled = await world.callbacks.claim(first.id, first.fence, node="node-a", now=T + 10, lease_s=45)
    assert (await world.exchange.standing("c1", now=T + 10)).position == 2
    await world.call(dialled.call_id)
    await world.exchange.open_need(dialled.call_id, replace(WISH, since=T - 60), now=T + 20)  # they stand there now
    assert (await world.exchange.standing("c1", now=T + 20)).position == 2
    assert (await world.exchange.standing(dialled.call_id, now=T + 20)).position == 1
