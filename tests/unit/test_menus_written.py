"""Values in text messages: how they are written in each language."""

from datetime import date, datetime, time

import pytest

from menus.errors import UnfitValue
from menus.prompt_text import SlotKind
from menus.spoken import LANGUAGES, Money
from menus.written import filled, written

FORMS = [
    (SlotKind.NUMBER, 12500, "12,500", "12,500"),
    (SlotKind.COUNT, 2, "2", "2"),
    (SlotKind.ORDINAL, 22, "22nd", "第22"),
    (SlotKind.ORDINAL, 112, "112th", "第112"),
    (SlotKind.DIGITS, "0042", "0042", "0042"),
    (SlotKind.GROUPS, "6222000033334444", "6222 0000 3333 4444", "6222 0000 3333 4444"),
    (SlotKind.MONEY, Money(123450), "CNY 1,234.50", "1,234.50元"),
    (SlotKind.MONEY, Money(-5, "USD"), "USD -0.05", "-0.05美元"),
    (SlotKind.DATE, date(2026, 12, 1), "1 December 2026", "2026年12月1日"),
    (SlotKind.TIME, time(9, 5), "09:05", "09:05"),
    (SlotKind.TIME, datetime(2026, 12, 1, 14, 30), "14:30", "14:30"),  # noqa: DTZ001 - a time of day
]


@pytest.mark.parametrize(("kind", "value", "english", "chinese"), FORMS)
def test_a_value_is_written_as_each_language_writes_it(kind, value, english, chinese) -> None:
    assert (written(kind, value, "en"), written(kind, value, "zh")) == (english, chinese)


def test_every_kind_of_slot_has_a_written_form_in_every_language() -> None:
    shown = {kind: value for kind, value, _, _ in FORMS}
    for language in LANGUAGES:
        for kind in SlotKind:
            assert written(kind, shown.get(kind, "0042"), language)


def test_the_slots_of_a_message_are_filled_and_its_words_stay_as_they_are() -> None:
    text = "Transfer of {amount:money} to {account:digits}: done.\nHarbour Bank"
    values = {"amount": Money(5000), "account": "6222000011112222", "unused": 1}
    assert filled(text, "en", values) == "Transfer of CNY 50.00 to 6222000011112222: done.\nHarbour Bank"


def test_a_message_without_its_value_cannot_be_written() -> None:
    with pytest.raises(UnfitValue, match="amount"):
        filled("{amount:money}", "en", {})


def test_a_value_of_another_kind_cannot_be_written() -> None:
    for kind, value in [
        (SlotKind.MONEY, 5),
        (SlotKind.NUMBER, True),
        (SlotKind.DIGITS, 5),
        (SlotKind.MONEY, Money(1, "XXX")),
    ]:
        with pytest.raises(UnfitValue):
            written(kind, value, "en")
