"""Rules on the bank: operations with what they need, and nothing of a customer before verification."""

import re
from collections.abc import Iterator

from menus.conditions import values_named
from menus.operations import OPERATIONS, Operation
from menus.rules.finding import Finding, Loc, advice, fault, unknown
from menus.rules.known import VERIFIED, Known
from menus.rules.outline import Outline
from menus.schema import Send, Set, Transact
from menus.values import ValueKind

#: Kinds of parameter that a whole number in the book can be.
_LITERAL = (ValueKind.NUMBER, ValueKind.DIGITS)
_TELLING = re.compile(
    r"\bcustomer\.(products|life_events|value_yearly|churn_risk|years|card_expires_in_days|instalment_due_in_days|"
    r"premium_due_in_days|contract_ends_in_days)\b"
)


def operations(outline: Outline) -> Iterator[Finding]:
    """Operations, parameters, refusals and rows that the bank does not know, and parameters that are left out."""
    for name, step in outline.book.steps.items():
        if not isinstance(step, Transact):
            continue
        loc: Loc = ("steps", name)
        operation = OPERATIONS.get(step.do)
        if operation is None:
            yield unknown((*loc, "do"), "unknown-operation", "operation of the bank", step.do, OPERATIONS)
            continue
        yield from _parameters(loc, step, operation)
        for word in step.refused:
            if word not in operation.refusals:
                yield unknown(
                    (*loc, "refused", word), "unknown-refusal", f"refusal of {step.do}", word, operation.refusals
                )
        for kind in step.each:
            if kind not in operation.rows:
                yield unknown((*loc, "each", kind), "unknown-row", f"row of {step.do}", kind, operation.rows)
        if operation.writes and step.confirm is None:
            message = f"{step.do} changes something without asking first; name a prompt in `confirm`"
            yield advice((*loc, "do"), "unconfirmed", message)


def _parameters(loc: Loc, step: Transact, operation: Operation) -> Iterator[Finding]:
    known = {**operation.needs, **operation.may_have}
    for field, value in step.given.items():
        if field not in known:
            yield unknown((*loc, "given", field), "unknown-parameter", f"parameter of {step.do}", field, known)
        elif value.isdigit() and known[field] not in _LITERAL:
            message = f"{field} is {known[field]}, which no number in a book is; name a value of the call"
            yield fault((*loc, "given", field), "wrong-kind", message)
    for field in operation.needs:
        if field not in step.given:
            message = f"{step.do} needs {field} ({operation.needs[field]}); write it in `given`"
            yield fault((*loc, "do"), "missing-parameter", message)


def unverified(outline: Outline, known: Known) -> Iterator[Finding]:
    """What is done for, told to or kept of a customer on a way without verification."""
    book = outline.book
    secret = _told_by_the_bank(outline)
    for name, step in book.steps.items():
        verified = known.at(name, VERIFIED)
        if isinstance(step, Transact) and not verified:
            message = f"the caller is not verified {known.without(name, VERIFIED)}; put a verify step before it"
            yield fault(("steps", name, "do"), "unverified", message)
        elif isinstance(step, Send) and not verified and step.template in book.templates:
            way = known.without(name, VERIFIED)
            if book.templates[step.template].private:
                message = (
                    f"the caller is not verified {way}, and the message is private; put a verify step before it, "
                    "or write private: false if it tells nothing of the customer"
                )
                yield fault(("steps", name, "template"), "unverified", message)
            elif step.to == "customer":
                message = f"the caller is not verified {way}, so there is no customer to send to; write to: caller"
                yield fault(("steps", name, "to"), "unverified", message)
        elif isinstance(step, Set):
            for kept, text in step.remember.items():
                if told := secret.intersection(values_named(text)):
                    message = (
                        f"{min(told)!r} comes from the bank, and what is remembered is known in later calls before "
                        "anybody is verified; take it out"
                    )
                    yield fault(("steps", name, "remember", kept), "remembered-secret", message)


def telling_options(outline: Outline, known: Known) -> Iterator[Finding]:
    """Options whose presence tells whoever holds the phone something of the customer, before verification."""
    for name, menu in outline.menus.items():
        if known.at(name, VERIFIED):
            continue
        for index, option in enumerate(menu.options):
            if option.when is not None and (found := _TELLING.search(option.when)):
                message = (
                    f"that this option is there tells of {found[0]} to whoever holds the phone; "
                    "use promote_when, or offer it after verification"
                )
                yield advice(("steps", name, "options", index, "when"), "tells-unverified", message)


def _told_by_the_bank(outline: Outline) -> frozenset[str]:
    """Values that operations give, and those that are worked out from them."""
    steps = outline.book.steps.values()
    found: set[str] = set()
    for step in steps:
        if isinstance(step, Transact) and step.do in OPERATIONS:
            found |= OPERATIONS[step.do].gives.keys()
    made: dict[str, set[str]] = {}  # value → the values that are worked out from it
    for step in steps:
        for name, text in step.values.items() if isinstance(step, Set) else ():
            for source in values_named(text):
                made.setdefault(source, set()).add(name)
    waiting = list(found)
    while waiting:
        more = made.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return frozenset(found)
