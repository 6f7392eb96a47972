"""The demonstration bank has the habits that it claims: measured on the bank that the demonstration uses."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.bank.generate import HISTORY_MONTHS, Customer, generate, span_of
from ivr.bank.habits import PAY_DAYS, Event, Habit
from ivr.bank.people import (
    CHEN_WEI,
    LI_NA,
    LIU_YANG,
    SHARES,
    WANG_FANG,
    ZHANG_MIN,
    ZHOU_LEI,
    Persona,
)
from ivr.bank.workdays import is_free, months_before, workday_before
from menus.facts import CallerFacts, HistoryEvent
from menus.learning.ranker import KernelRanker

ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = date(2026, 12, 1)
SEED = 20261201  # of the demonstration
TASKS = {"balance", "transfer", "card", "instalment", "insurance", "complaint", "agent", "points"}


@pytest.fixture(scope="module")
def bank() -> dict[int, Customer]:
    return {one.person.id: one for one in generate(SEED, UNTIL, ZONE)}


def days_of(events: Iterable[Event], task: str) -> list[date]:
    return [datetime.fromtimestamp(event.at, ZONE).date() for event in events if event.task == task]


def share(flags: Iterable[bool]) -> float:
    seen = list(flags)
    return sum(seen) / len(seen)


def steady(bank: dict[int, Customer], persona: Persona) -> list[Customer]:
    """Those of a persona whose main habit never changed, and who have been customers for the whole time."""
    first = span_of(UNTIL, ZONE).first
    return [
        one
        for one in bank.values()
        if one.person.persona is persona
        and one.person.since_on <= first
        and isinstance(one.habits[0], Habit)
        and one.habits[0].ends == date.max
    ]


def test_same_seed_and_date_give_the_same_bank() -> None:
    assert list(generate(5, UNTIL, ZONE, 150)) == list(generate(5, UNTIL, ZONE, 150))


def test_another_seed_gives_other_people_with_other_numbers() -> None:
    one, other = ([c.person for c in generate(seed, UNTIL, ZONE, 150)][6:] for seed in (5, 6))
    pairs = list(zip(one, other, strict=True))
    assert share(mine.name == theirs.name for mine, theirs in pairs) < 0.1
    assert share(mine.numbers == theirs.numbers and mine.numbers != () for mine, theirs in pairs) < 0.1


def test_another_seed_gives_the_same_named_persons_with_another_history() -> None:
    one, other = (list(generate(seed, UNTIL, ZONE, 6)) for seed in (5, 6))
    assert [c.person for c in one] == [c.person for c in other]
    assert all(mine.history != theirs.history for mine, theirs in zip(one, other, strict=True))


def test_a_customer_does_not_change_when_the_bank_grows() -> None:
    few, many = (
        [(c.person.name, c.habits, c.history, c.products) for c in generate(5, UNTIL, ZONE, size)] for size in (60, 90)
    )
    assert few == many[:60]


@given(
    seed=st.integers(0, 2**63),
    until=st.dates(date(2023, 1, 1), date(2032, 12, 31)),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
@settings(max_examples=25, deadline=None)
def test_history_is_in_order_and_strictly_between_the_first_day_and_the_date_given(
    seed: int, until: date, zone: str
) -> None:
    span = span_of(until, ZoneInfo(zone))
    for one in generate(seed, until, ZoneInfo(zone), 40):
        times = [event.at for event in one.history]
        assert times == sorted(times)
        assert all(span.midnight(span.first) <= at < span.midnight(until) for at in times)
        joined = span.midnight(max(span.first, one.person.since_on))
        assert all(at >= joined for at in times)
        assert all(case.opened_at < span.midnight(until) for case in one.cases)
        assert all(
            case.closed_at is None or case.opened_at < case.closed_at < span.midnight(until) for case in one.cases
        )
        assert all(product.key_on is None or product.key_on >= until for product in one.products)
        assert all(product.opened_on <= until for product in one.products)
        assert all(event.happened_on < until for event in one.life_events)


def test_there_are_at_least_2000_customers_with_18_months_of_history(bank: dict[int, Customer]) -> None:
    assert len(bank) >= 2000
    assert HISTORY_MONTHS == 18
    span = span_of(UNTIL, ZONE)
    assert span.first == date(2025, 6, 1)
    first, last = (edge(one.history[n].at for one in bank.values() if one.history) for edge, n in ((min, 0), (max, -1)))
    assert first < span.midnight(date(2025, 6, 2))
    assert last >= span.midnight(date(2026, 11, 30))


def test_every_task_of_the_menu_occurs_and_no_other(bank: dict[int, Customer]) -> None:
    counts = Counter(event.task for one in bank.values() for event in one.history)
    assert set(counts) == TASKS
    assert min(counts.values()) >= 100
    assert {event.source for one in bank.values() for event in one.history} == {"ivr", "agent", "app", "branch"}


def test_personas_have_the_shares_that_are_claimed(bank: dict[int, Customer]) -> None:
    counts = Counter(one.person.persona for one in bank.values())
    for persona, per_cent in SHARES.items():
        assert counts[persona] / len(bank) == pytest.approx(per_cent / 100, abs=0.03), persona


def test_li_na_transfers_each_month_on_one_of_the_first_three_days(bank: dict[int, Customer]) -> None:
    transfers = days_of(bank[LI_NA].history, "transfer")
    assert Counter((day.year, day.month) for day in transfers) == {
        (month // 12, month % 12 + 1): 1 for month in range(2025 * 12 + 5, 2026 * 12 + 11)
    }
    assert {day.day for day in transfers} <= {1, 2, 3}


def test_li_na_asks_for_her_balance_mid_month_and_now_and_then_about_her_card(bank: dict[int, Customer]) -> None:
    balances = days_of(bank[LI_NA].history, "balance")
    assert len(balances) >= 15
    assert {day.day for day in balances} <= {14, 15, 16}
    assert 2 <= len(days_of(bank[LI_NA].history, "card")) <= 14
    assert {event.task for event in bank[LI_NA].history} == {"transfer", "balance", "card"}


@pytest.mark.parametrize(
    ("day", "first", "promoted"),
    [
        (date(2026, 12, 1), "transfer", True),
        (date(2026, 12, 15), "balance", True),
        (date(2026, 12, 22), "", False),
    ],
)
def test_what_li_na_is_offered_first_depends_on_the_day(
    bank: dict[int, Customer], day: date, first: str, promoted: bool
) -> None:
    history = tuple(HistoryEvent(datetime.fromtimestamp(e.at, ZONE), e.task) for e in bank[LI_NA].history)
    facts = CallerFacts(customer_id=LI_NA, matches=1, history=history)
    at_half_past_nine = datetime(day.year, day.month, day.day, 9, 30, tzinfo=ZONE)
    scores = KernelRanker().scores(facts, sorted(TASKS), at_half_past_nine)
    likeliest, next_one = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    clear = scores[likeliest] >= 0.5 and scores[likeliest] - scores[next_one] >= 0.2  # the gate of the example book
    assert clear == promoted
    assert not clear or likeliest == first


def test_named_persons_are_who_the_demonstration_calls_as(bank: dict[int, Customer]) -> None:
    who = {
        one.person.name: (one.person.language, one.person.numbers[0].e164)
        for one in (bank[id_] for id_ in (LI_NA, WANG_FANG, CHEN_WEI, ZHANG_MIN, LIU_YANG, ZHOU_LEI))
    }
    assert who == {
        "Li Na": ("en", "+8613800000001"),
        "王芳": ("zh", "+8613800000002"),
        "Chen Wei": ("en", "+8613800000003"),
        "张敏": ("zh", "+8613800000004"),
        "Liu Yang": ("en", "+8613800000005"),
        "Zhou Lei": ("en", "+8613800000005"),
    }
    holders = Counter(number.e164 for one in bank.values() for number in one.person.numbers)
    assert [holders[f"+861380000000{n}"] for n in range(1, 6)] == [1, 1, 1, 1, 2]


def test_chen_wei_has_a_complaint_open_for_five_days_that_is_due_in_two(bank: dict[int, Customer]) -> None:
    (case,) = bank[CHEN_WEI].cases
    opened, due = (datetime.fromtimestamp(at, ZONE).date() for at in (case.opened_at, case.due_at))
    assert (UNTIL - opened, due - UNTIL) == (timedelta(days=5), timedelta(days=2))
    assert case.closed_at is None
    assert days_of(bank[CHEN_WEI].history, "complaint") == [opened]


def test_zhang_min_asks_for_the_balance_once_wages_of_the_25th_are_paid(bank: dict[int, Customer]) -> None:
    balances = days_of(bank[ZHANG_MIN].history, "balance")
    assert len(balances) >= 15
    for day in balances:
        paid = workday_before(date(day.year, day.month, 25))
        assert paid <= day <= date(day.year, day.month, 27)


def test_month_start_transferrers_transfer_at_the_start_of_the_month(bank: dict[int, Customer]) -> None:
    callers = steady(bank, Persona.MONTH_START)
    assert len(callers) >= 300
    shares = [share(day.day <= 4 for day in days_of(one.history, "transfer")) for one in callers]
    assert share(early >= 0.75 for early in shares) >= 0.9
    assert 0.85 <= sum(shares) / len(shares) <= 0.97  # habit, not clockwork
    assert share(day.day <= 3 for one in callers for day in days_of(one.history, "transfer")) >= 0.75


def test_salary_day_callers_ask_for_the_balance_right_after_pay_day(bank: dict[int, Customer]) -> None:
    callers = steady(bank, Persona.SALARY_DAY)
    assert len(callers) >= 300
    on_time = total = 0
    for one in callers:
        habit = one.habits[0]
        assert isinstance(habit, Habit)
        assert habit.day in PAY_DAYS
        for day in days_of(one.history, "balance"):
            paid = workday_before(date(day.year, day.month, habit.day))
            total += 1
            on_time += paid <= day <= max(paid, date(day.year, day.month, habit.day)) + timedelta(days=2)
    assert 0.75 <= on_time / total <= 0.97


def test_wages_paid_before_a_free_day_are_asked_for_before_it(bank: dict[int, Customer]) -> None:
    early: list[bool] = []
    for one in steady(bank, Persona.SALARY_DAY):
        habit = one.habits[0]
        assert isinstance(habit, Habit)
        for day in days_of(one.history, "balance"):
            due = date(day.year, day.month, habit.day)
            if is_free(due) and abs(day - due) <= timedelta(days=4):
                early.append(day < due)
    assert len(early) >= 500
    assert share(early) >= 0.5


def test_instalment_payers_pay_within_three_days_before_the_due_day(bank: dict[int, Customer]) -> None:
    callers = steady(bank, Persona.INSTALMENT)
    assert len(callers) >= 150
    for one in callers:
        habit = one.habits[0]
        assert isinstance(habit, Habit)
        days = days_of(one.history, "instalment")
        assert len(days) >= 12
        assert all(habit.latest - 3 <= day.day <= habit.latest for day in days)
        assert [product.key_kind for product in one.products if product.kind == "instalment"] == ["instalment_due"]
        assert {product.key_on.day for product in one.products if product.kind == "instalment" and product.key_on} == {
            habit.latest
        }


def test_insurance_payers_pay_by_quarter_or_by_year(bank: dict[int, Customer]) -> None:
    rhythm: dict[int, list[Customer]] = defaultdict(list)
    for one in steady(bank, Persona.INSURANCE):
        habit = one.habits[0]
        assert isinstance(habit, Habit)
        rhythm[habit.every].append(one)
    assert len(rhythm[3]) >= 80
    assert len(rhythm[12]) >= 20
    for every, callers in rhythm.items():
        per_year = sum(len(days_of(one.history, "insurance")) for one in callers) / len(callers) / 1.5
        assert per_year == pytest.approx(12 / every + 12 * 0.1, rel=0.3)  # premiums, and questions besides
        assert all(any(p.key_kind == "premium_due" for p in one.products) for one in callers)


def test_card_users_mostly_call_about_cards_and_also_about_other_things(bank: dict[int, Customer]) -> None:
    callers = steady(bank, Persona.CARD)
    assert len(callers) >= 250
    tasks = Counter(event.task for one in callers for event in one.history)
    assert 0.5 <= tasks["card"] / tasks.total() <= 0.85
    assert tasks["points"] > 0


def test_firms_and_brokers_call_on_working_days(bank: dict[int, Customer]) -> None:
    for persona, task, at_least in ((Persona.BUSINESS, "transfer", 60), (Persona.BROKER, "insurance", 30)):
        callers = [one for one in bank.values() if one.person.persona is persona]
        assert len(callers) >= at_least
        days = [day for one in callers for day in days_of(one.history, task)]
        assert share(is_free(day) for day in days) <= 0.05


def test_occasional_callers_have_little_history(bank: dict[int, Customer]) -> None:
    counts = [len(one.history) for one in bank.values() if one.person.persona is Persona.OCCASIONAL]
    assert share(count <= 6 for count in counts) >= 0.9
    assert 0 in counts


def test_some_habits_change_half_way(bank: dict[int, Customer]) -> None:
    drifting = [one for one in bank.values() if any(isinstance(h, Habit) and h.ends != date.max for h in one.habits)]
    assert 0.05 <= len(drifting) / len(bank) <= 0.14
    for one in drifting:
        old, new = one.habits[:2]
        assert isinstance(old, Habit)
        assert isinstance(new, Habit)
        assert old.ends == new.begins


def test_complainers_have_cases_open_closed_repeated_and_of_a_higher_tier(bank: dict[int, Customer]) -> None:
    complaining = [one for one in bank.values() if one.cases]
    assert 0.03 <= len(complaining) / len(bank) <= 0.07
    assert all(days_of(one.history, "complaint") for one in complaining)
    cases = [case for one in complaining for case in one.cases]
    assert sum(case.closed_at is None for case in cases) >= 20
    assert sum(case.closed_at is not None for case in cases) >= 20
    assert sum(case.tier == 2 for case in cases) >= 3
    assert sum(case.tier == 3 for case in cases) >= 1
    assert sum(len(days_of(one.history, "complaint")) > 1 for one in complaining) >= 20


def test_free_days_are_quieter(bank: dict[int, Customer]) -> None:
    per_day = Counter(datetime.fromtimestamp(event.at, ZONE).date() for one in bank.values() for event in one.history)
    by_kind: dict[bool, list[int]] = {True: [], False: []}
    for day, count in per_day.items():
        by_kind[is_free(day)].append(count)
    free, working = (sum(by_kind[kind]) / len(by_kind[kind]) for kind in (True, False))
    assert 0.2 <= free / working <= 0.7


def test_both_languages_and_every_segment_are_there(bank: dict[int, Customer]) -> None:
    languages = Counter(one.person.language for one in bank.values())
    assert set(languages) == {"en", "zh"}
    assert min(languages.values()) >= 600
    segments = Counter(one.person.segment for one in bank.values())
    assert set(segments) == {"mass", "affluent", "private", "business", "broker"}
    assert min(segments.values()) >= 25


def test_chinese_speakers_are_filed_in_characters_and_english_speakers_in_letters(bank: dict[int, Customer]) -> None:
    for one in bank.values():
        in_characters = any("\u4e00" <= letter <= "\u9fff" for letter in one.person.name)
        assert in_characters == (one.person.language == "zh"), one.person.name


def test_numbers_are_possible_fictional_and_some_shared_or_missing(bank: dict[int, Customer]) -> None:
    holders = Counter(number.e164 for one in bank.values() for number in one.person.numbers)
    for number in holders:
        assert number.startswith(("+86138000", "+86105550"))
        assert phonenumbers.is_possible_number(phonenumbers.parse(number))
    assert sum(count == 2 for count in holders.values()) >= 50
    assert sum(3 <= count <= 5 for count in holders.values()) >= 15
    assert max(holders.values()) <= 5
    without = sum(not one.person.numbers for one in bank.values())
    assert 0.015 <= without / len(bank) <= 0.045


def test_nobody_has_the_same_number_twice(bank: dict[int, Customer]) -> None:
    for one in bank.values():
        assert len({number.e164 for number in one.person.numbers}) == len(one.person.numbers)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 12, 1), 18, date(2025, 6, 1)),
        (date(2026, 8, 31), 18, date(2025, 2, 28)),
        (date(2025, 8, 31), 18, date(2024, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
    ],
)
def test_months_before_keeps_the_day_or_takes_the_last_of_a_shorter_month(
    day: date, months: int, expected: date
) -> None:
    assert months_before(day, months) == expected


def test_wages_due_in_the_spring_festival_are_paid_before_it() -> None:
    assert workday_before(date(2026, 2, 20)) == date(2026, 2, 16)
