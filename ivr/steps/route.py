"""State a need, wait with music, and be connected to the agent whom the dispatcher found.

The dispatcher only claims; the caller's own coroutine carries the offer out: pop, ring, talk, and back to the front of
the queue when nobody answers. A wake is a hint: on each return from a wait the standing is read afresh.
"""

import asyncio

import structlog

from ivr.call import Call
from ivr.pop import pop_for_call
from ivr.ports import ROUTING, Clip, Dialled, DialStatus, NeedWish, Standing, Waited
from ivr.queues import Queue
from menus.schema import Route
from menus.walk import Failed, Finished, Input, Position, Pressed
from routing.call import CallEvent, CallState, move_call
from routing.errors import StoreAway
from routing.offer import Claimed, OfferEvent

log = structlog.get_logger()

#: Longest wait without a look at the store, seconds: what a lost wake costs at most.
LOOK_AGAIN_S = 2.0
#: How long the dispatcher gets to find an agent who is free already; a wake ends it early.
AT_ONCE_S = 0.3
#: How long a caller in silence waits for the store before music begins; what was not stored is tried again.
STATE_S = 0.5

#: How an unanswered ring closes its offer.
UNANSWERED = {
    DialStatus.NO_ANSWER: OfferEvent.MISS,
    DialStatus.BUSY: OfferEvent.DECLINE,
    DialStatus.DECLINED: OfferEvent.DECLINE,
    DialStatus.UNREACHABLE: OfferEvent.FAIL,
}


async def route(call: Call, step: Route, position: Position) -> Input:
    """Wait for an agent who fits and talk to them."""
    call.typed_ahead = None  # meant for a menu, which the caller has left
    queue = call.parts.queues[step.queue]
    wish = NeedWish(
        queue=step.queue,
        required=queue.required(step.needs),
        language=call.language,
        reason=step.reason,
        tier=step.tier,
        credit_s=(queue.credit_minutes + step.credit_minutes) * 60,
    )
    if call.state is CallState.MENU:
        call.state = move_call(call.state, CallEvent.NEED)
        call.parts.log.moved(call.id, CallEvent.NEED)
        call.note("need", queue=step.queue, reason=step.reason, required=dict(wish.required), tier=step.tier)
    await call.parts.log.settle(call.id, deadline_s=call.parts.settings.calls.store_s)
    stated = await _state_need(call, wish)
    return await _wait(call, queue, wish, position, stated)


async def _state_need(call: Call, wish: NeedWish) -> bool:
    """Put the need into the store; False when the store is away: the caller waits and it is tried again."""
    try:
        async with asyncio.timeout(STATE_S):
            await call.parts.exchange.open_need(call.id, wish, now=call.now())
    except (TimeoutError, StoreAway):
        log.warning("the store is away; the caller waits, the need is stated again")
        return False
    call.parts.hints.nudge(ROUTING)
    call.parts.desk.changed()
    return True


async def _wait(call: Call, queue: Queue, wish: NeedWish, position: Position, stated: bool) -> Input:
    leg, live = call.leg, call.live
    began = call.parts.clock.monotonic()
    announced_at, announced = began, 0
    if not (stated and await _found_at_once(call)):
        await _tell(call, call.prompt(call.edition.book.waiting.hold))
    await leg.hold()
    while True:
        waited_s = call.parts.clock.monotonic() - began
        if waited_s >= queue.max_wait_s:
            return await _leave(call, Failed())
        await leg.arm(LOOK_AGAIN_S + call.parts.settings.calls.dead_man_s)
        live.waiting = True
        standing = await _standing(call) if stated else None
        pressed: str | Waited = Waited.WOKEN
        if standing is None or standing.offer is None:
            pressed = await leg.wait(min(LOOK_AGAIN_S, queue.max_wait_s - waited_s))
            standing = await _standing(call) if stated else None
        live.waiting = False
        if standing is not None and standing.offer is not None:
            if await _connect(call, queue, standing, standing.offer):
                return Finished()
            await leg.hold()
            continue
        if pressed == call.edition.book.back_key and position.trail:
            return await _leave(call, Pressed(pressed))
        if standing is None:
            stated = await _state_need(call, wish)
            continue
        if call.parts.clock.monotonic() - announced_at >= queue.announce_every_s:
            announced = await _announce(call, standing, announced)
            announced_at = call.parts.clock.monotonic()


async def _found_at_once(call: Call) -> bool:
    """Whether an agent was free: then nobody needs to be told to hold."""
    call.live.waiting = True
    await call.leg.wait(AT_ONCE_S)
    call.live.waiting = False
    standing = await _standing(call)
    return standing is not None and standing.offer is not None


async def _standing(call: Call) -> Standing | None:
    try:
        return await call.parts.exchange.standing(call.id, now=call.now())
    except StoreAway:
        return Standing(position=0, since=call.now(), offer=None)


async def _announce(call: Call, standing: Standing, last: int) -> int:
    """Say the position when it has got better, else a word of comfort; answers with the position last said."""
    words = call.edition.book.waiting
    if standing.position > 0 and (last == 0 or standing.position < last):
        clips, last = call.prompt(words.position, position=standing.position), standing.position
    else:
        clips = call.prompt(words.still)
    await call.leg.unhold()
    await _tell(call, clips)
    await call.leg.hold()
    return last


async def _tell(call: Call, clips: tuple[Clip, ...]) -> None:
    """Say something to a waiting caller; an agent who is found meanwhile is not kept waiting for its end."""
    call.live.waiting = True
    await call.say(clips, keys="", wakeable=True)
    call.live.waiting = False


async def _leave(call: Call, came: Input) -> Input:
    """The caller stops waiting, by a key or because nobody came."""
    await call.leg.unhold()
    try:
        await leave_queue(call, "gave_up")
    except StoreAway:
        log.warning("the store is away; the need lapses with its offers, or when the call ends")
    call.state = move_call(call.state, CallEvent.RETURN)
    call.parts.log.moved(call.id, CallEvent.RETURN)
    return came


async def _connect(call: Call, queue: Queue, standing: Standing, offer: Claimed) -> bool:
    """Carry an offer out, or store what came of it if the store was away then. True: the caller goes on in the book."""
    try:
        if standing.answered:  # a conversation whose end was not stored: of this visit to the queue, or an earlier one
            first = not call.talked
            await finish_talk(call)
            return first
        if offer.offer_id in call.unstored:
            await _put_back(call, offer, call.unstored[offer.offer_id])
            return False
    except StoreAway:
        await call.leg.wait(LOOK_AGAIN_S)
        return False
    return await carry_out(call, queue, offer)


async def carry_out(call: Call, queue: Queue, offer: Claimed) -> bool:
    """Pop, ring and talk. True after a conversation; False when the need is back in the queue with its age."""
    live = call.live
    live.offer, live.answered = offer, False
    await _show(call, offer)
    await call.leg.unhold()
    await _renew(call, queue, offer)
    started = call.now()
    dialled = await call.leg.dial(offer.phone, ring_s=queue.ring_s, offer_id=offer.offer_id)
    if dialled.status is DialStatus.ANSWERED or live.answered:
        call.talked_s += call.now() - started
        await _talked(call, offer, dialled)
        return True
    event = UNANSWERED[dialled.status]
    call.note("offer_closed", agent=offer.agent_name, how=str(dialled.status), rang_s=round(call.now() - started, 2))
    live.offer = None
    try:
        await _put_back(call, offer, event)
    except StoreAway:
        log.warning("the store is away; the end of the offer is stored later, or it expires by its lease")
    return False


async def _renew(call: Call, queue: Queue, offer: Claimed) -> None:
    """The offer is held for as long as its phone may ring; what cannot be stored now the watcher renews."""
    lease_s = queue.ring_s + call.parts.settings.routing.offer_lease_s
    try:
        async with asyncio.timeout(STATE_S):
            await call.parts.exchange.renew(offer.offer_id, offer.fence, now=call.now(), lease_s=lease_s)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; the lease of the offer is renewed later")


async def _put_back(call: Call, offer: Claimed, event: OfferEvent) -> None:
    """Close an offer whose phone was not answered: the need is back with its age, the agent set aside."""
    parts = call.parts
    call.unstored[offer.offer_id] = event
    await parts.exchange.close_offer(offer.offer_id, offer.fence, event, now=call.now(), wrap_up_s=0)
    del call.unstored[offer.offer_id]
    parts.hints.nudge(ROUTING)
    parts.desk.changed(offer.agent_id)


async def _show(call: Call, offer: Claimed) -> None:
    """Show the pop and give it its head start; a pop that fails never holds the call."""
    parts = call.parts
    begun = parts.clock.monotonic()
    try:
        async with asyncio.timeout(parts.settings.routing.pop_s + parts.settings.calls.lookup_s):
            pop = await pop_for_call(parts, offer)
            shown = pop is not None and await parts.desk.pop(
                offer.agent_id, pop, deadline_s=parts.settings.routing.pop_s
            )
    except (TimeoutError, StoreAway):
        shown = False
    except Exception:
        log.exception("a pop could not be shown; the phone rings without it")
        shown = False
    call.note("popped", agent=offer.agent_name, shown=shown, ms=round((parts.clock.monotonic() - begun) * 1000, 1))


async def _talked(call: Call, offer: Claimed, dialled: Dialled) -> None:
    """The agent has hung up: wrap-up begins, the caller goes on in the book."""
    call.live.answered = call.talked = True
    call.note("offer_closed", agent=offer.agent_name, how="talked", talked_s=round(dialled.talked_s, 1))
    try:
        await finish_talk(call)
    except StoreAway:
        log.warning("the store is away; the sweep ends the conversation for agent and need")
    call.state = move_call(call.state, CallEvent.RETURN)
    call.parts.log.moved(call.id, CallEvent.RETURN)


async def finish_talk(call: Call) -> bool:
    """Close the conversation of this call, if there was one: need served, agent in wrap-up. Raises StoreAway."""
    parts = call.parts
    standing = await parts.exchange.standing(call.id, now=call.now())
    offer = call.live.offer or (standing.offer if standing is not None else None)
    if offer is None or not (call.live.answered or (standing is not None and standing.answered)):
        return False
    call.talked = True
    queue = parts.queues.get(standing.queue) if standing is not None else None
    wrap_up_s = queue.wrap_up_s if queue is not None else 0
    now = call.now()
    if not await parts.exchange.close_offer(
        offer.offer_id, offer.fence, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s
    ):  # the offer had lapsed before its answer was stored; nobody else needs to come
        await parts.exchange.close_need(call.id, "served", now=now)
    call.live.offer = None
    parts.hints.nudge(ROUTING)
    parts.desk.changed(offer.agent_id)
    return True


async def leave_queue(call: Call, outcome: str) -> None:
    """Close the need of this call, if it has one."""
    await call.parts.exchange.close_need(call.id, outcome, now=call.now())
    call.parts.hints.nudge(ROUTING)
    call.parts.desk.changed()
