"""The dialler: each wish to be called back is dialled when its turn has come, by one node, once at a time.

`routing.callback` says whose turn it is; the claim makes it true. What was asked of the switch is never asked again:
when the answer is missing, or a node has died, the lease ends and the state is read: does the call exist, was it
answered by an agent?
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime

import structlog

from ivr.errors import ActionUnknown, EngineFault, SwitchAway
from ivr.numbers import masked
from ivr.parts import Parts
from ivr.ports import (
    CALLBACKS,
    RECORDINGS,
    ROUTING,
    CallbackSeen,
    CallbackWish,
    ChannelGone,
    CustomerSaid,
    PhoneAnswered,
    Question,
    SwitchEvent,
    is_agent_first,
)
from ivr.rounds import rounds
from menus.errors import MenusError
from routing.callback import COUNTED_AS, CallbackEvent, CallbackState, after_a_failure, of_call, share_out
from routing.errors import StoreAway
from routing.kept import KeptFloor

log = structlog.get_logger()

#: Seconds between two looks at the wishes; a hint shortens it.
LOOK_EVERY_S = 2.0
#: How long a claim is held beyond the ringing, and a living call before the switch is asked again.
LEASE_S = 15.0
#: How often the hours of a wish and of its queue are looked at in turn for a moment that is in both.
MOST_HOURS = 20
#: How long the store may take to be told what came of a wish.
TELL_S = 2.0


async def tell_wish(
    parts: Parts, callback_id: int, fence: int, event: CallbackEvent, *, until: float | None = None
) -> bool:
    """Write down what has happened to a wish, and count it; False once it has moved on. Raises StoreAway."""
    moved = await _in_time(parts.callbacks.move(callback_id, fence, event, now=parts.clock.now(), until=until))
    if moved and event in COUNTED_AS:
        parts.called_back[COUNTED_AS[event]] += 1
    return moved


async def customer_reached(parts: Parts, call_id: str) -> bool:
    """With the agent first: the customer has picked up, they talk. False when that was known. Raises StoreAway."""
    made, live = of_call(call_id), parts.live.get(call_id)
    if made is None:
        return False
    if live is not None:
        live.reached = True
    return await tell_wish(parts, *made, CallbackEvent.ACCEPT, until=parts.clock.now() + LEASE_S)


async def wish_came_back(parts: Parts, number: str, queue: str) -> bool:
    """Close the wish of a customer who called and reached an agent, if there is one. Raises StoreAway."""
    closed = await _in_time(parts.callbacks.came_back(number, queue, now=parts.clock.now()))
    if closed:
        parts.called_back["came_back"] += 1
    return closed


async def _in_time(told: Awaitable[bool]) -> bool:
    try:
        async with asyncio.timeout(TELL_S):
            return await told
    except TimeoutError:
        raise StoreAway from None


def may_ring_at(parts: Parts, wish: CallbackWish, at: float) -> float:
    """The first moment from then on at which the phone may ring: in the hours of the wish and of its queue."""
    edition, zone = parts.edition(None), parts.settings.zone
    for _ in range(MOST_HOURS):
        opens: float | None = at
        if wish.hours is not None and wish.hours in edition.book.calendar.hours:
            found = edition.hours.next_open(wish.hours, datetime.fromtimestamp(at, zone))
            opens = None if found is None else found.timestamp()
        if opens is not None and wish.queue in parts.queues:
            opens = parts.queues.opens_at(wish.queue, opens)
        if opens is None or opens == at:
            return at  # hours that never open keep nobody waiting for ever
        at = opens
    return at


def again_at(parts: Parts, wish: CallbackWish) -> float:
    """When a call that led to nothing is made again."""
    return may_ring_at(parts, wish, parts.clock.now() + parts.settings.callbacks.retry_s)


class CallbackDialler:
    """Dials callbacks, and finds out what came of those that nobody else tells of."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: tuple[CallbackSeen, ...] = ()
        self._kept = KeptFloor(parts.queues.policy)

    @property
    def line(self) -> tuple[CallbackSeen, ...]:
        """The wishes as last read: those that stand in their queues keep an agent free when their turn has come."""
        return self._seen

    @property
    def room(self) -> int:
        """How many more phones this node may ring now."""
        node, at_once = self._parts.settings.node, self._parts.settings.callbacks.at_once
        ringing = [one for one in self._seen if one.node == node and one.state is CallbackState.DIALLING]
        return max(0, at_once - len(ringing))

    async def run(self) -> None:
        """Dial until cancelled."""
        await rounds(
            self.round,
            lambda: self._parts.hints.wait(CALLBACKS, seconds=LOOK_EVERY_S),
            away="the store is away; nobody is called back until it is there",
            failed="a round of callbacks failed",
            pause_first=True,
        )

    async def listen(self) -> None:
        """Take the switch's word on calls that ended before anybody answered, until cancelled."""
        async for event in self._parts.switchboard.events():
            try:
                await self.take(event)
            except StoreAway:
                log.warning("the store is away; what came of a callback is found out when its lease is over")
            except Exception:
                log.exception("an event of the switch could not be taken", kind=type(event).__name__)

    async def take(self, event: SwitchEvent) -> None:
        """One event of the switch. Calls that were answered are told of by whoever holds them."""
        if isinstance(event, PhoneAnswered):
            await self._answered(event)
        if isinstance(event, CustomerSaid):
            self._parts.hints.nudge(RECORDINGS)
            if event.call_id in self._parts.live:  # who has answered has picked up
                await customer_reached(self._parts, event.call_id)
        if not isinstance(event, ChannelGone) or event.uniqueid != event.call_id:
            return
        made = of_call(event.call_id)
        if made is None or event.call_id in self._parts.live:
            return
        callback = await self._parts.callbacks.find(*made)
        if callback is not None and callback.state is CallbackState.DIALLING:
            await self._failed(callback)

    async def _answered(self, event: PhoneAnswered) -> None:
        """With the agent first: the phone that was answered may be the customer's. Then they talk."""
        made, live = of_call(event.call_id), self._parts.live.get(event.call_id)
        if made is None or live is None or not live.agents or not is_agent_first(live.channel):
            return
        if event.phone not in live.agents and not is_agent_first(event.channel):
            await customer_reached(self._parts, event.call_id)

    async def round(self) -> None:
        """Look at every wish: put right what is left over, and dial those whose turn it is."""
        parts = self._parts
        if parts.edition(None).book.calling_back is None or not parts.switchboard.up:
            self._seen = ()
            return
        now = parts.clock.now()
        found = await parts.callbacks.all_open(now=now)
        await self._put_right([one for one in found if one.state is not CallbackState.WAITING and one.next_at <= now])
        self._seen = tuple([one for one in found if await self._may_be_dialled(one)])
        if not self._seen:
            return
        shares = share_out(await parts.exchange.snapshot(now=now), self._seen, now, self.room, self._kept)
        for callback in shares.to_dial:
            await self._dial(callback)

    async def _may_be_dialled(self, callback: CallbackSeen) -> bool:
        """Not outside the hours in which the phone may ring: then it is put off until they begin.

        Nor when the settings or the queues have changed since; such a wish is given up.
        """
        parts, wish = self._parts, callback.wish
        if callback.state is not CallbackState.WAITING:
            return True
        now = parts.clock.now()
        if parts.settings.outbound.permits(wish.number) and wish.queue in parts.queues:
            rings_at = may_ring_at(parts, wish, now)
            if rings_at > now:
                await self._move(callback, CallbackEvent.POSTPONE, until=rings_at)
            return rings_at <= now
        log.error("a callback is given up: its number may not be called, or nobody serves its queue", id=callback.id)
        await self._move(callback, CallbackEvent.MISS)
        return False

    async def _dial(self, callback: CallbackSeen) -> None:
        parts, settings = self._parts, self._parts.settings.callbacks
        now = parts.clock.now()
        claimed = await parts.callbacks.claim(
            callback.id, callback.fence, node=parts.settings.node, now=now, lease_s=settings.ring_s + LEASE_S
        )
        if claimed is None:
            return  # another node was quicker, or the customer is served
        self._seen = tuple(claimed if one.id == claimed.id else one for one in self._seen)
        agent_first = parts.queues[claimed.wish.queue].callback_first == "agent"
        told, asked = self._told(claimed.wish) if agent_first else ((), None)
        parts.called_back["dialled"] += 1
        log.info("calling back", id=claimed.id, tries=claimed.tries, number=masked(claimed.wish.number))
        try:
            await parts.switchboard.call_out(
                claimed.wish.number,
                call_id=claimed.call_id,
                ring_s=settings.ring_s,
                agent_first=agent_first,
                told=told,
                asked=asked,
            )
        except ActionUnknown as fault:
            log.warning("whether a customer is called is not known; the switch is asked later", why=str(fault))
        except EngineFault as fault:
            log.warning("a customer could not be called", id=claimed.id, why=str(fault))
            await self._failed(claimed)

    def _told(self, wish: CallbackWish) -> tuple[Sequence[str], Question | None]:
        """What a customer is told or asked who picks up, of the recording of the conversation."""
        edition, how = self._parts.edition(None), self._parts.queues[wish.queue].recording
        part = edition.book.recorded
        prompt = None if part is None or how == "never" else getattr(part, how)
        if part is None or prompt is None:
            return (), None
        try:
            told = [clip.sound for clip in edition.catalogue.prompt(prompt, wish.language)]
        except MenusError as fault:
            log.error("a customer cannot be told of the recording, so none is made", why=str(fault))
            return (), None
        if how == "asked":
            return (), Question(tuple(told), part.agree_key, part.timeout_s)
        return told, None

    async def _put_right(self, left_over: Sequence[CallbackSeen]) -> None:
        """Wishes whose lease is over: a call that lives is held on; else the records say what came of it."""
        if not left_over:
            return
        try:
            alive = {channel.call_id for channel in await self._parts.switchboard.channels()}
        except (SwitchAway, ActionUnknown):
            return
        for callback in left_over:
            if callback.call_id in alive or callback.call_id in self._parts.live:
                await self._move(callback, CallbackEvent.HOLD, until=self._parts.clock.now() + LEASE_S)
            elif callback.talked and (callback.state is CallbackState.TALKING or not self._agent_first(callback)):
                await self._move(callback, CallbackEvent.SERVE)
            else:
                await self._failed(callback)

    def _agent_first(self, callback: CallbackSeen) -> bool:
        queue = self._parts.queues.get(callback.wish.queue)
        return queue is not None and queue.callback_first == "agent"

    async def _failed(self, callback: CallbackSeen) -> None:
        """The call led to no conversation: it is made again later, or given up."""
        event = after_a_failure(callback.tries, self._parts.settings.callbacks.most_tries)
        await self._move(callback, event, until=again_at(self._parts, callback.wish))

    async def _move(self, callback: CallbackSeen, event: CallbackEvent, *, until: float | None = None) -> None:
        parts = self._parts
        if await tell_wish(parts, callback.id, callback.fence, event, until=until) and event in COUNTED_AS:
            log.info("a callback has moved on", id=callback.id, tries=callback.tries, outcome=COUNTED_AS[event])
            self._seen = tuple(one for one in self._seen if one.id != callback.id)
            parts.hints.nudge(ROUTING)  # an agent who was kept free for it
