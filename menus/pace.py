"""How long callers listen before an option has been said: in the worst order, and as a caller may expect."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from menus.phrases import option_text
from menus.schema import Menu, MenuBook, Option

#: Measured on espeak-ng 1.51 at the speed of ivr/prompts/speech.py, silence trimmed, pause after each piece included.
_PAUSE_S = 0.4
_LATIN_S = 0.062
_HAN_S = 0.30
_HAN = re.compile("[\u3400-\u9fff]")


def estimated_s(text: str) -> float:
    """Seconds that a text takes to say, judged by its length."""
    han = len(_HAN.findall(text))
    return _PAUSE_S + han * _HAN_S + (len(text) - han) * _LATIN_S


def option_s(book: MenuBook, menu: Menu, option: Option, language: str) -> float:
    """Seconds that an option takes to say, on the longest of the keys that it may be offered on."""
    keys = menu.keys_for(option, language)
    return max(estimated_s(option_text(book, option, language, key)) for key in keys)


def heard_after_s(book: MenuBook, menu: Menu, option: Option, language: str) -> float:
    """Seconds from the first word of a menu to the last of an option that stays in its place, in the worst order.

    That is: whichever options are promoted, on whichever keys; with `keys: shortcut`, after as many as may be offered
    before the menu. Options that are hidden only shorten it.
    """
    offered = menu.offered(language)
    seconds = {other.id: option_s(book, menu, other, language) for other in offered}
    before = offered[: offered.index(option)]
    longest = sorted((seconds[other.id] for other in offered if not other.stays), reverse=True)
    greeting = estimated_s(book.prompts[menu.greeting].text[language]) if menu.greeting else 0.0
    if menu.order == "fixed" or menu.keys == "shortcut":
        most = 0 if menu.order == "fixed" else (menu.gate or book.gate).most
        return greeting + sum(longest[:most]) + sum(seconds[other.id] for other in before) + seconds[option.id]
    stay_before = [seconds[other.id] for other in before if other.stays]
    free_before = len(before) - len(stay_before)
    return greeting + sum(stay_before) + sum(longest[:free_before]) + seconds[option.id]


def expected_s(order: Sequence[str], probabilities: Mapping[str, float], seconds: Mapping[str, float]) -> float:
    """Seconds until a caller may expect to have heard the option that they want, counted from the first option.

    `order` is what is said, one option perhaps twice: the first time counts. `probabilities`: of wanting each of them.
    """
    said_s = expected = 0.0
    heard: set[str] = set()
    for option in order:
        said_s += seconds[option]
        if option not in heard:
            heard.add(option)
            expected += probabilities[option] * said_s
    return expected


@dataclass(frozen=True, slots=True)
class Durations:
    """How long what a book says takes, in seconds: judged by length, or measured on the rendered sounds."""

    prompt_s: Callable[[str, str], float]  #: prompt, language
    option_s: Callable[[str, Option, str], float]  #: menu, option, language
    measured: bool = False


def estimated(book: MenuBook) -> Durations:
    """Durations judged by the length of the texts."""
    return Durations(
        lambda prompt, language: estimated_s(book.prompts[prompt].text[language]),
        lambda menu, option, language: estimated_s(option_text(book, option, language)),
    )


def heard_in_order_s(name: str, menu: Menu, language: str, durations: Durations) -> Mapping[str, float]:
    """Option → seconds from the first word of a menu until the option was said, in the book's order, all offered."""
    heard: dict[str, float] = {}
    at = durations.prompt_s(menu.greeting, language) if menu.greeting else 0.0
    for option in menu.offered(language):
        at += durations.option_s(name, option, language)
        heard[option.id] = at
    return heard
