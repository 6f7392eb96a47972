"""How long callers listen before an option has been said, in the worst order that personalisation can choose."""

import re
from collections.abc import Callable, Mapping
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


def heard_after_s(book: MenuBook, menu: Menu, option: Option, language: str) -> float:
    """Seconds from the first word of a menu to the last of a pinned option, in whatever order the others come."""

    def said_s(other: Option) -> float:
        return estimated_s(option_text(book, other, language))

    offered = menu.offered(language)
    before = offered[: offered.index(option)]
    free = [said_s(other) for other in (before if menu.order == "fixed" else offered) if not other.pinned]
    free_before = sum(1 for other in before if not other.pinned)
    greeting = estimated_s(book.prompts[menu.greeting].text[language]) if menu.greeting else 0.0
    pinned_before = sum(said_s(other) for other in before if other.pinned)
    return greeting + pinned_before + sum(sorted(free, reverse=True)[:free_before]) + said_s(option)


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
