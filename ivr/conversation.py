"""One call from arrival to ending: who is it, where were they, walk the book step by step, write how it ended.

One coroutine per call. A caller who hangs up, an engine that stops and a line that breaks all leave through `converse`,
which closes what the call had open. A new ability is a new file in `ivr/steps/`, never a longer file here.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import structlog

from ivr.call import Call
from ivr.called_back import connect_customer, find_callback, settle_callback
from ivr.errors import HungUp, LineBroken
from ivr.numbers import e164
from ivr.parts import Edition, LiveCall, Parts
from ivr.ports import CallbackSeen, Leg, Resumed, Standing
from ivr.steps import STEPS
from ivr.steps.handover import part
from ivr.steps.menu import freeze
from ivr.steps.talk import finish_talk, leave_queue, take_back
from menus.facts import CallerFacts
from menus.schema import Route
from menus.walk import Finished, Input, Left, Move, Position, Pressed, Verdict, enter, follow, resume
from routing.call import CallEvent, CallState, Ending, Reason, Result
from routing.callback import of_call
from routing.errors import StoreAway

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
    live = LiveCall(arrival.channel)
    parts.live[arrival.call_id] = live
    structlog.contextvars.bind_contextvars(call=arrival.call_id)
    call: Call | None = None
    called: CallbackSeen | None = None
    try:
        await leg.answer()
        await leg.arm(parts.settings.calls.dead_man_s)
        called = await find_callback(parts, arrival)
        call, position = await _begin(leg, parts, live, called)
        ending = await _serve(call, position, called)
        with suppress(HungUp):  # the caller was quicker than our last word; the book had ended all the same
            await leg.done()
        await _end(call, ending, called)
    except HungUp:
        if call is not None:
            await _departed(call, called)
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


async def _begin(leg: Leg, parts: Parts, live: LiveCall, called: CallbackSeen | None) -> tuple[Call, Position]:
    """Find out who calls, or was called back, and where a call stood that another rung or node had before."""
    arrival, limits = leg.arrival, parts.settings.calls
    started = parts.clock.now()
    ani = called.wish.number if called is not None else e164(arrival.ani, parts.settings.country)
    clock_from = parts.clock.monotonic()
    resumed: Resumed | None = None
    if arrival.rung > 1:
        facts, resumed = await asyncio.gather(
            parts.directory.find(ani, now=started, deadline_s=limits.lookup_s),
            parts.log.resume(arrival.call_id, deadline_s=RESUME_S),
        )
    else:
        facts = await parts.directory.find(ani, now=started, deadline_s=limits.lookup_s)
    edition = await _edition(parts, resumed, ani or arrival.call_id)
    if resumed is not None and (verified_as := (resumed.position or {}).get("verified_as")) is not None:
        facts = await _facts_of(parts, verified_as, facts)
    chosen = (resumed.language if resumed else None) or (called.wish.language if called else None) or facts.language
    language = enter(edition.book, chosen, arrival.dnis).language
    call = Call(leg, parts, edition, facts, language, live, resumed.started_at if resumed else started)
    call.taken_up = resumed is not None and resumed.position is not None
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
        if of_call(call.id) is None:
            parts.arrivals[entry, campaign or ""] += 1
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
    return call, position if arrival.rung == 1 or called is not None else await _take_up(call, position)


async def _edition(parts: Parts, resumed: Resumed | None, caller: str) -> Edition:
    """The book that the call began with; for a new call the one that is in use for this caller."""
    if resumed is None:
        return parts.edition_for(caller)
    begun = await parts.recall(resumed.book_version)
    if begun is None:
        log.warning("the book that the call began with cannot be had in time; it goes on in the one in use")
    return begun or parts.edition_for(caller)


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
    if standing.answered and in_queue and standing.talk.goes_on(call.now()):  # on hold, or to be handed on
        call.state = CallState.WAITING
        return position
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
    await take_back(call, standing)
    return position


async def _serve(call: Call, position: Position, called: CallbackSeen | None) -> Ending:
    """The whole conversation: of a customer whom we called back, first the way to the agent whom they waited for."""
    if called is not None:
        begun = await connect_customer(call, called)
        if isinstance(begun, Ending):
            return begun
        position = begun
    elif of_call(call.id) is not None and not call.taken_up:
        log.warning("a customer was called back whose wish has moved on; the call is ended")
        return Ending(Result.FAILED, Reason.FAULT)
    return await _walk(call, position)


async def _walk(call: Call, position: Position) -> Ending:
    """Step after step until the book ends or the longest time is over."""
    book, limits = call.edition.book, call.parts.settings.calls
    way: dict[str, str] = {}  # out of the step before, for who counts which ways are taken
    while True:
        if call.now() - call.started_at - call.talked_s > limits.longest_s:
            return Ending(Result.SERVED, Reason.AGENT) if call.talked else Ending(Result.FAILED, Reason.DEADLINE)
        step = book.steps[position.step]
        call.note("step", step=position.step, does=step.kind, **way)
        call.position = position
        call.parts.log.stands(call.id, position.to_json(), call.language)
        await call.parts.log.settle(call.id, deadline_s=limits.store_s)
        came = await STEPS[step.kind](call, step, position)
        position = call.position or position  # a menu adds how this call heard it
        moved = follow(book, position, came)
        _record(call, position, came, moved)
        way = {"by": came.by} if isinstance(came, Left) else {}
        if isinstance(came, Left) and came.verified_as is not None:
            call.parts.log.verified(call.id, came.verified_as, call.now())
            if came.verified_as != call.facts.customer_id:
                call.facts = await _facts_of(call.parts, came.verified_as, call.facts)
        if moved.verdict is Verdict.FROZEN:
            moved = freeze(call, moved)
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
        key = came.key if isinstance(came, Pressed) else option.key  # where keys may move: as it was offered
        call.note("key", menu=position.step, key=key, option=option.id, label=label, task=option.task)
        if call.facts.customer_id is not None and option.task is not None:
            call.parts.log.used(call.facts.customer_id, option.task, call.now(), call.id)
            call.facts = replace(call.facts, just_done=option.task)
    elif moved.verdict in TELLING:
        pressed = {"key": came.key} if isinstance(came, Pressed) else {}
        call.note(str(moved.verdict), menu=position.step, **pressed)


def _ending(call: Call, moved: Move) -> Ending:
    """A caller who has talked to an agent was served, and who to an outside number diverted, whatever came last."""
    if call.transferred and not call.talked:
        return Ending(Result.DIVERTED, Reason.TRANSFERRED)
    if call.talked or moved.outcome is None:
        return Ending(Result.SERVED, Reason.AGENT if call.talked else Reason.GOODBYE)
    return Ending(Result(moved.outcome.result), Reason(moved.outcome.reason))


async def _departed(call: Call, called: CallbackSeen | None) -> None:
    """The caller has hung up: close what they had open, and write how it ended."""
    ringing = call.live.offer is not None
    try:
        async with asyncio.timeout(CLEAN_UP_S):
            await part(call)
            talked = ringing and await finish_talk(call)
            if call.state is CallState.WAITING and not talked:
                await leave_queue(call, "abandoned")
    except (StoreAway, TimeoutError):
        log.warning("the store is away or slow; the sweep will close what this call had open")
    except Exception:
        log.exception("what a departed caller had open could not be closed; the sweep will do it")
    call.talked |= call.live.answered
    await _end(call, call.left(ringing=ringing), called)


async def _end(call: Call, ending: Ending, called: CallbackSeen | None) -> None:
    if called is not None:
        await settle_callback(call, called)
    call.state = CallState.ENDED
    call.parts.log.ended(call.id, ending, call.now())
    call.parts.endings[str(ending)] += 1
    log.info("call ended", ending=str(ending), seconds=round(call.now() - call.started_at, 1))
