"""Rules on what lies outside: telephone numbers that may be called, addresses that may be asked."""

from collections.abc import Collection, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import phonenumbers
from phonenumbers import PhoneNumberType

from menus.rules.finding import Finding, Loc, fault
from menus.rules.outline import Outline
from menus.schema import Callback, Dip

_COSTLY = {PhoneNumberType.PREMIUM_RATE: "a premium-rate number", PhoneNumberType.SHARED_COST: "a shared-cost number"}


def unsafe_numbers(outline: Outline, allowed: Collection[str] | None) -> Iterator[Finding]:
    """Outside numbers that are none, that cost whoever calls them, or that the settings do not permit."""
    for name, number in outline.book.numbers.items():
        loc: Loc = ("numbers", name)
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is None or not phonenumbers.is_valid_number(parsed):
            yield fault(
                loc, "bad-number", f"{number} is not a number that can be dialled; write it whole, as in +861065551234"
            )
            continue
        kind = phonenumbers.number_type(parsed)
        if kind in _COSTLY:
            yield fault(loc, "costly-number", f"{number} is {_COSTLY[kind]}; callers are never connected to one")
        elif allowed is not None and not number.startswith(tuple(allowed)):
            message = f"{number} does not begin as the settings' outbound.allow permits; add its beginning there"
            # Whoever has allowed nothing yet is told; whoever has allowed something meant to exclude the rest.
            yield Finding(loc, "number-not-allowed", message, warning=not allowed)


def callbacks_nobody_makes(outline: Outline) -> Iterator[Finding]:
    """Callbacks that are taken in a book that does not say what the called customer hears: nobody would be called."""
    if outline.book.calling_back is None:
        for name, step in outline.book.steps.items():
            if isinstance(step, Callback):
                message = "callbacks are taken, but nobody is called without `calling_back:`; write what they hear"
                yield fault(("steps", name), "no-calling-back", message)


def unsafe_addresses(outline: Outline, allowed: Collection[str] | None) -> Iterator[Finding]:
    """Addresses that are not encrypted, that hide where they lead, or that the settings do not permit."""
    for name, step in outline.book.steps.items():
        if isinstance(step, Dip):
            loc: Loc = ("steps", name, "url")
            if wrong := _wrong_with(step.url):
                yield fault(loc, "unsafe-address", wrong)
            elif allowed is not None and not step.url.startswith(tuple(allowed)):
                message = "the address does not begin as the settings' webhooks.allow permits; add its beginning there"
                yield Finding(loc, "address-not-allowed", message, warning=not allowed)


def _wrong_with(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no address; write it as https://crm.example/ivr/contract"
    if parts.scheme not in ("http", "https") or not host:
        return "this is no address; write it as https://crm.example/ivr/contract"
    if parts.username is not None or parts.password is not None:
        return "an address holds no user and password; books are published"
    if parts.fragment or "\\" in url or ".." in parts.path.split("/") or any(sign.isspace() for sign in url):
        return "an address is written plainly: no fragment, no .., no blanks and no backslash"
    if parts.scheme == "http" and not _is_loopback(host):
        return "what is asked of another machine goes over https"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
