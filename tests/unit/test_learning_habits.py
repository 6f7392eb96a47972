"""Habits: fixed in size, the same in whatever order events come, and the weights of one day."""

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.facts import CallerFacts, HistoryEvent
from menus.learning.days import WEIGHTS, Calendar
from menus.learning.habits import MOST_DAYS, NOTHING, Habits, RememberedHistory, habits_of, ordinals_of
from menus.learning.inputs import Moment, inputs, names_of
from menus.learning.ranker import KernelRanker

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(2020, 2028, [date(2026, 10, day) for day in range(1, 8)])


def weight(name: str, today: date, then: date, *, odd: bool = False) -> float:
    """One weight of one event."""
    table = CALENDAR.table(today.toordinal(), 1095)
    age = (today - then).days
    return float(table[age + odd * 1096, WEIGHTS.index(name)])


@given(st.lists(st.tuples(st.integers(736000, 739000), st.sampled_from("abc")), max_size=120), st.randoms())
def test_events_give_the_same_habits_in_whatever_order_they_come(
    done: list[tuple[int, str]], rng: random.Random
) -> None:
    together = NOTHING.adding(done)
    shuffled = done.copy()
    rng.shuffle(shuffled)
    one_by_one = NOTHING
    for event in shuffled:
        one_by_one = one_by_one.adding([event])
    assert one_by_one.tasks == together.tasks
    assert (one_by_one.days == together.days).all()
    assert (one_by_one.first, one_by_one.events) == (together.first, together.events)


def test_habits_do_not_grow_with_the_history() -> None:
    habits = NOTHING.adding((739000 + n, "balance") for n in range(5000))
    assert habits.days.shape == (1, MOST_DAYS)
    assert list(ordinals_of(habits.days[0])) == list(range(744000 - MOST_DAYS, 744000))
    assert (habits.first, habits.events) == (739000, 5000)


def test_habits_survive_being_stored() -> None:
    habits = NOTHING.adding([(739000, "transfer"), (739030, "transfer"), (739001, "balance")])
    again = Habits.from_bytes(list(habits.tasks), habits.to_bytes(), habits.first, habits.events)
    assert again.tasks == ("balance", "transfer")
    assert (again.days == habits.days).all()


def test_stored_days_that_do_not_fit_the_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Habits.from_bytes(["one", "two"], b"\0" * 4 * MOST_DAYS, 0, 1)


def test_an_event_is_odd_unless_it_was_done_thirty_days_or_a_month_before() -> None:
    first = date(2026, 1, 31).toordinal()
    marks = NOTHING.adding([(first, "a"), (first + 30, "a"), (first + 7, "a")]).days[0][:3] & 1
    assert list(marks) == [0, 1, 1]  # newest first
    monthly = NOTHING.adding([(date(2026, month, 5).toordinal(), "a") for month in (1, 2, 3)]).days[0][:3] & 1
    assert list(monthly) == [0, 0, 1]


def test_remembered_history_stands_for_its_events_and_ranks_like_them() -> None:
    now = datetime(2026, 12, 1, 9, 30, tzinfo=ZONE)
    events = tuple(HistoryEvent(datetime(2026, month, 1, 12, tzinfo=ZONE), "transfer") for month in range(3, 12))
    history = RememberedHistory(habits_of(events), ZONE)
    assert history == events
    assert (len(history), history[-1], bool(RememberedHistory(NOTHING, ZONE))) == (9, events[-1], False)
    ranker = KernelRanker()
    assert ranker.scores(CallerFacts(history=history), ["transfer"], now) == ranker.scores(
        CallerFacts(history=events), ["transfer"], now
    )


def test_what_happens_today_or_later_weighs_nothing() -> None:
    today = date(2026, 12, 1)
    assert not CALENDAR.table(today.toordinal(), 1095)[[0, 1096]].any()
    habits = NOTHING.adding([(today.toordinal() + n, "a") for n in (0, 1, 30)])
    row = inputs(CALENDAR, CALENDAR.table(today.toordinal(), 1095), today.toordinal(), habits.days[None], [Moment()], 0)
    named = dict(zip(names_of(["a"], []), row[0].tolist(), strict=True))
    assert named["a: ever"] == 0
    assert named["a: days since"] == 1095


@pytest.mark.parametrize(
    ("name", "today", "then"),
    [
        ("on_day", date(2026, 12, 5), date(2026, 11, 5)),
        ("on_day", date(2026, 2, 28), date(2026, 1, 31)),  # February has no 31st
        ("on_day", date(2026, 3, 31), date(2026, 2, 28)),
        ("to_month_end", date(2026, 2, 26), date(2026, 1, 29)),
        ("last_month", date(2026, 12, 5), date(2026, 11, 5)),
        ("six_months", date(2026, 12, 5), date(2026, 6, 5)),
        ("ago_30", date(2026, 12, 31), date(2026, 12, 1)),
        ("every_30", date(2026, 12, 31), date(2026, 11, 1)),
        ("weekly", date(2026, 12, 22), date(2026, 12, 1)),
        ("quarterly", date(2026, 12, 5), date(2026, 9, 5)),
        ("yearly", date(2026, 12, 5), date(2025, 12, 6)),
        ("this_month", date(2026, 12, 5), date(2026, 12, 1)),
        ("month_before", date(2026, 12, 5), date(2026, 11, 30)),
        ("seven_days", date(2026, 12, 8), date(2026, 12, 1)),
    ],
)
def test_a_day_bears_on_today(name: str, today: date, then: date) -> None:
    assert weight(name, today, then) > 0.5
    assert weight(name, today + timedelta(days=33), then) < 0.5 * weight(name, today, then)


def test_wages_of_a_free_day_come_before_it_and_payments_after_it() -> None:
    # The 10th of October 2026 is a Saturday, the 10th of September a Thursday.
    friday, monday, september = date(2026, 10, 9), date(2026, 10, 12), date(2026, 9, 10)
    assert weight("before_free", friday, september) > 0.8
    assert weight("before_free", monday, september) < 0.2
    assert weight("after_free", monday, september) > 0.8
    assert weight("after_free", friday, september) < 0.5


def test_odd_events_are_weighed_apart() -> None:
    assert weight("odd", date(2026, 12, 5), date(2026, 12, 1)) == 0
    assert weight("odd", date(2026, 12, 5), date(2026, 12, 1), odd=True) == pytest.approx(0.5 ** (4 / 180))


def test_a_day_outside_the_calendar_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not reach 2040-01-01"):
        CALENDAR.table(date(2040, 1, 1).toordinal(), 10)


def test_inputs_of_one_caller_are_those_of_the_same_caller_among_others() -> None:
    rng = np.random.default_rng(1)
    today = date(2026, 12, 1).toordinal()
    callers = [
        NOTHING.adding((int(today - rng.integers(-2, 900)), task) for task in "abc" for _ in range(40))
        for _ in range(5)
    ]
    days = np.stack([habits.days for habits in callers])
    moments = [Moment(habits.first) for habits in callers]
    table = CALENDAR.table(today, 1095)
    together = inputs(CALENDAR, table, today, days, moments, 2)
    for n in range(5):
        alone = inputs(CALENDAR, table, today, days[n : n + 1], moments[n : n + 1], 2)
        assert (alone[0] == together[n]).all()
