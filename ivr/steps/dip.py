"""Ask another system by HTTP, and take its answer into values of the call."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import structlog

from ivr.call import Call
from ivr.errors import DipFailed
from ivr.ports import WebRequest
from menus.schema import Dip
from menus.spoken.money import CURRENCIES, LARGEST, Money
from menus.values import Value
from menus.walk import Input, Left, Position

log = structlog.get_logger()

#: Longest text that is taken as a value.
MOST_TEXT = 500


async def dip(call: Call, step: Dip, position: Position) -> Input:
    """Ask within the step's deadline; a field that is missing or of another kind makes the whole answer a failure."""
    picture = await call.picture(position, *step.send.values())
    fields = {name: call.edition.conditions.value(text, picture) for name, text in step.send.items()}
    request = WebRequest(step.url, step.method, fields, step.retries)
    await call.allow(step.deadline_s)
    began = call.parts.clock.monotonic()
    try:
        answer = await call.parts.webhooks.ask(request, deadline_s=step.deadline_s)
        values = {name: value_of(name, kind, answer) for name, kind in step.into.items()}
        outcome = "answered"
    except DipFailed as fault:
        values, outcome = {}, "failed"
        log.warning("another system gave no good answer", step=position.step, why=str(fault))
    ms = round((call.parts.clock.monotonic() - began) * 1000, 1)
    call.note("dip", step=position.step, outcome=outcome, ms=ms, values=sorted(values))
    return Left("then" if outcome == "answered" else "otherwise", values)


def value_of(name: str, kind: str, answer: Mapping[str, Any]) -> Value:
    """A field of an answer as a value of that kind. Raises DipFailed; its message has no content of the answer."""
    if name not in answer:
        raise DipFailed(f"the answer lacks the field {name!r}")
    value = _KINDS[kind](answer[name])
    if value is None:
        raise DipFailed(f"the field {name!r} of the answer is no {kind} but {type(answer[name]).__name__}")
    return value


def _number(given: Any) -> Value | None:
    fits = isinstance(given, int) and not isinstance(given, bool) and abs(given) <= LARGEST
    return given if fits else None


def _digits(given: Any) -> Value | None:
    return given if isinstance(given, str) and re.fullmatch(r"[0-9]{1,30}", given) else None


def _text(given: Any) -> Value | None:
    return given if isinstance(given, str) and len(given) <= MOST_TEXT and given.isprintable() else None


def _yes_no(given: Any) -> Value | None:
    return given if isinstance(given, bool) else None


def _money(given: Any) -> Value | None:
    """Cents of the site's currency as a whole number, or with a currency: {"cents": 12345, "currency": "USD"}."""
    match given:
        case {"cents": cents, "currency": str(currency), **rest} if not rest and currency in CURRENCIES:
            return None if _number(cents) is None else Money(cents, currency)
    return None if _number(given) is None else Money(given)


def _date(given: Any) -> Value | None:
    if not isinstance(given, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


_KINDS: Mapping[str, Callable[[Any], Value | None]] = {
    "number": _number,
    "digits": _digits,
    "text": _text,
    "yes_no": _yes_no,
    "money": _money,
    "date": _date,
}
