"""What callers type: which keys end it, what it means, and why it may mean nothing."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.entry import Form, Keyed, Wrong, fits_iban, fits_luhn, pressed, read, shown
from menus.schema import Collect
from menus.spoken.money import Money

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
RULE = {"prompts": ["x"], "then": "x"}


def asks(type_: str = "digits", **more: Any) -> Collect:
    return Collect.model_validate(
        {
            "kind": "collect",
            "into": "it",
            "prompt": "x",
            "type": type_,
            "no_input": RULE,
            "invalid": RULE,
            "then": "x",
            **more,
        }
    )


def typed(keys: str, form: Form) -> tuple[str, Keyed]:
    """What comes of keys, as far as they are taken."""
    so_far, how = "", Keyed.GOES_ON
    for key in keys:
        if how is not Keyed.GOES_ON:
            break
        so_far, how = pressed(form, so_far, key)
    return so_far, how


@pytest.mark.parametrize(
    ("keys", "digits", "how"),
    [
        ("12", "12", Keyed.GOES_ON),
        ("12#", "12", Keyed.ENDED),
        ("123456", "123456", Keyed.ENDED),
        ("12345678", "123456", Keyed.ENDED),
        ("#", "", Keyed.ENDED),
        ("*", "", Keyed.BACK),
        ("12*", "", Keyed.AGAIN),
    ],
)
def test_keys_make_an_entry(keys: str, digits: str, how: Keyed) -> None:
    assert typed(keys, Form(most=6)) == (digits, how)


@pytest.mark.parametrize(
    ("keys", "so_far", "how"),
    [
        ("12*", "12*", Keyed.GOES_ON),
        ("12*5", "12*5", Keyed.GOES_ON),
        ("12*50", "12*50", Keyed.ENDED),
        ("12*#", "12*", Keyed.ENDED),
        ("*", "", Keyed.BACK),
        ("1*2*", "", Keyed.AGAIN),
        ("123456", "123456", Keyed.ENDED),
    ],
)
def test_star_is_the_point_of_an_amount_once_there_is_a_digit(keys: str, so_far: str, how: Keyed) -> None:
    assert typed(keys, Form(most=6, point=True)) == (so_far, how)


def test_another_finish_key_takes_the_meaning_of_back_and_point_with_it() -> None:
    assert typed("*", Form(most=6, finish_key="*")) == ("", Keyed.ENDED)
    assert typed("12*", Form(most=6, finish_key="*", point=True)) == ("12", Keyed.ENDED)
    assert typed("#", Form(most=6, finish_key="*")) == ("", Keyed.AGAIN)
    assert typed("0", Form(most=6, back_key="0", finish_key="#")) == ("0", Keyed.GOES_ON)  # digits are digits


@given(keys=st.text("0123456789*#", max_size=60), most=st.integers(1, 30), point=st.booleans())
def test_no_entry_is_longer_than_allowed(keys: str, most: int, point: bool) -> None:
    so_far, _ = typed(keys, Form(most, point=point))
    assert len(so_far.replace("*", "")) <= most


@pytest.mark.parametrize(
    ("step", "keys", "value"),
    [
        (asks(), "0042", "0042"),
        (asks(least=4), "042", Wrong.TOO_SHORT),
        (asks(most=4), "04200", Wrong.TOO_LONG),
        (asks(), "", Wrong.EMPTY),
        (asks(check="luhn"), "4539578763621486", "4539578763621486"),
        (asks(check="luhn"), "4539578763621487", Wrong.MISTYPED),
        (asks(check="iban", most=30), "131489370400440532013000", "131489370400440532013000"),
        (asks(check="iban", most=30), "131489370400440532013001", Wrong.MISTYPED),
        (asks("number"), "0042", 42),
        (asks("number", smallest=10, largest=99), "9", Wrong.TOO_SMALL),
        (asks("number", smallest=10, largest=99), "10", 10),
        (asks("number", smallest=10, largest=99), "99", 99),
        (asks("number", smallest=10, largest=99), "100", Wrong.TOO_LARGE),
        (asks("number"), "1000000000000", Wrong.TOO_LARGE),
        (asks("money"), "12", Money(12_00)),
        (asks("money"), "12*5", Money(12_50)),
        (asks("money"), "12*05", Money(12_05)),
        (asks("money"), "12*", Money(12_00)),
        (asks("money"), "0*01", Money(1)),
        (asks("money"), "0", Wrong.TOO_SMALL),
        (asks("money", smallest=0), "0", Money(0)),
        (asks("money", smallest=10), "9*99", Wrong.TOO_SMALL),
        (asks("money", largest=10), "10*00", Money(10_00)),
        (asks("money", largest=10), "10*01", Wrong.TOO_LARGE),
        (asks("money"), "*50", Wrong.NO_AMOUNT),
        (asks("money"), "1*2*3", Wrong.NO_AMOUNT),
        (asks("money"), "1*234", Wrong.NO_AMOUNT),
        (asks("money", most=30), "9" * 25, Wrong.TOO_LARGE),
        (asks("date"), "20270228", date(2027, 2, 28)),
        (asks("date"), "20270229", Wrong.NO_DATE),
        (asks("date"), "18991231", Wrong.NO_DATE),
        (asks("date"), "1201", date(2026, 12, 1)),
        (asks("date"), "1130", date(2027, 11, 30)),
        (asks("date"), "0229", date(2028, 2, 29)),
        (asks("date"), "1301", Wrong.NO_DATE),
        (asks("date"), "0000", Wrong.NO_DATE),
        (asks("date"), "121", Wrong.NO_DATE),
        (asks("date"), "120127", Wrong.NO_DATE),
        (asks("date", check="future"), "1202", date(2026, 12, 2)),
        (asks("date", check="future"), "1201", Wrong.NOT_FUTURE),
        (asks("date", check="future"), "20261130", Wrong.NOT_FUTURE),
        (asks("date", check="past"), "1130", date(2026, 11, 30)),
        (asks("date", check="past"), "1202", date(2025, 12, 2)),
        (asks("date", check="past"), "0229", date(2024, 2, 29)),
        (asks("date", check="past"), "1201", Wrong.NOT_PAST),
        (asks("time"), "0930", time(9, 30)),
        (asks("time"), "930", time(9, 30)),
        (asks("time"), "0000", time(0, 0)),
        (asks("time"), "2400", Wrong.NO_TIME),
        (asks("time"), "1260", Wrong.NO_TIME),
        (asks("time"), "12", Wrong.NO_TIME),
    ],
)
def test_an_entry_is_a_value_or_it_is_told_why_not(step: Collect, keys: str, value: object) -> None:
    assert read(step, keys, NOW) == value


def test_a_time_must_lie_in_the_hours_that_are_asked_for() -> None:
    step = asks("time", check="in_hours", hours="service")
    assert read(step, "0930", NOW, opens_at=lambda wished: wished < time(18)) == time(9, 30)
    assert read(step, "1800", NOW, opens_at=lambda wished: wished < time(18)) is Wrong.CLOSED


@given(
    type_=st.sampled_from(["digits", "number", "money", "date", "time"]),
    keys=st.text("0123456789*", max_size=31),
    check=st.sampled_from([None, "luhn", "iban", "future", "past"]),
)
def test_whatever_is_typed_is_a_value_or_wrong(type_: str, keys: str, check: str | None) -> None:
    step = asks(type_, most=30, check=check)
    if "*" in keys and type_ != "money":  # such keys never get here
        keys = keys.replace("*", "")
    assert isinstance(read(step, keys, NOW), Wrong | str | int | Money | date | time)


@given(digits=st.from_regex(r"[0-9]{11,18}", fullmatch=True), at=st.integers(0, 17), other=st.integers(1, 9))
def test_luhn_finds_every_single_mistyped_digit(digits: str, at: int, other: int) -> None:
    (number,) = [digits + str(check) for check in range(10) if fits_luhn(digits + str(check))]
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + other) % 10) + number[at + 1 :]
    assert not fits_luhn(wrong)


@given(digits=st.from_regex(r"[0-9]{10,26}", fullmatch=True))
def test_numbers_with_check_digits_at_their_end_fit(digits: str) -> None:
    assert fits_iban(f"{digits}{98 - int(digits) * 100 % 97:02d}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("6225880000000014", "…0014"),
        ("123456", "123456"),
        ("1234567", "…4567"),
        (42, "42"),
        (True, "true"),
        (Money(-12_05), "-12.05 CNY"),
        (date(2026, 12, 1), "2026-12-01"),
        (time(9, 5), "09:05"),
        ("x" * 200, "x" * 80),
    ],
)
def test_records_show_values_but_of_long_numbers_their_end(value: Any, text: str) -> None:
    assert shown(value) == text
