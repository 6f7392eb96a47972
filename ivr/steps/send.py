"""Send a text message: to the number that calls, or to the verified customer's own mobile number."""

import asyncio

import structlog

from ivr.call import Call
from ivr.errors import BankAway
from ivr.numbers import is_mobile, masked
from ivr.ports import TextMessage
from menus.errors import UnfitValue
from menus.schema import Send
from menus.walk import Input, Left, Position
from menus.written import filled
from routing.errors import StoreAway

log = structlog.get_logger()

#: How long the caller waits for the message to be stored, seconds. It is sent in the background.
STORE_S = 2.0


async def send(call: Call, step: Send, position: Position) -> Input:
    """Put the message into the outbox, once per visit; why it was not is in the record, and the book goes on."""
    parts = call.parts
    await call.allow(STORE_S + parts.settings.bank.deadline_s)
    number, outcome = None, _refusal(call, step, position)
    if outcome is None:
        number = call.facts.ani if step.to == "caller" else await _mobile(call, position)
        outcome = "no_number" if number is None else await _send(call, step, position, number)
    call.note("message", template=step.template, to=masked(number) if number else "", outcome=outcome)
    return Left("then" if outcome == "taken" else "otherwise")


def _refusal(call: Call, step: Send, position: Position) -> str | None:
    """Why this caller may not be sent this message; None when they may."""
    verified = position.verified_as is not None
    private = call.edition.book.templates[step.template].private or step.to == "customer"
    return "not_verified" if private and not verified else None


async def _mobile(call: Call, position: Position) -> str | None:
    """The verified customer's mobile number."""
    if position.verified_as is None:
        return None
    deadline_s = call.parts.settings.bank.deadline_s
    try:
        customer = await call.parts.bank.customer(position.verified_as, now=call.now(), deadline_s=deadline_s)
    except BankAway:
        log.warning("the bank does not tell the customer's number in time")
        return None
    return next((number for number in customer.numbers if is_mobile(number)), None) if customer else None


async def _send(call: Call, step: Send, position: Position, number: str) -> str:
    """What came of it, in a word."""
    template = call.edition.book.templates[step.template]
    try:
        text = filled(template.text[call.language], call.language, position.values)
    except (UnfitValue, KeyError) as lacking:
        log.warning("a message cannot be written", template=step.template, why=str(lacking))
        return "unwritten"
    message = TextMessage(
        to=number,
        text=text,
        key=f"{call.id}:{position.visit}",
        call_id=call.id,
        customer_id=position.verified_as or call.facts.customer_id,
        template=step.template,
    )
    try:
        async with asyncio.timeout(STORE_S):
            return "taken" if await call.parts.messenger.send(message, now=call.now()) else "opted_out"
    except (TimeoutError, StoreAway):
        log.warning("the store is away; a message was not taken")
        return "store_away"
