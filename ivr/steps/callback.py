"""Take the wish to be called back: to which number, when, and with which place in the queue."""

import asyncio
from datetime import datetime, time

import structlog

from ivr.call import Call
from ivr.numbers import e164, masked
from ivr.ports import CALLBACKS, CallbackWish, NeedWish
from ivr.steps.complaint import tier_and_terms
from ivr.steps.wanted import wanted_agent
from ivr.steps.wishes import caller_credit_s, promised, queued_before
from menus.schema import Callback
from menus.walk import Input, Left, Position
from routing.errors import StoreAway

log = structlog.get_logger()

#: How long a caller in silence waits for the store to keep their wish.
KEEP_S = 2.0
#: Leads on when nobody could be called back.
NOT_KEPT = Left("otherwise")


async def callback(call: Call, step: Callback, position: Position) -> Input:
    """Keep the wish; the values say when the phone will ring at the earliest."""
    parts, number = call.parts, number_of(call, step, position)
    due = due_at(call, step, position)
    if number is None or due is None or call.edition.book.calling_back is None:
        call.note("callback", outcome="refused", number=number is not None, due=due is not None)
        return NOT_KEPT
    wish = await wish_of(call, step, position, number, due)
    try:
        await call.leg.arm(KEEP_S + parts.settings.calls.dead_man_s)
        async with asyncio.timeout(KEEP_S):
            id_ = await parts.callbacks.request(wish, now=call.now())
    except (TimeoutError, StoreAway):
        log.warning("the store is away; the wish to be called back is not kept")
        return NOT_KEPT
    parts.hints.nudge(CALLBACKS)
    call.note("callback", outcome="kept", id=id_, queue=wish.queue, time=step.time, due_at=due.timestamp())
    log.info("a callback is wished", id=id_, queue=wish.queue, time=step.time, number=masked(number))
    return Left(values={"callback_on": due.date(), "callback_at": due.time().replace(second=0, microsecond=0)})


def number_of(call: Call, step: Callback, position: Position) -> str | None:
    """The number to call; None when there is none, or it may not be called."""
    settings, number = call.parts.settings, call.facts.ani
    if step.number is not None:
        number = e164(str(position.values.get(step.number, "")), settings.country)
    return number if number is not None and settings.outbound.permits(number) else None


def due_at(call: Call, step: Callback, position: Position) -> datetime | None:
    """When the phone may ring at the earliest, by the site's clock; None when there is no such time."""
    now, hours = call.local_time(), call.edition.hours
    if step.time != "at":
        return now if step.hours is None else hours.next_open(step.hours, now)
    wished = position.values.get(step.at or "")
    return hours.next_at(step.hours, wished, now) if isinstance(wished, time) else None


async def wish_of(call: Call, step: Callback, position: Position, number: str, due: datetime) -> CallbackWish:
    """The wish, with the age and the credit that its need will have."""
    need, due_at = await _need_of(call, step, position), due.timestamp()
    keeps_place = step.time == "keep_place" or (step.as_queued and step.time == "now")
    return CallbackWish(
        call_id=call.id,
        number=number,
        customer_id=call.facts.customer_id if number == call.facts.ani else position.verified_as,
        queue=need.queue,
        reason=need.reason,
        language=call.language,
        kind="keep_place" if keeps_place and need.since is not None else step.time,
        since=need.since if keeps_place and need.since is not None else due_at,
        due_at=due_at,
        required=need.required,
        tier=need.tier,
        credit_s=need.credit_s,
        terms=need.terms,
        hours=step.hours,
    )


async def _need_of(call: Call, step: Callback, position: Position) -> NeedWish:
    """What the caller will need: as in the queue that they come from, where the step says so; else as the step says."""
    if step.time == "keep_place" or step.as_queued:
        before = queued_before(call, position.values)
        if before is not None:
            return before
    queue = call.parts.queues[step.queue]
    terms = promised(call, call.parts.queues.terms(step.queue, call.facts, await wanted_agent(call, queue)))
    tier, terms = await tier_and_terms(call, queue, step, position, terms)
    credit_s = queue.credit_minutes * 60 + caller_credit_s(call)
    return NeedWish(step.queue, queue.required(step.needs), call.language, step.reason, tier, credit_s, terms=terms)
