"""Opening hours: holidays are those of the calendar's country, special days close, clocks are put forward and back."""

import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.hours import Hours
from menus.opening_text import Unreadable, canonical, with_dates
from menus.schema import Calendar

CHINA, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
OFFICE = "Mo-Fr 09:00-17:00; PH off"


def hours(
    *texts: str, zone: ZoneInfo = CHINA, country: str | None = "CN", subdivision: str | None = None, **special: str
) -> Hours:
    """Hours called a, b … ; special days as d2026_12_24="Christmas Eve"."""
    days = {name[1:].replace("_", "-"): what for name, what in special.items()}
    named = {chr(ord("a") + index): text for index, text in enumerate(texts)}
    return Hours(Calendar(country=country, subdivision=subdivision, hours=named, special_days=days), zone)


def at(text: str, zone: ZoneInfo = CHINA, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def test_public_holidays_are_those_of_the_country_for_all_days_of_a_long_one() -> None:
    calendar = hours(OFFICE)
    closed = [day for day in range(1, 10) if not calendar.is_open("a", at(f"2026-10-0{day}T10:00"))]
    assert closed == [1, 2, 3, 4, 5, 6, 7]  # 3 and 4 October 2026 are a weekend
    assert calendar.next_open("a", at("2026-09-30T18:00")) == at("2026-10-08T09:00")


def test_every_holiday_of_the_library_closes_and_no_other_weekday_does() -> None:
    calendar, public = hours(OFFICE), holidays.country_holidays("CN", years=[2026, 2027])
    day = date(2026, 1, 1)
    while day.year < 2028:
        is_open = calendar.is_open("a", datetime.combine(day, time(10), CHINA))
        assert is_open == (day.isoweekday() <= 5 and day not in public), day
        day += timedelta(days=1)


def test_holidays_are_those_of_the_subdivision() -> None:
    epiphany = at("2026-01-06T10:00", BERLIN)
    assert hours(OFFICE, zone=BERLIN, country="DE").is_open("a", epiphany)
    assert not hours(OFFICE, zone=BERLIN, country="DE", subdivision="BY").is_open("a", epiphany)


@pytest.mark.parametrize(
    ("text", "open_at", "closed_at"),
    [
        ("24/7; Su,PH off", "2026-09-30T10:00", "2026-10-01T10:00"),
        ("24/7; PH,Su off", "2026-09-30T10:00", "2026-10-04T10:00"),
        ("Mo-Fr 08:00-20:00; PH 10:00-14:00", "2026-10-01T11:00", "2026-10-01T15:00"),
        ("Mo-Fr,PH 08:00-20:00", "2026-10-03T09:00", "2026-10-10T09:00"),  # Saturdays, the first a holiday
        ("Mo-Fr 08:00-20:00, PH 21:00-22:00", "2026-10-01T21:30", "2026-10-08T21:30"),
        ("Mo-Fr 08:00-20:00; PH -1 day 08:00-12:00", "2026-09-30T09:00", "2026-09-30T13:00"),
        ("24/7; Jan PH off", "2026-10-01T10:00", "2026-01-01T10:00"),
        ("PH 10:00-12:00", "2026-10-01T10:30", "2026-10-08T10:30"),
        ('24/7; PH off "closed on PH; we are sorry"', "2026-09-30T10:00", "2026-10-01T10:00"),
        ("Mo-Fr 08:00-12:00; PH 22:00-26:00", "2026-10-04T01:30", "2026-10-05T01:30"),  # the night of a holiday
    ],
)
def test_every_way_to_write_holidays_means_the_same_days(text: str, open_at: str, closed_at: str) -> None:
    calendar = hours(text)
    assert calendar.faults == []
    assert calendar.is_open("a", at(open_at))
    assert not calendar.is_open("a", at(closed_at))


def test_hours_for_holidays_only_are_never_open_without_a_country() -> None:
    assert hours("PH 10:00-12:00", country=None).next_open("a", at("2026-01-01T00:00")) is None


def test_a_special_day_closes_all_hours_but_those_that_name_it() -> None:
    calendar = hours(
        "Mo-Fr 09:00-17:00", "24/7; Dec 24 09:00-12:00", "24/7; 2026 Dec 23-26 10:00-11:00", "24/7 || Su 10:00-12:00",
        "24/7; Dec 09:00-10:00", d2026_12_24="Christmas Eve",
    )  # fmt: skip
    day = date(2026, 12, 24)
    assert [calendar.spans_of(name, day) for name in "abcde"] == [
        [], [(time(9), time(12))], [(time(10), time(11))], [], [],
    ]  # fmt: skip
    assert calendar.today(at("2026-12-24T10:00")).special == "Christmas Eve"
    assert calendar.called(day) == "Christmas Eve"
    assert calendar.next_open("a", at("2026-12-23T18:00")) == at("2026-12-25T09:00")


def test_what_cannot_be_read_is_a_fault_at_its_place_and_closed() -> None:
    calendar = Hours(
        Calendar(country="XX", special_days={"24.12.": "x"}, hours={"a": "Mo-Fr 9 to 5", "b": "24/7"}), CHINA
    )
    assert [loc for loc, _ in calendar.faults] == [
        ("calendar", "special_days", "24.12."), ("calendar", "country"), ("calendar", "hours", "a"),
    ]  # fmt: skip
    assert not calendar.is_open("a", at("2026-12-01T10:00"))
    assert calendar.next_open("a", at("2026-12-01T10:00")) is None
    assert calendar.is_open("b", at("2026-12-01T10:00"))
    with pytest.raises(KeyError):
        calendar.is_open("c", at("2026-12-01T10:00"))


def test_the_place_in_unreadable_hours_has_a_caret_under_it() -> None:
    with pytest.raises(Unreadable) as raised:
        canonical("Mo-Fr 25:00")
    assert str(raised.value).endswith("\n    Mo-Fr 25:00\n          ^")


def test_a_subdivision_that_the_country_does_not_have_is_a_fault() -> None:
    ((loc, _),) = hours(subdivision="XX", country="DE").faults
    assert loc == ("calendar", "subdivision")
    ((loc, said),) = hours(subdivision="BY", country=None).faults
    assert "country" in said


def test_a_moment_of_another_zone_is_looked_at_in_the_books_zone() -> None:
    calendar = hours("Mo-Fr 09:00-17:00")
    assert calendar.is_open("a", datetime(2026, 12, 1, 1, 30, tzinfo=UTC))
    assert not calendar.is_open("a", datetime(2026, 12, 1, 9, 30, tzinfo=UTC))


def test_when_the_clock_is_put_forward_hours_open_by_the_new_time() -> None:
    calendar = hours("Mo-Su 02:15-02:45", "Mo-Su 01:30-03:30", zone=BERLIN, country=None)
    night = at("2026-03-29T00:00", BERLIN)
    assert calendar.next_open("a", night) == at("2026-03-30T02:15", BERLIN)  # that quarter does not exist on the 29th
    opened = calendar.next_open("b", night)
    assert opened is not None
    assert opened.astimezone(UTC) == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert calendar.next_at(None, time(2, 30), night) == at("2026-03-29T03:30", BERLIN)


def test_when_the_clock_is_put_back_an_hour_is_open_twice() -> None:
    calendar = hours("Mo-Su 00:00-02:30", zone=BERLIN, country=None)
    assert calendar.is_open("a", at("2026-10-25T02:15", BERLIN))
    assert calendar.is_open("a", at("2026-10-25T02:15", BERLIN, fold=1))
    assert not calendar.is_open("a", at("2026-10-25T02:45", BERLIN))
    second = calendar.next_at(None, time(2, 30), at("2026-10-25T02:40", BERLIN))
    assert second is not None
    assert second.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert calendar.next_at(None, time(2, 30), at("2026-10-25T02:40", BERLIN, fold=1)) == at("2026-10-26T02:30", BERLIN)


@given(st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)), st.sampled_from([CHINA, BERLIN]))  # noqa: DTZ001
def test_the_next_opening_is_open_not_before_and_nothing_is_open_in_between(wall: datetime, zone: ZoneInfo) -> None:
    calendar = hours("Mo-Fr 09:00-17:00; Sa 10:00-12:00; PH off", zone=zone, d2026_12_24="x")
    now = wall.replace(tzinfo=zone)
    opened = calendar.next_open("a", now)
    assert opened is not None
    assert opened.timestamp() >= now.timestamp()
    assert calendar.is_open("a", opened)
    hour = now.astimezone(UTC)
    while hour.timestamp() < opened.timestamp():
        assert not calendar.is_open("a", hour)
        hour += timedelta(minutes=47)


def test_the_next_time_of_day_lies_in_the_hours() -> None:
    calendar = hours(OFFICE)
    assert calendar.next_at("a", time(10, 0), at("2026-09-30T11:00")) == at("2026-10-08T10:00")
    assert calendar.next_at("a", time(18, 0), at("2026-09-30T11:00")) is None
    assert calendar.next_at(None, time(10, 0), at("2026-09-30T10:00")) == at("2026-10-01T10:00")


def test_a_rule_that_names_holidays_only_is_dropped_when_there_are_none() -> None:
    assert with_dates("Mo-Fr 09:00-17:00; PH closed", (), ()) == "Mo-Fr 09:00-17:00"
    assert with_dates("PH 10:00-12:00", (), ()) == "closed"


def test_asking_for_the_calendar_costs_little() -> None:
    calendar = hours(OFFICE, "24/7; PH off", "Sa,Su 10:00-12:00")
    calendar.today(at("2026-12-01T10:00"))
    began = stopwatch.process_time()
    for minute in range(1000):
        calendar.today(at("2026-12-01T00:00") + timedelta(minutes=minute))
    assert stopwatch.process_time() - began < 0.5


def test_working_time_passes_only_while_it_is_open() -> None:
    calendar = hours(OFFICE)
    friday = at("2026-11-27T16:00")
    assert calendar.after("a", friday, 3600) == at("2026-11-27T17:00")
    assert calendar.after("a", friday, 3 * 3600) == at("2026-11-30T11:00")
    assert calendar.after("a", at("2026-09-30T16:00"), 2 * 3600) == at("2026-10-08T10:00")  # the long holidays
    assert calendar.worked_s("a", friday, at("2026-11-30T11:00")) == 3 * 3600
    assert calendar.worked_s("a", at("2026-11-28T08:00"), at("2026-11-29T20:00")) == 0
    assert hours("Mo-Su off").after("a", friday, 1) is None


@given(st.integers(0, 40 * 3600), st.integers(1, 60 * 3600))
def test_what_is_added_in_working_time_is_what_is_counted(start: int, worked_s: int) -> None:
    calendar = hours("Mo-Fr 09:00-17:00; Sa 22:00-02:00; PH off", zone=BERLIN, country="DE")
    since = at("2026-10-23T12:00", BERLIN) + timedelta(seconds=start)  # the clock is put back on the 25th
    due = calendar.after("a", since, worked_s)
    assert due is not None
    assert calendar.worked_s("a", since, due) == pytest.approx(worked_s)
