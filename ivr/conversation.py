"""One call from arrival to ending: who is it, where were they, walk the book step by step, write how it ended.

One coroutine per call. A caller who hangs up, an engine that stops and a line that breaks all leave through `converse`,
which closes what the call had open. A new ability is a new file in `ivr/steps/`, never a longer file here.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import structlog

from ivr.call import Call
from ivr.errors import HungUp, LineBroken
from ivr.numbers import e164
from ivr.parts import Edition, LiveCall, Parts
from ivr.ports import Leg, Resumed, Standing
from ivr.steps import STEPS
from ivr.steps.route import finish_talk, leave_queue
from menus.facts import CallerFacts
from menus.schema import Route
from menus.walk import Finished, Input, Left, Move, Position, Pressed, Verdict, enter, follow, resume
from routing.call import CallEvent, CallState, Ending, Reason, Result
from routing.errors import StoreAway
from routing.offer import OfferEvent

log = structlog.get_logger()

#: Seconds in which what a departed caller leaves behind must be put in order; past it the sweep does it.
CLEAN_UP_S = 5.0
#: How long a call that comes back may look for where it stood; many may come back at once. Less than the dead-man time.
RESUME_S = 2.0
#: What came of a step that is worth telling without an option chosen.
TELLING = frozenset({Verdict.NO_INPUT, Verdict.INVALID, Verdict.REPEATED, Verdict.BACK, Verdict.GAVE_UP})


async def converse(leg: Leg, parts: Parts) -> None:
    """Serve one caller. Never raises but for cancellation: one call's fault ends that call alone."""
    arrival = leg.arrival
    live = LiveCall(arrival.call_id, arrival.uniqueid, arrival.channel)
    parts.live[arrival.call_id] = live
    structlog.contextvars.bind_contextvars(call=arrival.call_id)
    call: Call | None = None
    try:
        await leg.answer()
        await leg.arm(parts.settings.calls.dead_man_s)
        call, position = await _begin(leg, parts, live)
        ending = await _walk(call, position)
        with suppress(HungUp):  # the caller was quicker than our last word; the book had ended all the same
            await leg.done()
        _end(call, ending)
    except HungUp:
        if call is not None:
            await _departed(call)
    except LineBroken as fault:
        log.warning("line broken; the dialplan takes the call on", why=str(fault))
    except Exception:
        log.exception("a conversation failed; the dialplan takes the call on")
        if call is not None:
            call.note("fault")
    finally:
        if parts.live.get(arrival.call_id) is live:  # the next rung may have brought the call back to this node
            del parts.live[arrival.call_id]
        structlog.contextvars.unbind_contextvars("call")


async def _begin(leg: Leg, parts: Parts, live: LiveCall) -> tuple[Call, Position]:
    """Find out who calls and, for a call that another rung or node had before, where it stood."""
    arrival, limits = leg.arrival, parts.settings.calls
    started = parts.clock.now()
    ani = e164(arrival.ani, parts.settings.country)
    clock_from = parts.clock.monotonic()
    resumed: Resumed | None = None
    if arrival.rung > 1:
        facts, resumed = await asyncio.gather(
            parts.directory.find(ani, now=started, deadline_s=limits.lookup_s),
            parts.log.resume(arrival.call_id, deadline_s=RESUME_S),
        )
    else:
        facts = await parts.directory.find(ani, now=started, deadline_s=limits.lookup_s)
    edition = parts.edition(resumed.book_version if resumed else None)
    if resumed is not None and (verified_as := (resumed.position or {}).get("verified_as")) is not None:
        facts = await _facts_of(parts, verified_as, facts)
    language = _language(resumed, facts, edition, arrival.dnis)
    call = Call(leg, parts, edition, facts, language, live, resumed.started_at if resumed else started)
    if resumed is None:
        entry = edition.book.entry_for(arrival.dnis)
        campaign = edition.book.entries[entry].campaign if entry else None
        parts.log.opened(
            arrival,
            now=started,
            facts=facts,
            language=language,
            book_version=edition.version,
            entry=entry,
            campaign=campaign or "",
        )
    call.note(
        "identified" if resumed is None else "resumed",
        matches=facts.matches,
        customer_id=facts.customer_id,
        language=language,
        ms=round((parts.clock.monotonic() - clock_from) * 1000, 1),
        rung=arrival.rung,
    )
    log.info("call", rung=arrival.rung, dnis=arrival.dnis, customer=facts.customer_id, matches=facts.matches)
    position = enter(edition.book, language, arrival.dnis)
    if resumed is not None:
        position = resume(edition.book, resumed.position, language, arrival.dnis)
    return call, position if arrival.rung == 1 else await _take_up(call, position)


async def _facts_of(parts: Parts, customer_id: int, facts: CallerFacts) -> CallerFacts:
    """Facts of a verified customer; what the number told when they cannot be found out in time."""
    now, deadline_s = parts.clock.now(), parts.settings.calls.lookup_s
    found = await parts.directory.customer(customer_id, ani=facts.ani, now=now, deadline_s=deadline_s)
    return found or replace(facts, customer_id=customer_id)


async def _take_up(call: Call, position: Position) -> Position:
    """Where a call goes on that another engine had: at its step; after a conversation, at what follows it."""
    try:
        standing = await call.parts.exchange.standing(call.id, now=call.now())
        return position if standing is None else await _take_up_need(call, position, standing)
    except StoreAway:
        log.warning("the store is away; the call goes on at its step, its need is looked at again when it is stated")
        return position


async def _take_up_need(call: Call, position: Position, standing: Standing) -> Position:
    in_queue = isinstance(call.edition.book.steps[position.step], Route)
    if standing.answered:
        await finish_talk(call)
        call.parts.log.moved(call.id, CallEvent.RETURN)
        moved = follow(call.edition.book, position, Finished()) if in_queue else None
        return position if moved is None or moved.position is None else moved.position
    if not in_queue:  # the wish to leave the queue was not stored
        await call.parts.log.settle(call.id, deadline_s=call.parts.settings.calls.store_s)  # only its node may close it
        await leave_queue(call, "gave_up")
        call.parts.log.moved(call.id, CallEvent.RETURN)
        return position
    call.state = CallState.WAITING
    if standing.offer is not None:
        await call.parts.exchange.close_offer(
            standing.offer.offer_id, standing.offer.fence, OfferEvent.EXPIRE, now=call.now(), wrap_up_s=0
        )
    return position


async def _walk(call: Call, position: Position) -> Ending:
    """Step after step until the book ends or the longest time is over."""
    book, limits = call.edition.book, call.parts.settings.calls
    while True:
        if call.now() - call.started_at - call.talked_s > limits.longest_s:
            return Ending(Result.SERVED, Reason.AGENT) if call.talked else Ending(Result.FAILED, Reason.DEADLINE)
        step = book.steps[position.step]
        call.note("step", step=position.step, does=step.kind)
        call.position = position
        call.parts.log.stands(call.id, position.to_json(), call.language)
        await call.parts.log.settle(call.id, deadline_s=limits.store_s)
        came = await STEPS[step.kind](call, step, position)
        moved = follow(book, position, came)
        _record(call, position, came, moved)
        if isinstance(came, Left) and came.verified_as is not None:
            call.parts.log.verified(call.id, came.verified_as, call.now())
            if came.verified_as != call.facts.customer_id:
                call.facts = await _facts_of(call.parts, came.verified_as, call.facts)
        await call.say_on(moved.say)
        if moved.position is None:
            return _ending(call, moved)
        position = moved.position
        call.language = position.language


def _record(call: Call, position: Position, came: Input, moved: Move) -> None:
    """What came of a step, for the agent who may be next, for reports, and for the caller's next menu."""
    option = moved.option
    if option is not None:
        label = option.label.get(option.voice_in(call.language), option.id)
        call.note("key", menu=position.step, key=option.key, option=option.id, label=label)
        if call.facts.customer_id is not None and option.task is not None:
            call.parts.log.used(call.facts.customer_id, option.task, call.now(), call.id)
            call.facts = replace(call.facts, just_done=option.task)
    elif moved.verdict in TELLING:
        pressed = {"key": came.key} if isinstance(came, Pressed) else {}
        call.note(str(moved.verdict), menu=position.step, **pressed)


def _ending(call: Call, moved: Move) -> Ending:
    """A caller who has talked to an agent was served, whatever the book said last."""
    if call.talked or moved.outcome is None:
        return Ending(Result.SERVED, Reason.AGENT if call.talked else Reason.GOODBYE)
    return Ending(Result(moved.outcome.result), Reason(moved.outcome.reason))


async def _departed(call: Call) -> None:
    """The caller has hung up: close what they had open, and write how it ended."""
    ringing = call.live.offer is not None
    try:
        async with asyncio.timeout(CLEAN_UP_S):
            talked = ringing and await finish_talk(call)
            if call.state is CallState.WAITING and not talked:
                await leave_queue(call, "abandoned")
    except (StoreAway, TimeoutError):
        log.warning("the store is away or slow; the sweep will close what this call had open")
    except Exception:
        log.exception("what a departed caller had open could not be closed; the sweep will do it")
    call.talked |= call.live.answered
    _end(call, call.left(ringing=ringing))


def _end(call: Call, ending: Ending) -> None:
    call.state = CallState.ENDED
    call.parts.log.ended(call.id, ending, call.now())
    call.parts.endings[str(ending)] += 1
    log.info("call ended", ending=str(ending), seconds=round(call.now() - call.started_at, 1))


def _language(resumed: Resumed | None, facts: CallerFacts, edition: Edition, dnis: str) -> str:
    wanted = (resumed.language if resumed else None) or facts.language
    return enter(edition.book, wanted, dnis).language
