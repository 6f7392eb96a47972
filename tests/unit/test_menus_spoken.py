"""Values as words: right in both languages, and never a word that was not rendered."""

import re
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.errors import UnfitValue
from menus.prompt_text import Slot, SlotKind, segments
from menus.spoken import LANGUAGES, Money, grouped, habit_text, key_word, spoken, vocabulary
from menus.spoken.money import CURRENCIES, LARGEST

NUMBERS = st.one_of(st.integers(-LARGEST, LARGEST), st.integers(0, 10**5), st.integers(0, 10**9))


def english(kind: SlotKind, value: Any) -> str:
    return " ".join(spoken(kind, value, "en"))


def chinese(kind: SlotKind, value: Any) -> str:
    return "".join(spoken(kind, value, "zh"))


@pytest.mark.parametrize(
    ("number", "in_english", "in_chinese"),
    [
        (0, "zero", "零"),
        (2, "two", "二"),
        (10, "ten", "十"),
        (12, "twelve", "十二"),
        (20, "twenty", "二十"),
        (100, "one hundred", "一百"),
        (105, "one hundred and five", "一百零五"),
        (110, "one hundred and ten", "一百一十"),
        (222, "two hundred and twenty-two", "二百二十二"),
        (1_002, "one thousand and two", "一千零二"),
        (1_010, "one thousand and ten", "一千零一十"),
        (2_000, "two thousand", "两千"),
        (10_000, "ten thousand", "一万"),
        (12_000, "twelve thousand", "一万两千"),
        (20_000, "twenty thousand", "两万"),
        (20_002, "twenty thousand and two", "两万零二"),
        (100_100, "one hundred thousand one hundred", "十万零一百"),
        (105_000, "one hundred and five thousand", "十万五千"),
        (200_000, "two hundred thousand", "二十万"),
        (1_000_001, "one million and one", "一百万零一"),
        (105_000_000, "one hundred and five million", "一亿零五百万"),
        (200_000_000, "two hundred million", "两亿"),
        (100_200_003, "one hundred million two hundred thousand and three", "一亿零二十万零三"),
        (-7, "minus seven", "负七"),
    ],
)
def test_numbers(number: int, in_english: str, in_chinese: str) -> None:
    assert english(SlotKind.NUMBER, number) == in_english
    assert chinese(SlotKind.NUMBER, number) == in_chinese


def test_two_is_another_word_before_what_is_counted() -> None:
    assert [chinese(kind, 2) for kind in (SlotKind.NUMBER, SlotKind.COUNT, SlotKind.ORDINAL)] == ["二", "两", "第二"]
    assert chinese(SlotKind.COUNT, 12) == "十二"


@pytest.mark.parametrize(
    ("money", "in_english", "in_chinese"),
    [
        (Money(0), "zero yuan", "零元"),
        (Money(5), "five fen", "五分"),
        (Money(50), "fifty fen", "五角"),
        (Money(200), "two yuan", "两元"),
        (Money(220), "two yuan and twenty fen", "两元两角"),
        (Money(101), "one yuan and one fen", "一元零一分"),
        (Money(10_550), "one hundred and five yuan and fifty fen", "一百零五元五角"),
        (Money(-150), "minus one yuan and fifty fen", "负一元五角"),
        (Money(100, "USD"), "one dollar", "一美元"),
        (Money(250, "EUR"), "two euros and fifty cents", "二点五欧元"),
        (Money(205, "GBP"), "two pounds and five pence", "二点零五英镑"),
    ],
)
def test_amounts(money: Money, in_english: str, in_chinese: str) -> None:
    assert (english(SlotKind.MONEY, money), chinese(SlotKind.MONEY, money)) == (in_english, in_chinese)


def test_digits_dates_times_and_ordinals() -> None:
    assert (english(SlotKind.DIGITS, "C-107"), chinese(SlotKind.DIGITS, "C-107")) == ("one zero seven", "幺零七")
    assert english(SlotKind.DATE, date(2026, 12, 1)) == "the first of December"
    assert chinese(SlotKind.DATE, date(2026, 2, 22)) == "二月二十二日"
    assert (english(SlotKind.TIME, time(14, 5)), chinese(SlotKind.TIME, time(14, 5))) == (
        "two oh five P.M.",
        "下午两点零五分",
    )
    assert (english(SlotKind.TIME, time(0, 0)), chinese(SlotKind.TIME, time(12, 30))) == (
        "twelve o'clock A.M.",
        "中午十二点三十分",
    )
    assert (english(SlotKind.ORDINAL, 3), english(SlotKind.ORDINAL, 32)) == ("third", "number thirty-two")


def test_keys_are_words() -> None:
    assert [key_word(key, "en") for key in "0*#"] == ["zero", "star", "pound"]
    assert [key_word(key, "zh") for key in "17"] == ["一", "七"]


def test_a_habit_is_one_line() -> None:
    lines = [habit_text("pays", day, "en") for day in (1, 2, 3, 11, 12, 13, 21, 22, 23, 30)]
    assert [line.removeprefix("usually pays on the ") for line in lines] == [
        "1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th"
    ]  # fmt: skip
    assert habit_text("转账", 1, "zh") == "通常在每月1日转账"


VALUES = st.one_of(
    st.tuples(st.sampled_from([SlotKind.NUMBER, SlotKind.COUNT]), NUMBERS),
    st.tuples(st.just(SlotKind.ORDINAL), st.integers(1, LARGEST)),
    st.tuples(st.just(SlotKind.DIGITS), st.from_regex(r"[0-9A-Z-]*[0-9]", fullmatch=True)),
    st.tuples(st.just(SlotKind.GROUPS), st.from_regex(r"[0-9A-Z-]*[0-9]", fullmatch=True)),
    st.tuples(st.just(SlotKind.DATE), st.dates()),
    st.tuples(st.just(SlotKind.TIME), st.times()),
    st.tuples(
        st.just(SlotKind.MONEY),
        st.builds(Money, st.integers(-LARGEST * 100, LARGEST * 100), st.sampled_from(CURRENCIES)),
    ),
)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@given(said=VALUES)
def test_every_word_of_every_value_is_in_the_vocabulary(language: str, said: tuple[SlotKind, Any]) -> None:
    kind, value = said
    words = spoken(kind, value, language)
    assert words
    assert set(words) <= set(vocabulary(kind, language))


@given(NUMBERS)
def test_english_numbers_can_be_read_back(number: int) -> None:
    assert read_english(english(SlotKind.NUMBER, number)) == number


@given(NUMBERS)
def test_chinese_numbers_can_be_read_back(number: int) -> None:
    said = chinese(SlotKind.NUMBER, number)
    assert read_chinese(said) == number
    assert "零零" not in said
    assert not re.search("二[千万亿]$|^二[千万亿]", said)


@given(st.integers(0, LARGEST * 100))
def test_yuan_jiao_and_fen_can_be_read_back(cents: int) -> None:
    yuan, jiao, fen = re.fullmatch(
        r"(?:(.*)元)?零?(?:(.)角)?零?(?:(.)分)?", chinese(SlotKind.MONEY, Money(cents))
    ).groups()  # type: ignore[union-attr]
    assert read_chinese(yuan or "零") * 100 + read_chinese(jiao or "零") * 10 + read_chinese(fen or "零") == cents


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SlotKind.NUMBER, LARGEST + 1),
        (SlotKind.NUMBER, "7"),
        (SlotKind.NUMBER, True),
        (SlotKind.ORDINAL, 0),
        (SlotKind.DIGITS, "none"),
        (SlotKind.GROUPS, "none"),
        (SlotKind.GROUPS, 6225),
        (SlotKind.MONEY, 5),
        (SlotKind.MONEY, Money(1, "XTS")),
        (SlotKind.DATE, "today"),
    ],
)
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_cannot_be_spoken_is_refused(kind: SlotKind, value: Any, language: str) -> None:
    with pytest.raises(UnfitValue):
        spoken(kind, value, language)


def test_a_text_is_cut_at_its_slots() -> None:
    assert segments("You are {n:number}, {d:date}.") == (
        "You are",
        Slot("n", SlotKind.NUMBER),
        Slot("d", SlotKind.DATE),
    )
    assert segments("您是第{position:number}位。") == ("您是第", Slot("position", SlotKind.NUMBER), "位。")


@pytest.mark.parametrize("text", ["{", "a } b", "{n}", "{N:number}", "{n:roman}", "{{n:number}}", "{n:number"])
def test_braces_that_are_no_slot_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"braces|known are"):
        segments(text)


def read_english(said: str) -> int:
    """Another way round than the one that made it."""
    small = dict(zip(vocabulary(SlotKind.NUMBER, "en"), range(100), strict=False))
    scales = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
    total = group = 0
    words = said.removeprefix("minus ").split(" ")
    for word in words:
        if word in scales:
            total, group = total + group * scales[word], 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += small[word]
    return -(total + group) if said.startswith("minus ") else total + group


def read_chinese(said: str) -> int:
    """Another way round than the one that made it."""
    units = {"十": 10, "百": 100, "千": 1000}
    total = group = digit = 0
    for sign in said.removeprefix("负"):
        if sign in units:
            group, digit = group + (digit or 1) * units[sign], 0
        elif sign in "万亿":
            total, group, digit = total + (group + digit) * (10**4 if sign == "万" else 10**8), 0, 0
        elif sign != "零":
            digit = 2 if sign == "两" else "零一二三四五六七八九".index(sign)
    whole = total + group + digit
    return -whole if said.startswith("负") else whole


@pytest.mark.parametrize(
    ("number", "groups"),
    [
        ("", ""),
        ("1", "1"),
        ("12345", "12345"),
        ("123456", "123 456"),
        ("1234567", "123 4567"),
        ("12345678", "1234 5678"),
        ("123456789", "123 456 789"),
        ("2125550123", "212 555 0123"),
        ("13800000001", "138 0000 0001"),
        ("6225 8800-0000 0014", "6225 8800 0000 0014"),
        ("6217000000000000019", "6217 0000 0000 0000 019"),
    ],
)
def test_long_numbers_fall_into_groups_of_four_and_three(number: str, groups: str) -> None:
    assert " ".join(grouped(number)) == groups


@given(number=st.from_regex(r"[0-9]{6,40}", fullmatch=True))
def test_no_digit_is_lost_in_groups_and_none_stands_alone(number: str) -> None:
    assert "".join(grouped(number)) == number
    assert {len(group) for group in grouped(number)} <= {3, 4}
    assert len(spoken(SlotKind.GROUPS, number, "en")) == len(number)
