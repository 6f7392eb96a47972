"""One call from arrival to ending: who is it, where were they, walk the book step by step, write how it ended.

One coroutine per call. A caller who hangs up, an engine that stops and a line that breaks all leave through `converse`,
which closes what the call had open. A new ability is a new file in `ivr/steps/`, never a longer file here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from ivr.call import Call
from ivr.errors import HungUp, LineBroken
from ivr.numbers import e164
from ivr.parts import Edition, LiveCall, Parts
from ivr.ports import Leg, Resumed
from ivr.steps import STEPS
from ivr.steps.route import finish_talk, leave_queue
from menus.facts import CallerFacts
from menus.walk import Finished, Move, Position, Verdict, enter, follow, resume
from routing.call import CallState, Ending, Reason, Result
from routing.errors import StoreAway
from routing.offer import OfferEvent

log = structlog.get_logger()

#: Seconds in which what a departed caller leaves behind must be put in order; past it the sweep does it.
CLEAN_UP_S = 5.0
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
        await leg.done()
        _end(call, ending)
    except HungUp:
        if call is not None:
            async with _shielded():
                await _departed(call)
    except LineBroken as fault:
        log.warning("line broken; the dialplan takes the call on", why=str(fault))
    except Exception:
        log.exception("a conversation failed; the dialplan takes the call on")
        if call is not None:
            call.note("fault")
    finally:
        parts.live.pop(arrival.call_id, None)
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
            parts.log.resume(arrival.call_id, deadline_s=limits.lookup_s),
        )
    else:
        facts = await parts.directory.find(ani, now=started, deadline_s=limits.lookup_s)
    edition = parts.edition(resumed.book_version if resumed else None)
    language = _language(resumed, facts, edition)
    call = Call(leg, parts, edition, facts, language, live, resumed.started_at if resumed else started)
    if resumed is None:
        parts.log.opened(arrival, now=started, facts=facts, language=language, book_version=edition.version)
    call.note(
        "identified" if resumed is None else "resumed",
        matches=facts.matches,
        customer_id=facts.customer_id,
        language=language,
        ms=round((parts.clock.monotonic() - clock_from) * 1000, 1),
        rung=arrival.rung,
    )
    log.info("call", rung=arrival.rung, dnis=arrival.dnis, customer=facts.customer_id, matches=facts.matches)
    if resumed is None:
        return call, enter(edition.book, language)
    return call, await _take_up(call, resumed)


async def _take_up(call: Call, resumed: Resumed) -> Position:
    """Where a call goes on that another engine had: at its step; after a conversation, at what follows it."""
    position = resume(call.edition.book, resumed.position, call.language)
    standing = await call.parts.exchange.standing(call.id, now=call.now())
    if standing is None:
        return position
    call.state = CallState.WAITING
    if standing.answered:
        await finish_talk(call)
        return follow(call.edition.book, position, Finished()).position or enter(call.edition.book, call.language)
    if standing.offer is not None:
        await call.parts.exchange.close_offer(
            standing.offer.offer_id, standing.offer.fence, OfferEvent.EXPIRE, now=call.now(), wrap_up_s=0
        )
    return position


async def _walk(call: Call, position: Position) -> Ending:
    """Step after step until the book ends or the longest time is over."""
    book, limits = call.edition.book, call.parts.settings.calls
    while True:
        if call.now() - call.started_at > limits.longest_s:
            return Ending(Result.FAILED, Reason.DEADLINE)
        step = book.steps[position.step]
        call.note("step", step=position.step, does=step.kind)
        call.parts.log.stands(call.id, position.to_json(), call.language)
        await call.parts.log.settle(call.id, deadline_s=limits.store_s)
        came = await STEPS[step.kind](call, step, position)
        moved = follow(book, position, came)
        _record(call, position, moved)
        await call.say_on(moved.say)
        if moved.position is None:
            return _ending(call, moved)
        position = moved.position
        call.language = position.language


def _record(call: Call, position: Position, moved: Move) -> None:
    """What came of a step, for the agent who may be next, for reports, and for the caller's next menu."""
    option = moved.option
    if option is not None:
        label = option.label.get(option.voice_in(call.language), option.id)
        call.note("key", menu=position.step, key=option.key, option=option.id, label=label)
        if call.facts.customer_id is not None and option.task is not None:
            call.parts.log.used(call.facts.customer_id, option.task, call.now(), call.id)
    elif moved.verdict in TELLING:
        call.note(str(moved.verdict), menu=position.step)


def _ending(call: Call, moved: Move) -> Ending:
    """A caller who has talked to an agent was served, whatever the book said last."""
    if call.talked or moved.outcome is None:
        return Ending(Result.SERVED, Reason.AGENT if call.talked else Reason.GOODBYE)
    return Ending(Result(moved.outcome.result), Reason(moved.outcome.reason))


async def _departed(call: Call) -> None:
    """The caller has hung up: close what they had open, and write how it ended."""
    ringing = call.live.offer is not None
    try:
        if ringing:
            await finish_talk(call)
        await leave_queue(call, "abandoned")
    except StoreAway:
        log.warning("the store is away; the sweep will close what this call had open")
        call.talked |= call.live.answered
    _end(call, call.left(ringing=ringing))


def _end(call: Call, ending: Ending) -> None:
    call.state = CallState.ENDED
    call.parts.log.ended(call.id, ending, call.now())
    call.parts.endings[str(ending)] += 1
    log.info("call ended", ending=str(ending), seconds=round(call.now() - call.started_at, 1))


@asynccontextmanager
async def _shielded() -> AsyncIterator[None]:
    """A deadline round clean-up."""
    try:
        async with asyncio.timeout(CLEAN_UP_S):
            yield
    except TimeoutError:
        log.warning("cleaning up after a call took too long; the sweep will do the rest")


def _language(resumed: Resumed | None, facts: CallerFacts, edition: Edition) -> str:
    wanted = (resumed.language if resumed else None) or facts.language
    languages = edition.book.languages
    return wanted if wanted in languages else languages[0]
