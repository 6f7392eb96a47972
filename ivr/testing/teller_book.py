"""A small book of self-service for tests: a menu, a PIN, and every way of collecting and transacting behind it."""

from typing import Any

import yaml

from ivr.testing.books import SMALL
from menus.schema import MenuBook

_RULES = {
    "no_input": {"timeout_s": 5, "tries": 2, "prompts": ["silent"], "then": "nothing_typed"},
    "invalid": {"tries": 2, "prompts": ["wrong"], "then": "wrongly_typed"},
}
#: Prompts beside those of the small book.
_PROMPTS = {
    "ask_card": "Type your card number.",
    "ask_pin": "Type your PIN.",
    "not_right": "That was not right.",
    "ask_to": "Type the account.",
    "ask_amount": "Type the amount.",
    "back_to_you": "{amount:money} to {to:groups}. Press one.",
    "sure": "Shall I do it? Press one.",
    "working": "One moment.",
    "balance_is": "You have {balance:money}.",
    "sent": "Done, number {reference:groups}. You have {balance:money}.",
    "came_in": "In: {amount:money} on {date:date}.",
    "went_out": "Out: {amount:money} on {date:date}.",
    "told": "It is done.",
}


def teller_book(**steps: dict[str, Any]) -> MenuBook:
    """The small book, whose menu leads by key 1 to `first`; the other steps are the test's.

    Ready ends: done, refused, nothing_typed, wrongly_typed, otherwise, locked; `pin` verifies and goes on at `behind`.
    """
    book = yaml.safe_load(SMALL)
    book["prompts"] |= {name: {"text": {"en": text, "zh": text}} for name, text in _PROMPTS.items()}
    ends = ("done", "refused", "nothing_typed", "wrongly_typed", "otherwise", "locked", "cancelled")
    book["steps"] |= {name: {"kind": "goodbye", "prompts": ["bye"], "because": "self_service"} for name in ends}
    book["steps"]["main"]["options"][0]["then"] = "first"
    book["steps"]["pin"] = {
        "kind": "verify",
        "ask_customer": "ask_card",
        "ask_secret": "ask_pin",
        "wrong": "not_right",
        "then": "behind",
        "otherwise": "otherwise",
        "locked": "locked",
    }
    first = {} if "first" in steps else {"first": {"kind": "goto", "then": "pin"}}
    behind = {} if "behind" in steps else {"behind": {"kind": "goto", "then": "done"}}
    book["steps"] |= {**first, **behind, **steps}
    return MenuBook.model_validate(book)


def collects(into: str, prompt: str, then: str, **more: Any) -> dict[str, Any]:
    """A step that takes digits."""
    return {"kind": "collect", "into": into, "prompt": prompt, "then": then, **_RULES, **more}


def transacts(do: str, **more: Any) -> dict[str, Any]:
    """A step that lets the bank do something, and ends."""
    return {"kind": "transact", "do": do, "then": "done", "otherwise": "otherwise", **more}
