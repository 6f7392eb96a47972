"""Mandarin: numbers, ordinals, digits, money, dates and times as words; 两 or 二, 零, 万 and 亿 in their places."""

from datetime import date as Date
from datetime import datetime as DateTime
from datetime import time as Time

from menus.errors import UnfitValue
from menus.prompt_text import SlotKind
from menus.spoken.money import LARGEST, Money, within

_DIGITS = "零一二三四五六七八九"
_COUNTED = "零一两三四五六七八九"  # before 千, 万, 亿 and things that are counted
_ON_THE_PHONE = "零幺二三四五六七八九"  # 幺 for 一, which is easily heard as 七
_CURRENCIES = {"USD": "美元", "EUR": "欧元", "GBP": "英镑", "HKD": "港元"}
_PARTS_OF_DAY = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))  # each until this hour


def _tens(value: int) -> str:
    """20 to 99, and 10 to 19 inside a larger number: 一十."""
    tens, units = divmod(value, 10)
    return f"{_DIGITS[tens]}十{_DIGITS[units] if units else ''}"


#: Of espeak-ng. `cmn` of version 1.51 spells Chinese signs as English letters and numbers (espeak-ng issues 1044
#: and 1236).
VOICE = "cmn-latn-pinyin"

KEYS = {**{str(digit): _DIGITS[digit] for digit in range(10)}, "*": "星号键", "#": "井号键"}

_NUMBERS = (
    *_DIGITS, *map(_tens, range(10, 100)), *(_tens(value).removeprefix("一") for value in range(10, 20)),
    *(f"{digit}百" for digit in _DIGITS[1:]), *(f"{digit}千" for digit in _COUNTED[1:]), "两", "万", "亿", "负",
)  # fmt: skip

#: By kind of value, every word that it can need.
VOCABULARY: dict[SlotKind, tuple[str, ...]] = {
    SlotKind.NUMBER: _NUMBERS,
    SlotKind.COUNT: _NUMBERS,
    SlotKind.ORDINAL: ("第", *_NUMBERS),
    SlotKind.DIGITS: tuple(_ON_THE_PHONE),
    SlotKind.GROUPS: tuple(_ON_THE_PHONE),
    SlotKind.MONEY: (*_NUMBERS, "元", "角", "分", "点", *_CURRENCIES.values()),
    SlotKind.DATE: (*_NUMBERS, "月", "日"),
    SlotKind.TIME: (*_NUMBERS, "点", "整", "分", *(part for _, part in _PARTS_OF_DAY)),
}


def number(value: int) -> tuple[str, ...]:
    """105 → 一百 零 五; 12000 → 一 万 两千; a lone 2 is 二."""
    within(value, -LARGEST, LARGEST)
    if value < 0:
        return ("负", *number(-value))
    words: list[str] = []
    gap = False
    for group, unit in ((value // 10**8, "亿"), (value // 10**4 % 10**4, "万"), (value % 10**4, "")):
        if group:
            if words and (gap or group < 1000):
                words.append("零")
            words += ["两"] if group == 2 and unit else _below_10000(group, inside=bool(words))
            words += [unit] if unit else []
        gap = not group
    return tuple(words) or ("零",)


def _below_10000(value: int, *, inside: bool) -> list[str]:
    """One to 9999; `inside` a larger number ten is 一十."""
    thousands, hundreds, rest = value // 1000, value // 100 % 10, value % 100
    words = [f"{_COUNTED[thousands]}千"] if thousands else []
    words += [f"{_DIGITS[hundreds]}百"] if hundreds else []
    if rest and (thousands or hundreds) and (not hundreds or rest < 10):
        words.append("零")
    if rest >= 10:
        words.append(_tens(rest) if words or inside else _tens(rest).removeprefix("一"))
    elif rest:
        words.append(_DIGITS[rest])
    return words


def count(value: int) -> tuple[str, ...]:
    """As `number`, but a lone 2 is 两: 两 分钟."""
    return ("两",) if value == 2 else number(value)


def ordinal(value: int) -> tuple[str, ...]:
    """2 → 第 二."""
    return ("第", *number(within(value, 1, LARGEST)))


def digits(value: str) -> tuple[str, ...]:
    """Each digit alone, 1 as 幺; anything else in the text is passed over."""
    spoken = tuple(_ON_THE_PHONE[int(sign)] for sign in value if sign in "0123456789")
    if not spoken:
        raise UnfitValue("there is no digit to speak")
    return spoken


groups = digits  # the pauses between groups are not words: menus.spoken.groups


def money(value: Money) -> tuple[str, ...]:
    """10550 → 一百 零 五 元 五 角; dollars and others with a point."""
    negative, whole, hundredths = value.parts()
    tenths, last = divmod(hundredths, 10)
    if value.currency != "CNY":
        point = ("点", _DIGITS[tenths], *([_DIGITS[last]] if last else [])) if hundredths else ()
        words = (*(number(whole) if point else count(whole)), *point, _CURRENCIES[value.currency])
    else:
        words = (*count(whole), "元") if whole or not hundredths else ()
        words = (*words, _COUNTED[tenths], "角") if tenths else words
        words = (*words, "零") if last and whole and not tenths else words
        words = (*words, _COUNTED[last], "分") if last else words
    return ("负", *words) if negative else words


def date(value: Date) -> tuple[str, ...]:
    """1 December → 十二 月 一 日; the year is left out."""
    return (*number(value.month), "月", *number(value.day), "日")


def habit(task: str, day: int) -> str:
    """通常在每月1日转账."""
    return f"通常在每月{day}日{task}"


def time(value: Time | DateTime) -> tuple[str, ...]:
    """14:05 → 下午 两 点 零 五 分."""
    part = next(part for until, part in _PARTS_OF_DAY if value.hour < until)
    hour = value.hour if value.hour <= 12 else value.hour - 12
    if value.minute == 0:
        return (part, *count(hour), "点", "整")
    minute = ("零", *number(value.minute)) if value.minute < 10 else number(value.minute)
    return (part, *count(hour), "点", *minute, "分")


def written_ordinal(value: int) -> str:
    """3 → 第3."""
    return f"第{within(value, 1, LARGEST)}"


def written_money(value: Money) -> str:
    """123450 → 1,234.50元."""
    negative, whole, hundredths = value.parts()
    return f"{'-' if negative else ''}{whole:,}.{hundredths:02}{_CURRENCIES.get(value.currency, '元')}"


def written_date(value: Date) -> str:
    """2026年12月1日."""
    return f"{value.year}年{value.month}月{value.day}日"
