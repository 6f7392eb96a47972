"""Caller names and numbers: shown safely, or not at all."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.text import MOST_NAME, caller_name, caller_number, decode


@pytest.mark.parametrize(
    ("encoded", "shown"),
    [
        ("Li%20Na", "Li Na"),
        ("%E6%9D%8E%E5%A8%9C", "李娜"),
        ("%22Bobby%22%20%5C%20%3Cscript%3E", '"Bobby" \\ <script>'),
        ("a%0Ab%0D%0Ac%09d", "a b c d"),
        ("a%00b%1Bc", "abc"),
        ("%E2%80%AEevil%E2%80%AC", "evil"),
        ("a%E2%80%8Bb%E2%80%8Dc%EF%BB%BFd", "abcd"),
        ("%F0%9F%98%80", "😀"),
        ("%FF%FELi", "Li"),
        ("%C3", ""),
        ("100%", "100%"),
        ("%zz", "%zz"),
        ("%E3%85%A4%E3%85%A4", ""),
        ("%20%20%C2%A0x%E3%80%80", "x"),
        ("%EE%80%80x", "x"),
        ("%E2%80%A8x%E2%80%A9y", "x y"),
        ("e%CC%81", "é"),
        ("", ""),
    ],
)
def test_a_name_is_shown_as_one_line_of_visible_text(encoded: str, shown: str) -> None:
    assert caller_name(decode(encoded)) == shown


def test_a_name_of_ten_thousand_characters_is_cut() -> None:
    assert caller_name("x" * 10_000) == "x" * MOST_NAME


@settings(deadline=None)
@given(st.text())
def test_no_invisible_character_survives_in_a_name(text: str) -> None:
    name = caller_name(text)
    assert len(name) <= MOST_NAME
    assert name == name.strip()
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_that_were_encoded_become_a_name(raw: bytes) -> None:
    caller_name(decode("".join(f"%{byte:02X}" for byte in raw))).encode()


@pytest.mark.parametrize("number", ["110", "+8613800000000", "013800000000", "123456789012345"])
def test_a_plain_number_is_kept(number: str) -> None:
    assert caller_number(number) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "1234567890123456",
        "anonymous",
        "unknown",
        "44 01",
        "4401\n",
        "+",
        "++123",
        "12a4",
        "٤٤٤٤",
        "４４４４",
        "1+23",
    ],
)
def test_what_is_no_plain_number_is_no_number_at_all(text: str) -> None:
    assert caller_number(text) is None
