"""A customer whom we called back has picked up: let them ask for the agent, and put them at their place in the queue.

Only a key connects, so that no agent talks to an answering machine. What becomes of the wish is written by whoever
ends the call; when that engine dies, `ivr/callbacks.py` finds it out.
"""

import asyncio

import structlog

from ivr.call import Call
from ivr.callbacks import again_at, tell_wish
from ivr.parts import Parts
from ivr.ports import CALLBACKS, CallbackSeen, NeedWish, is_agent_first
from ivr.steps.menu import key_within
from ivr.steps.route import queue_waited_in, wait_for_agent
from ivr.steps.talk import finish_talk, take_back
from menus.schema import CallingBack
from menus.walk import Failed, Position, enter
from routing.call import Arrival, CallEvent, CallState, Ending, Reason, Result
from routing.callback import CallbackEvent, CallbackState, after_a_failure, of_call
from routing.errors import StoreAway

log = structlog.get_logger()

#: How often the greeting is said.
GREETINGS = 2
#: How long the store may take to say whom we have called.
FIND_S = 2.0
#: How long a wish is held for a customer who asked to be connected, before the switch is asked whether they are there.
CONNECTED_S = 60.0


async def find_callback(parts: Parts, arrival: Arrival) -> CallbackSeen | None:
    """The wish that this call carries out; None when the customer called us, or the wish has moved on."""
    made = of_call(arrival.call_id)
    if made is None:
        return None
    try:
        async with asyncio.timeout(FIND_S):
            return await parts.callbacks.find(*made)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; nobody knows why this customer was called")
        return None


async def connect_customer(call: Call, callback: CallbackSeen) -> Position | Ending:
    """Greet, wait for the key, then for an agent. Where the call goes on after that, or how it ends."""
    part, wish = call.edition.book.calling_back, callback.wish
    queue = call.parts.queues.get(wish.queue)
    if part is None or queue is None:
        log.error("a callback cannot be carried out: the book has no calling_back, or nobody serves its queue")
        return Ending(Result.FAILED, Reason.BROKEN_BOOK)
    call.note("called_back", id=callback.id, tries=callback.tries, wished_by=wish.call_id)
    if is_agent_first(call.live.channel):
        call.live.reached = callback.state is CallbackState.TALKING  # with an engine that has died since
        if await _has_talked(call):
            return _after_talk(call, part)
    elif callback.state is CallbackState.DIALLING:
        if not await _asks_for_agent(call, part):
            return Ending(Result.LEFT, Reason.NO_INPUT)
    elif await _has_talked(call):  # with another engine, which has died since
        return enter(call.edition.book, call.language, at=part.then)
    name = await queue_waited_in(call, wish.queue) if call.state is CallState.WAITING else wish.queue
    queue = call.parts.queues[name]
    need = NeedWish(
        queue=name,
        required=wish.required,
        language=wish.language,
        reason=f"Callback: {wish.reason}",
        tier=wish.tier,
        credit_s=wish.credit_s,
        since=wish.since,
        terms=wish.terms,
    )

    async def accepted() -> None:
        """Until their own need stands in the queue the agent is left to the wish."""
        if callback.state is CallbackState.DIALLING and not is_agent_first(call.live.channel):
            await tell(call, callback, CallbackEvent.ACCEPT, until=call.now() + CONNECTED_S)

    otherwise = enter(call.edition.book, call.language, at=part.otherwise)
    came = await wait_for_agent(call, queue, need, otherwise, once_stated=accepted)
    if is_agent_first(call.live.channel):
        return Ending(Result.DIVERTED, Reason.NO_AGENTS) if isinstance(came, Failed) else _after_talk(call, part)
    return enter(call.edition.book, call.language, at=part.otherwise if isinstance(came, Failed) else part.then)


def _after_talk(call: Call, part: CallingBack) -> Position | Ending:
    """With the agent first: on in the book with a customer who was reached; else nobody is there to hear it."""
    if not call.live.reached:
        return Ending(Result.LEFT, Reason.WHILE_RINGING)
    return enter(call.edition.book, call.language, at=part.then)


async def _asks_for_agent(call: Call, part: CallingBack) -> bool:
    for _ in range(GREETINGS):
        key = (await call.say(call.prompt(part.greeting))).key or await key_within(call, part.timeout_s)
        if key == part.connect_key:
            call.note("key", menu="calling_back", key=key, option="connect", label="asked to be connected")
            return True
    return False


async def _has_talked(call: Call) -> bool:
    """Whether a call that another engine had has talked to an agent; if not, it waits on at its place."""
    try:
        standing = await call.parts.exchange.standing(call.id, now=call.now())
        if standing is not None and not standing.answered:
            await take_back(call, standing)
        if standing is not None and standing.answered and standing.talk.goes_on(call.now()):  # on hold, or handed on
            call.state = CallState.WAITING
            return False
        if standing is None or not standing.answered:
            return False
        await finish_talk(call)
    except StoreAway:
        log.warning("the store is away; the need is looked at again when it is stated")
        return False
    call.parts.log.moved(call.id, CallEvent.RETURN)
    return True


async def settle_callback(call: Call, callback: CallbackSeen) -> None:
    """The call is over: the customer was served, or is called again later, or was missed for good."""
    event, until = CallbackEvent.SERVE, None
    if not (call.live.reached if is_agent_first(call.live.channel) else call.talked):
        event = after_a_failure(callback.tries, call.parts.settings.callbacks.most_tries)
        until = again_at(call.parts, callback.wish)
    await tell(call, callback, event, until=until)
    call.parts.hints.nudge(CALLBACKS)


async def tell(call: Call, callback: CallbackSeen, event: CallbackEvent, *, until: float | None = None) -> None:
    """Write down what has happened to the wish; what cannot be stored is found out when its lease is over."""
    try:
        await tell_wish(call.parts, callback.id, callback.fence, event, until=until)
    except StoreAway:
        log.warning("the store is away; what came of a callback is found out later", event_name=str(event))
