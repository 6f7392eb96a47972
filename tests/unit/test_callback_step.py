"""Taking the wish to be called back: to which number, when, and with which place."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from ivr.call import Call
from ivr.parts import LiveCall
from ivr.ports import NeedWish
from ivr.steps.callback import callback
from ivr.steps.wishes import left_behind
from ivr.testing.books import book_with_callbacks
from ivr.testing.stage import ANI, Stage
from menus.facts import CallerFacts
from menus.schema import Callback, Entry, MenuBook
from menus.walk import Left, Position
from routing.terms import Softening, Terms

#: A Wednesday, by the site's clock.
MORNING = datetime(2026, 9, 23, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
NIGHT = MORNING.replace(hour=21, minute=15)
STEP = {"kind": "callback", "queue": "general", "reason": "Cards", "then": "told", "otherwise": "notice"}


def call_at(moment: datetime, *, book: MenuBook | None = None, allow: str = "+86", ani: str | None = ANI) -> Call:
    """A call in progress at this local time."""
    stage = Stage(book or book_with_callbacks(), settings={"outbound": {"allow": [allow]}}, queue={"credit_minutes": 2})
    stage.clock.advance(moment.timestamp() - stage.clock.now())
    leg = stage.leg(ani=ani)
    facts = CallerFacts(ani=ani, customer_id=7 if ani else None)
    return Call(leg, stage.parts, stage.editions[1], facts, "zh", LiveCall("PJSIP/1"), moment.timestamp())


async def wished(call: Call, values=None, **step):
    """What comes of the step, and the wish that is kept."""
    position = Position("soon", "zh", values=values or {})
    came = await callback(call, Callback.model_validate({**STEP, **step}), position)
    kept = await call.parts.callbacks.all_open(now=call.now() + 30 * 86400)
    return came, kept[0].wish if kept else None


async def test_a_call_as_soon_as_possible_is_due_at_once_with_all_that_the_need_asks():
    call = call_at(MORNING)
    came, wish = await wished(call, needs={"cards": 4, "general": 3}, tier=2)
    assert came == Left(values={"callback_on": date(2026, 9, 23), "callback_at": time(9, 30)})
    assert (wish.number, wish.customer_id, wish.queue, wish.reason, wish.language) == (ANI, 7, "general", "Cards", "zh")
    assert (wish.required, wish.tier, wish.credit_s) == ({"general": 3, "cards": 4}, 2, 120)
    assert (wish.kind, wish.since, wish.due_at) == ("now", call.now(), call.now())


async def test_outside_the_hours_the_call_is_due_when_they_begin_and_its_age_counts_from_then():
    came, wish = await wished(call_at(NIGHT), hours="service")
    assert came.values == {"callback_on": date(2026, 9, 24), "callback_at": time(8)}
    assert wish.since == wish.due_at


@pytest.mark.parametrize(
    ("at", "day", "moment"),
    [
        (time(14, 15), date(2026, 9, 23), time(14, 15)),
        (time(8, 30), date(2026, 9, 24), time(8, 30)),
    ],
)
async def test_a_wished_time_is_the_next_one_within_the_hours(at, day, moment):
    came, wish = await wished(call_at(MORNING), {"at": at}, time="at", at="at", hours="service")
    assert came.values == {"callback_on": day, "callback_at": moment}
    assert (wish.kind, wish.since) == ("at", wish.due_at)


@pytest.mark.parametrize("values", [{"at": time(23)}, {"at": "14:15"}, {}])
async def test_a_time_that_never_comes_or_was_never_typed_goes_on_otherwise(values):
    assert await wished(call_at(MORNING), values, time="at", at="at", hours="service") == (Left("otherwise"), None)


def need_of(call: Call) -> NeedWish:
    """A need that was given up."""
    terms = Terms(goal_s=20.0, softening=(Softening(60.0, {"insurance": 1}),), barred=frozenset({3}))
    return NeedWish("general", {"insurance": 4}, "zh", "New house", 2, 300.0, call.now() - 400, terms)


async def test_the_place_in_the_queue_is_kept_with_its_credit():
    call = call_at(MORNING)
    _, wish = await wished(call, left_behind(need_of(call)), time="keep_place")
    assert (wish.since, wish.credit_s, wish.due_at) == (call.now() - 400, 300.0, call.now())


@pytest.mark.parametrize("how", [{"time": "keep_place"}, {"as_queued": True}])
async def test_the_need_stays_as_it_was_in_the_queue_whatever_the_step_says(how):
    call = call_at(MORNING)
    need = need_of(call)
    _, wish = await wished(call, left_behind(need), needs={"cards": 1}, **how)
    assert (wish.queue, wish.reason, wish.required, wish.tier) == ("general", "New house", {"insurance": 4}, 2)
    assert (wish.terms, wish.since, wish.kind) == (need.terms, need.since, "keep_place")


async def test_at_a_wished_time_the_need_is_that_of_the_queue_and_its_age_counts_from_then():
    call = call_at(MORNING)
    values = {**left_behind(need_of(call)), "at": time(14, 15)}
    _, wish = await wished(call, values, time="at", at="at", hours="service", as_queued=True)
    assert (wish.reason, wish.required, wish.kind, wish.since) == ("New house", {"insurance": 4}, "at", wish.due_at)


@pytest.mark.parametrize("how", [{"time": "keep_place"}, {"as_queued": True}])
async def test_who_comes_from_no_queue_has_the_need_of_the_step_from_when_the_phone_may_ring(how):
    _, wish = await wished(call_at(NIGHT), hours="service", needs={"cards": 4}, **how)
    assert (wish.reason, wish.required, wish.since) == ("Cards", {"general": 1, "cards": 4}, wish.due_at)


async def test_who_found_the_queue_closed_is_called_with_its_need_as_soon_as_the_phone_may_ring():
    call = call_at(NIGHT)
    closed = left_behind(replace(need_of(call), since=None))
    _, wish = await wished(call, closed, hours="service", as_queued=True)
    assert (wish.reason, wish.required, wish.kind, wish.since) == ("New house", {"insurance": 4}, "now", wish.due_at)


async def test_a_queue_that_nobody_serves_any_more_leaves_the_need_of_the_step():
    call = call_at(MORNING)
    _, wish = await wished(call, left_behind(replace(need_of(call), queue="gone")), time="keep_place")
    assert (wish.queue, wish.reason) == ("general", "Cards")


async def test_without_a_queue_before_it_the_place_counts_from_now():
    call = call_at(MORNING)
    _, wish = await wished(call, time="keep_place")
    assert (wish.since, wish.credit_s) == (call.now(), 120)


async def test_the_line_that_was_dialled_grants_credit():
    book = book_with_callbacks()
    entry = Entry(numbers=("95588",), then="hello", credit_minutes=5)
    _, wish = await wished(call_at(MORNING, book=book.model_copy(update={"entries": {"brokers": entry}})))
    assert wish.credit_s == (2 + 5) * 60


async def test_another_number_is_taken_from_what_was_typed():
    _, wish = await wished(call_at(MORNING), {"other": "13900000002"}, number="other")
    assert (wish.number, wish.customer_id) == ("+8613900000002", None)


@pytest.mark.parametrize("typed", ["12", "", "0019005550199", "99999999999999"])
async def test_a_number_that_is_none_or_may_not_be_called_goes_on_otherwise(typed):
    assert await wished(call_at(MORNING), {"other": typed}, number="other") == (Left("otherwise"), None)


async def test_who_calls_without_a_number_or_from_one_that_may_not_be_called_goes_on_otherwise():
    assert await wished(call_at(MORNING, ani=None)) == (Left("otherwise"), None)
    assert await wished(call_at(MORNING, allow="+49")) == (Left("otherwise"), None)


async def test_a_book_that_greets_nobody_keeps_no_wish():
    silent = book_with_callbacks().model_copy(update={"calling_back": None})
    assert await wished(call_at(MORNING, book=silent)) == (Left("otherwise"), None)


async def test_a_wish_that_cannot_be_stored_goes_on_otherwise():
    call = call_at(MORNING)
    call.parts.callbacks.store.away = True  # type: ignore[attr-defined]
    assert await callback(call, Callback.model_validate(STEP), Position("soon", "zh")) == Left("otherwise")


async def test_a_second_wish_replaces_the_first():
    call = call_at(MORNING)
    await wished(call)
    _, wish = await wished(call, reason="Loans")
    assert wish.reason == "Loans"
    assert [row.outcome for row in call.parts.callbacks.store.callbacks.values()] == ["replaced", None]  # type: ignore[attr-defined]
