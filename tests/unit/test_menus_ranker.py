"""The first ranker: the caller's own calendar, what was done this month, and modesty where little is known."""

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.facts import CallerFacts, HistoryEvent
from menus.learning.features import MONTH_DAYS, days_apart, summarise, usual_day
from menus.learning.ranker import KernelRanker

ZONE = ZoneInfo("Asia/Shanghai")
TASKS = ["balance", "transfer", "card"]
GATE, LEAD = 0.5, 0.2


def on(year: int, month: int, day: int, hour: int = 10) -> datetime:
    return datetime(year, month, min(day, monthrange(year, month)[1]), hour, tzinfo=ZONE)


def monthly(task: str, day: int, months: int, before: datetime) -> list[HistoryEvent]:
    """The task on that day of each of so many months before the month of `before`."""
    counted = before.year * 12 + before.month - 1
    return [HistoryEvent(on((counted - n) // 12, (counted - n) % 12 + 1, day), task) for n in range(months, 0, -1)]


def scores(history: list[HistoryEvent], now: datetime, popularity: dict[str, float] | None = None) -> dict[str, float]:
    facts = CallerFacts(customer_id=1, history=tuple(sorted(history, key=lambda event: event.at)))
    return dict(KernelRanker(popularity).scores(facts, TASKS, now))


def test_who_transfers_at_month_start_is_likely_to_transfer_on_the_1st_only() -> None:
    history = monthly("transfer", 1, 12, on(2026, 12, 1))
    first = scores(history, on(2026, 12, 1))
    assert first["transfer"] > GATE + LEAD
    middle = scores(history, on(2026, 12, 15))
    assert max(middle.values()) - min(middle.values()) < 0.01


def test_the_last_of_a_month_is_next_to_the_first() -> None:
    history = monthly("transfer", 1, 12, on(2026, 11, 30))
    assert scores(history, on(2026, 11, 30))["transfer"] > scores(history, on(2026, 11, 27))["transfer"] + 0.2
    assert days_apart(1, 31) == pytest.approx(MONTH_DAYS - 30)


def test_what_was_done_this_month_is_damped() -> None:
    history = monthly("transfer", 1, 12, on(2026, 12, 2))
    done = [*history, HistoryEvent(on(2026, 12, 1), "transfer")]
    assert scores(history, on(2026, 12, 2))["transfer"] > GATE
    assert scores(done, on(2026, 12, 2))["transfer"] < 0.3


def test_what_is_done_every_other_day_is_not_done_with_for_the_month() -> None:
    history = [HistoryEvent(on(2026, 12, 20) - timedelta(days=2 * n), "balance") for n in range(1, 200)]
    assert scores(history, on(2026, 12, 20))["balance"] > GATE + LEAD


def test_three_habitual_months_pass_the_gate_and_two_do_not() -> None:
    now = on(2026, 12, 1)
    three, two = (scores(monthly("transfer", 1, months, now), now) for months in (3, 2))
    assert three["transfer"] >= GATE
    assert three["transfer"] - three["balance"] >= LEAD
    assert two["transfer"] - two["balance"] < three["transfer"] - three["balance"]
    assert scores(monthly("transfer", 1, 1, now), now)["transfer"] < GATE + LEAD


def test_new_habits_count_more_than_old_ones() -> None:
    now = on(2026, 12, 1)
    old = [HistoryEvent(event.at - timedelta(days=365), "transfer") for event in monthly("transfer", 1, 6, now)]
    ranked = scores([*old, *monthly("card", 1, 6, now)], now)
    assert ranked["card"] > 2 * ranked["transfer"]


def test_without_history_all_are_alike_or_as_popular_as_they_are() -> None:
    assert set(scores([], on(2026, 12, 1)).values()) == {1 / 3}
    popular = {"balance": 0.6, "transfer": 0.3}
    assert scores([], on(2026, 12, 1), popular) == {"balance": 0.6, "transfer": 0.3, "card": 0.0}


def test_today_and_tomorrow_are_not_history() -> None:
    now = on(2026, 12, 1, 9)
    later = [HistoryEvent(now - timedelta(hours=1), "card"), HistoryEvent(now + timedelta(days=30), "card")]
    assert scores(later, now) == scores([], now)
    assert summarise(later, now).events == 0


def test_an_event_just_before_midnight_is_of_the_day_before() -> None:
    assert summarise([HistoryEvent(on(2026, 11, 30, 23), "card")], on(2026, 12, 1, 0)).events == 1


def test_tasks_that_are_not_on_the_menu_take_their_share() -> None:
    now = on(2026, 12, 1)
    mixed = [*monthly("transfer", 1, 12, now), *monthly("points", 1, 12, now)]
    assert sum(scores(mixed, now).values()) < 0.8


EVENTS = st.lists(
    st.builds(
        HistoryEvent,
        st.integers(1_500_000_000, 1_900_000_000).map(lambda at: datetime.fromtimestamp(at, ZONE)),
        st.sampled_from([*TASKS, "points"]),
    ),
    max_size=60,
)


@given(EVENTS, st.integers(1_600_000_000, 1_800_000_000), st.booleans())
def test_scores_are_probabilities_of_just_the_tasks_asked_for(
    history: list[HistoryEvent], at: int, known: bool
) -> None:
    given_scores = scores(history, datetime.fromtimestamp(at, ZONE), {"balance": 0.5, "points": 0.5} if known else None)
    assert list(given_scores) == TASKS
    assert all(0 <= score <= 1 for score in given_scores.values())
    assert sum(given_scores.values()) <= 1 + 1e-9


@given(EVENTS, st.integers(1_600_000_000, 1_800_000_000))
def test_the_order_of_the_history_does_not_matter(history: list[HistoryEvent], at: int) -> None:
    now = datetime.fromtimestamp(at, ZONE)
    one = KernelRanker().scores(CallerFacts(history=tuple(history)), TASKS, now)
    other = KernelRanker().scores(CallerFacts(history=tuple(reversed(history))), TASKS, now)
    assert one == pytest.approx(other)


def test_a_usual_day_is_found_round_the_end_of_the_month() -> None:
    now = on(2026, 12, 20)
    history = [HistoryEvent(on(2026, month, day), "card") for month, day in ((3, 31), (5, 1), (6, 1), (6, 30), (8, 1))]
    assert usual_day(history, "card", now, within=2, share=0.6) == 1
    spread = [HistoryEvent(on(2026, month, 5 * month), "card") for month in range(1, 7)]
    assert usual_day(spread, "card", now, within=2, share=0.6) is None
    assert usual_day(history, "transfer", now, within=2, share=0.6) is None


def test_what_went_into_a_probability_adds_up_to_it() -> None:
    now = datetime(2026, 12, 20, 9, tzinfo=ZONE)
    times = [datetime(2026, month, day, 9, tzinfo=ZONE) for month in range(4, 13) for day in (1, 19)]
    history = tuple(HistoryEvent(at, "transfer" if at.day == 1 else "balance") for at in times)
    facts, tasks = CallerFacts(history=history), ["balance", "transfer", "card"]
    for ranker in (KernelRanker(), KernelRanker({"balance": 0.5, "card": 0.1})):
        scores, shares = ranker.scores(facts, tasks, now), ranker.why(facts, tasks, now)
        assert {task: pytest.approx(sum(share for _, share in shares[task])) for task in tasks} == scores
        assert [name for name, share in shares["transfer"] if share < 0] == ["done already this month"]
