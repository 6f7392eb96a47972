"""Connect the caller to an outside number of the book, and go on when that conversation is over."""

import structlog

from ivr.call import Call
from ivr.ports import DialStatus
from menus.schema import Transfer
from menus.walk import Input, Left, Position

log = structlog.get_logger()


async def transfer(call: Call, step: Transfer, position: Position) -> Input:
    """Ring the number; a caller who comes back after a conversation goes on in the book."""
    call.typed_ahead = None  # meant for a menu, which the caller has left
    number = call.edition.book.numbers.get(step.to, "")
    if not call.parts.settings.outbound.permits(number):
        log.error("a number of the book may not be called; see outbound.allow", name=step.to)
        call.note("transfer", to=step.to, outcome="not_allowed")
        return Left("otherwise")
    return Left("then" if await ring_outside(call, number, step.to, ring_s=step.ring_s) else "otherwise")


async def ring_outside(call: Call, number: str, named: str, *, ring_s: float) -> bool:
    """Ring an outside number and let them talk; whether it was answered. `named`: how the record calls the number."""
    call.note("transfer", to=named, outcome="ringing")
    live, started = call.live, call.now()
    live.outside, live.outside_answered = True, False
    dialled = await call.leg.transfer(number, ring_s=ring_s)
    answered = dialled.status is DialStatus.ANSWERED or live.outside_answered
    live.outside = live.outside_answered = False
    await call.leg.arm(call.parts.settings.calls.dead_man_s)
    if answered:
        call.transferred = True
        call.talked_s += call.now() - started
    call.note("transfer", to=named, outcome=str(dialled.status), talked_s=round(dialled.talked_s, 1))
    return answered
