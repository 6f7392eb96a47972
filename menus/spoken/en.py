"""English: numbers, ordinals, digits, money, dates and times as words."""
# ruff: noqa: SIM905 - words read better in a sentence than in a column

from datetime import date as Date
from datetime import datetime as DateTime
from datetime import time as Time

from menus.errors import UnfitValue
from menus.prompt_text import SlotKind
from menus.spoken.money import LARGEST, Money, within

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_BELOW_100 = (*_SMALL, *(f"{ten}-{unit}" if unit else ten for ten in _TENS for unit in ("", *_SMALL[1:10])))
_SCALES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_ORDINALS += [f"twenty-{word}" for word in _ORDINALS[:9]] + ["thirtieth", "thirty-first"]
_MONTHS = ("January February March April May June July August September October November December").split()
_UNITS = {  # one unit, several; one hundredth, several
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
}

#: Of espeak-ng.
VOICE = "en-gb"

KEYS = {**{str(digit): _SMALL[digit] for digit in range(10)}, "*": "star", "#": "pound"}

_NUMBERS = (*_BELOW_100, "hundred", *(word for _, word in _SCALES), "and", "minus")

#: By kind of value, every word that it can need.
VOCABULARY: dict[SlotKind, tuple[str, ...]] = {
    SlotKind.NUMBER: _NUMBERS,
    SlotKind.COUNT: _NUMBERS,
    SlotKind.ORDINAL: (*_ORDINALS, "number", *_NUMBERS),
    SlotKind.DIGITS: tuple(_SMALL[:10]),
    SlotKind.GROUPS: tuple(_SMALL[:10]),
    SlotKind.MONEY: (*_NUMBERS, *(word for units in _UNITS.values() for word in units)),
    SlotKind.DATE: ("the", "of", *_ORDINALS, *_MONTHS),
    SlotKind.TIME: (*_BELOW_100, "oh", "o'clock", "A.M.", "P.M."),
}


def number(value: int) -> tuple[str, ...]:
    """105 → one hundred and five."""
    within(value, -LARGEST, LARGEST)
    if value < 0:
        return ("minus", *number(-value))
    words: list[str] = []
    for size, scale in _SCALES:
        if value >= size:
            words += [*_below_1000(value // size), scale]
            value %= size
    if value or not words:
        if words and value < 100:
            words.append("and")
        words += _below_1000(value)
    return tuple(words)


def _below_1000(value: int) -> list[str]:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return [_BELOW_100[rest]]
    return [_SMALL[hundreds], "hundred", *(["and", _BELOW_100[rest]] if rest else [])]


count = number


def ordinal(value: int) -> tuple[str, ...]:
    """3 → third; beyond 31, `number 32`."""
    within(value, 1, LARGEST)
    return (_ORDINALS[value - 1],) if value <= len(_ORDINALS) else ("number", *number(value))


def digits(value: str) -> tuple[str, ...]:
    """Each digit alone; anything else in the text is passed over."""
    spoken = tuple(_SMALL[int(sign)] for sign in value if sign in "0123456789")
    if not spoken:
        raise UnfitValue("there is no digit to speak")
    return spoken


groups = digits  # the pauses between groups are not words: menus.spoken.groups


def money(value: Money) -> tuple[str, ...]:
    """10550 → one hundred and five yuan and fifty fen."""
    negative, whole, hundredths = value.parts()
    one, several, one_small, several_small = _UNITS[value.currency]
    words: tuple[str, ...] = ()
    if whole or not hundredths:
        words = (*number(whole), one if whole == 1 else several)
    if hundredths:
        small = (_BELOW_100[hundredths], one_small if hundredths == 1 else several_small)
        words = (*words, "and", *small) if words else small
    return ("minus", *words) if negative else words


def date(value: Date) -> tuple[str, ...]:
    """1 December → the first of December; the year is left out."""
    return ("the", _ORDINALS[value.day - 1], "of", _MONTHS[value.month - 1])


def habit(task: str, day: int) -> str:
    """usually transfers money on the 1st."""
    return f"usually {task} on the {written_ordinal(day)}"


def time(value: Time | DateTime) -> tuple[str, ...]:
    """14:05 → two oh five P.M."""
    half = "A.M." if value.hour < 12 else "P.M."
    hour = _SMALL[value.hour % 12 or 12]
    if value.minute == 0:
        return (hour, "o'clock", half)
    minute = ("oh", _SMALL[value.minute]) if value.minute < 10 else (_BELOW_100[value.minute],)
    return (hour, *minute, half)


def written_ordinal(value: int) -> str:
    """3 → 3rd."""
    ending = "th" if 11 <= value % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{within(value, 1, LARGEST):,}{ending}"


def written_money(value: Money) -> str:
    """123450 → CNY 1,234.50."""
    negative, whole, hundredths = value.parts()
    return f"{value.currency} {'-' if negative else ''}{whole:,}.{hundredths:02}"


def written_date(value: Date) -> str:
    """1 December 2026."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
