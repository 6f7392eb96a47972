"""Carry an offer out: the pop, the ring, the conversation, and what becomes of need, agent and callback."""

import asyncio

import structlog

from ivr.call import STATE_S, Call
from ivr.callbacks import tell_wish
from ivr.ports import ROUTING, Dialled, DialStatus, Standing, is_agent_first
from ivr.queues import Queue
from ivr.steps.handover import GOES_ON, WAITS, After, needs_no_callback
from ivr.steps.hold import carry_on
from ivr.steps.showing import show
from ivr.steps.talk_recording import begin_recording, end_recording
from routing.call import CallEvent, CallState, move_call
from routing.callback import CallbackEvent, of_call
from routing.errors import StoreAway
from routing.offer import Claimed, OfferEvent

log = structlog.get_logger()

#: Longest wait without a look at the store, seconds: what a lost wake costs at most.
LOOK_AGAIN_S = 2.0
#: How long a caller whose agent has left waits for the store to say whether they are to go anywhere, and how often the
#: store is asked, seconds.
ASKED_S, ASK_AGAIN_S = 4.0, 0.5
#: A conversation that ended so near to its limit was ended by it, seconds.
LIMIT_NEAR_S = 1.0

#: How an unanswered ring closes its offer.
UNANSWERED = {
    DialStatus.NO_ANSWER: OfferEvent.MISS,
    DialStatus.BUSY: OfferEvent.DECLINE,
    DialStatus.DECLINED: OfferEvent.DECLINE,
    DialStatus.UNREACHABLE: OfferEvent.FAIL,
}


async def connect(call: Call, queue: Queue, standing: Standing, offer: Claimed) -> After:
    """Carry an offer out, or store what came of it if the store was away then."""
    try:
        if standing.answered and standing.talk.goes_on(call.now()):  # with another engine, which has died since
            return await _go_on(call, queue, offer)
        if standing.answered:  # a conversation whose end was not stored: of this visit to the queue, or an earlier one
            first = not call.talked
            await finish_talk(call)
            return GOES_ON if first else WAITS
        if offer.offer_id in call.unstored:
            await _put_back(call, offer, call.unstored[offer.offer_id])
            return WAITS
    except StoreAway:
        await call.leg.wait(LOOK_AGAIN_S)
        return WAITS
    return await carry_out(call, queue, offer)


async def carry_out(call: Call, queue: Queue, offer: Claimed) -> After:
    """Pop, ring and talk; without an answer the need is back in the queue with its age."""
    live = call.live
    live.offer, live.answered, live.answered_at = offer, False, None
    live.agents.add(offer.phone)
    async with asyncio.TaskGroup() as group:  # the lease is renewed while the pop comes to stand
        renewed = group.create_task(_renew(call, queue, offer))
        await show(call, offer)
    await call.leg.unhold()
    if live.refused == offer.offer_id or not renewed.result():  # before the phone rang
        live.offer = None
        return WAITS
    await begin_recording(call)
    started = call.now()
    dialled = await call.leg.dial(
        offer.phone,
        ring_s=queue.ring_s,
        offer_id=offer.offer_id,
        limit=queue.talk_limit,
        auto_answer=offer.auto_answer,
    )
    if dialled.status is DialStatus.ANSWERED or live.answered:
        call.talked_s += call.now() - started
        if queue.max_talk_s and dialled.talked_s >= queue.max_talk_s - LIMIT_NEAR_S:
            call.note("talk_limit", agent=offer.agent_name, max_talk_s=queue.max_talk_s)
        return await _talked(call, queue, offer, dialled)
    event, rang_s = UNANSWERED[dialled.status], round(call.now() - started, 2)
    if event is OfferEvent.FAIL and not call.parts.switchboard.up:  # the switch takes no orders: no fault of the phone
        event = OfferEvent.WITHDRAW
    live.offer = None
    closed = True
    try:
        closed = await _put_back(call, offer, event)
    except StoreAway:
        log.warning("the store is away; the end of the offer is stored later, or it expires by its lease")
    how = str(dialled.status) if closed else "closed_before"  # refused on the desktop, or expired
    call.note("offer_closed", agent=offer.agent_name, how=how, rang_s=rang_s)
    return WAITS


async def _renew(call: Call, queue: Queue, offer: Claimed) -> bool:
    """The offer is held for as long as its phone may ring; what cannot be stored now the watcher renews.

    False when the offer is over already: nobody is to be rung.
    """
    lease_s = queue.ring_s + call.parts.settings.routing.offer_lease_s
    try:
        async with asyncio.timeout(STATE_S):
            return await call.parts.exchange.renew(offer.offer_id, offer.fence, now=call.now(), lease_s=lease_s)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; the lease of the offer is renewed later")
        return True


async def _put_back(call: Call, offer: Claimed, event: OfferEvent) -> bool:
    """Close an offer whose phone was not answered: the need is back with its age, the agent set aside.

    False when it was closed already.
    """
    parts = call.parts
    call.unstored[offer.offer_id] = event
    closed = await parts.exchange.close_offer(offer.offer_id, offer.fence, event, now=call.now(), wrap_up_s=0)
    del call.unstored[offer.offer_id]
    parts.hints.nudge(ROUTING)
    parts.desk.changed(offer.agent_id)
    return closed


async def _what_was_asked(call: Call, queue: Queue, offer: Claimed) -> After | None:
    """Go on as the agent wished when the caller left their phone; None when the conversation is simply over."""
    until = call.parts.clock.monotonic() + ASKED_S
    while True:
        try:
            seen = await call.parts.talks.of(call.id)
            break
        except StoreAway:
            if call.parts.clock.monotonic() >= until:
                log.warning("the store is away; nobody knows whether the agent wanted the caller to go anywhere")
                return None
        await call.leg.arm(ASK_AGAIN_S + call.parts.settings.calls.dead_man_s)
        await call.leg.wait(ASK_AGAIN_S)
    if seen is None or seen.offer.offer_id != offer.offer_id or not seen.talk.goes_on(call.now()):
        return None
    return await carry_on(call, queue, seen)


async def _talked(call: Call, queue: Queue, offer: Claimed, dialled: Dialled) -> After:
    """The agent's phone has left the caller: they go where the agent wished, or wrap-up begins and the book goes on."""
    call.live.answered = call.talked = True
    return await _go_on(call, queue, offer, talked_s=round(dialled.talked_s, 1))


async def _go_on(call: Call, queue: Queue, offer: Claimed, **said: float) -> After:
    """Where the agent wished the caller to go; else wrap-up begins and the book goes on."""
    after = await _what_was_asked(call, queue, offer)
    if after is not None and not after.book:
        return after
    if after is None:
        await _close(call, call.live.offer or offer, **said)
    call.state = move_call(call.state, CallEvent.RETURN)
    call.parts.log.moved(call.id, CallEvent.RETURN)
    return GOES_ON


async def _close(call: Call, offer: Claimed, **said: float) -> None:
    call.note("offer_closed", agent=offer.agent_name, how="talked", **said)
    try:
        await finish_talk(call)
    except StoreAway:
        log.warning("the store is away; the sweep ends the conversation for agent and need")


async def finish_talk(call: Call) -> bool:
    """Close the conversation of this call, if there was one: need served, agent in wrap-up. Raises StoreAway."""
    parts = call.parts
    standing = await parts.exchange.standing(call.id, now=call.now())
    offer = call.live.offer or (standing.offer if standing is not None else None)
    if offer is None or not (call.live.answered or (standing is not None and standing.answered)):
        return False
    call.talked = True
    await end_recording(call, talked=call.live.reached or not is_agent_first(call.live.channel))
    queue = parts.queues.get(standing.queue) if standing is not None else None
    wrap_up_s = queue.wrap_up_s if queue is not None else 0
    if not await _complete(call, offer, wrap_up_s):  # nobody else needs to come
        await parts.exchange.close_need(call.id, "served", now=call.now())
    call.live.offer = None
    await _close_callback(call, standing.queue if standing is not None else "")
    parts.hints.nudge(ROUTING)
    parts.desk.changed(offer.agent_id)
    return True


async def _complete(call: Call, offer: Claimed, wrap_up_s: float) -> bool:
    """End the conversation of an offer, also of one that was refused or lapsed before its answer was stored."""
    exchange, key, now = call.parts.exchange, (offer.offer_id, offer.fence), call.now()
    if await exchange.close_offer(*key, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s):
        return True
    late = await exchange.answered_late(*key, now=call.live.answered_at or now)
    return late and await exchange.close_offer(*key, OfferEvent.COMPLETE, now=now, wrap_up_s=wrap_up_s)


async def _close_callback(call: Call, queue: str) -> None:
    """Who has talked to an agent need not be called back: by the call that we made, or by one that they made."""
    parts, made = call.parts, of_call(call.id)
    if made is None:
        await needs_no_callback(call, queue)
        return
    if is_agent_first(call.live.channel) and not call.live.reached:
        return  # the agent was there, the customer did not pick up: they are called again
    try:
        await tell_wish(parts, *made, CallbackEvent.SERVE)
    except StoreAway:
        log.warning("the store is away; whoever talked may be called back all the same")


async def take_back(call: Call, standing: Standing) -> None:
    """The need of a call that another engine had in a queue: it waits on, an offer that was not answered has lapsed."""
    call.state = CallState.WAITING
    if standing.offer is not None:
        await call.parts.exchange.close_offer(
            standing.offer.offer_id, standing.offer.fence, OfferEvent.EXPIRE, now=call.now(), wrap_up_s=0
        )


async def leave_queue(call: Call, outcome: str) -> None:
    """Close the need of this call, if it has one."""
    await end_recording(call, talked=False)
    await call.parts.exchange.close_need(call.id, outcome, now=call.now())
    call.parts.hints.nudge(ROUTING)
    call.parts.desk.changed()
