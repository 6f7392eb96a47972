"""State a need and wait with music until the dispatcher has found an agent, or the caller leaves the queue.

The dispatcher only claims; the caller's own coroutine carries the offer out (`ivr/steps/talk.py`): pop, ring, talk, and
back to the front of the queue when nobody answers. A wake is a hint: on each return from a wait the standing is read
afresh.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from ivr.call import STATE_S, Call
from ivr.expected_waits import Said
from ivr.ports import ROUTING, Clip, NeedWish, Standing, Waited, is_agent_first
from ivr.queues import Queue
from ivr.steps.complaint import patience, tier_and_terms
from ivr.steps.handover import was_sent_outside
from ivr.steps.talk import LOOK_AGAIN_S, connect, leave_queue
from ivr.steps.talk_recording import ask_to_record
from ivr.steps.wait_words import tell_wait
from ivr.steps.wanted import wanted_agent
from ivr.steps.wishes import caller_credit_s, left_behind, promised
from menus.schema import Callback, Route, Way
from menus.values import Value
from menus.walk import Failed, Finished, Input, Left, Position, Pressed
from routing.call import CallEvent, CallState, move_call
from routing.callback import of_call
from routing.errors import StoreAway

log = structlog.get_logger()

#: How long the dispatcher gets to find an agent who is free already; a wake ends it early.
AT_ONCE_S = 0.3
#: How long a caller in silence waits for the store to say whether they are to be called back.
PLACE_S = 0.5


async def route(call: Call, step: Route, position: Position) -> Input:
    """Wait for an agent who fits and talk to them."""
    call.typed_ahead = None  # meant for a menu, which the caller has left
    if await was_sent_outside(call, position):
        return Finished()
    name = await _queue_of(call, step)
    wish = await _wish_of(call, step, position, name or step.queue)
    if name is None:
        call.note("closed", queue=step.queue)
        return Failed(left_behind(wish))
    queue = call.parts.queues[name]
    return await wait_for_agent(call, queue, await _at_kept_place(call, wish), position, step.ways)


async def _wish_of(call: Call, step: Route, position: Position, name: str) -> NeedWish:
    """What the caller needs in a queue."""
    queue = call.parts.queues[name]
    terms = promised(call, call.parts.queues.terms(name, call.facts, await wanted_agent(call, queue)))
    if step.most_level is not None:
        terms = replace(terms, most_level=step.most_level)
    tier, terms = await tier_and_terms(call, queue, step, position, terms)
    return NeedWish(
        queue=name,
        required=queue.required(step.needs if name == step.queue else {}),
        language=call.language,
        reason=step.reason,
        tier=tier,
        credit_s=(queue.credit_minutes + step.credit_minutes) * 60 + caller_credit_s(call),
        terms=terms,
    )


async def _at_kept_place(call: Call, wish: NeedWish) -> NeedWish:
    """The wish of a caller at the place in this queue that they keep for a callback, if they do and it is a better one.

    That callback is closed when an agent has served them, and stands while they only wait.
    """
    number = call.facts.ani
    if number is None or of_call(call.id) is not None or call.state is CallState.WAITING:
        return wish
    try:
        async with asyncio.timeout(PLACE_S):
            kept = await call.parts.callbacks.waiting(number, wish.queue)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; nobody knows whether this caller is to be called back")
        return wish
    if kept is None or kept.wish.since - kept.wish.credit_s >= call.now() - wish.credit_s:
        return wish
    call.note("callback", outcome="kept_place", id=kept.id, queue=wish.queue, since=kept.wish.since)
    return replace(wish, since=min(kept.wish.since, call.now()), credit_s=max(wish.credit_s, kept.wish.credit_s))


async def _queue_of(call: Call, step: Route) -> str | None:
    """The queue that this caller comes to, None when it is closed; who waited already with another engine stays."""
    if call.state is CallState.WAITING:
        return await queue_waited_in(call, step.queue)
    return call.parts.queues.open_one(step.queue, call.now())


async def queue_waited_in(call: Call, otherwise: str) -> str:
    """The queue in which a caller stands whom another engine had; perhaps an agent has handed them on to it."""
    with contextlib.suppress(StoreAway):
        standing = await call.parts.exchange.standing(call.id, now=call.now())
        if standing is not None and standing.queue in call.parts.queues:
            return standing.queue
    return otherwise


async def wait_for_agent(
    call: Call,
    queue: Queue,
    wish: NeedWish,
    position: Position,
    ways: Sequence[Way] = (),
    *,
    once_stated: Callable[[], Awaitable[None]] | None = None,
) -> Input:
    """State a need and wait until it is served (Finished), nobody came (Failed), or the caller leaves.

    The age of the need counts from now, not from when the announcement of a recording is over.
    """
    wish = wish if wish.since is not None else replace(wish, since=call.now())
    await ask_to_record(call, queue, wish.queue, position)
    if call.state is CallState.MENU:
        call.state = move_call(call.state, CallEvent.NEED)
        call.parts.log.moved(call.id, CallEvent.NEED)
        call.note("need", queue=wish.queue, reason=wish.reason, required=dict(wish.required), tier=wish.tier)
    await call.parts.log.settle(call.id, deadline_s=call.parts.settings.calls.store_s)
    waiting = _Waiting(call, await patience(call, queue, wish), wish, position, ways)
    await waiting.state_need()
    if once_stated is not None:
        await once_stated()
    return await waiting.run()


@dataclass(slots=True)
class _Waiting:
    """One visit of a caller to a queue."""

    call: Call
    queue: Queue
    wish: NeedWish
    position: Position
    ways: Sequence[Way]
    stated: bool = False  #: the need is in the store
    began: float = 0.0  #: by the monotonic clock
    since: float = 0.0  #: what the age of the need counts from, as the store says it
    need_id: int = 0
    announced: int = 0  #: the position that was said last
    told: Said | None = None  #: the expected wait that was said last
    offered: dict[int, float] = field(default_factory=dict)  #: way → when it was last offered, by the monotonic clock

    async def state_need(self) -> None:
        """Put the need into the store; when the store is away the caller waits and it is tried again."""
        call = self.call
        self.since = self.since or (call.now() if self.wish.since is None else self.wish.since)
        try:
            async with asyncio.timeout(STATE_S):
                need = await call.parts.exchange.open_need(call.id, self.wish, now=call.now())
        except (TimeoutError, StoreAway):
            log.warning("the store is away; the caller waits, the need is stated again")
            self.stated = False
            return
        self.stated, self.since, self.need_id = True, need.since, need.id
        call.parts.hints.nudge(ROUTING)
        call.parts.desk.changed()

    async def run(self) -> Input:
        """Music and announcements until one of the ends."""
        call, leg, clock = self.call, self.call.leg, self.call.parts.clock
        announced_at = self.began = clock.monotonic()
        pressed: str | None = None
        if self.stated:  # when an agent is free, nobody needs to be told to hold
            pressed = await self._wait(AT_ONCE_S)
        if pressed is None and not (self.stated and await self._has_offer()):
            hold = call.prompt(call.edition.book.waiting.hold)
            pressed = await self._tell(hold + await self._expected_wait())
        await leg.hold()
        while True:
            came = await self._leaves_by(pressed)
            if came is None and clock.monotonic() - self.began >= self.queue.max_wait_s:
                came = Failed(self._place())
            if came is not None:
                return await self._leave(came)
            pressed = None
            if not self.stated:
                await self.state_need()
            standing = await self._standing() if self.stated else None
            if standing is None or standing.offer is None:
                pressed = await self._wait(self.queue.max_wait_s - (clock.monotonic() - self.began))
                standing = await self._standing() if self.stated else None
            if standing is not None and standing.offer is not None:
                after = await connect(call, self.queue, standing, standing.offer)
                if after.wish is not None:
                    return await self._handed_on(after.wish)
                if after.book:
                    return Finished()
                await leg.hold()
            elif standing is None:
                self.stated = False  # or somebody has closed it
            elif pressed is None:
                due = clock.monotonic() - announced_at >= self.queue.announce_every_s
                offers = await self._ways_to_offer(with_announcement=due)
                if due or offers:
                    pressed = await self._announce(standing if due else None, offers)
                if due:
                    announced_at = clock.monotonic()

    async def _handed_on(self, wish: NeedWish) -> Input:
        """The agent has sent the caller on: wait for whom they wished, with the same ways out of the queue."""
        call = self.call
        queue = await patience(call, call.parts.queues.get(wish.queue, self.queue), wish)
        waiting = _Waiting(call, queue, wish, self.position, self.ways)
        await waiting.state_need()  # it stands already: its number and its age
        call.live.told = True
        await ask_to_record(call, queue, wish.queue, self.position, handed_on=True)
        call.live.told = False
        return await waiting.run()

    async def _has_offer(self) -> bool:
        standing = await self._standing()
        return standing is not None and standing.offer is not None

    async def _wait(self, seconds: float) -> str | None:
        """A key that means something here, or None after a wake, another key or that time."""
        call = self.call
        await call.leg.arm(LOOK_AGAIN_S + call.parts.settings.calls.dead_man_s)
        call.live.waiting = True
        came = await call.leg.wait(min(LOOK_AGAIN_S, seconds))
        call.live.waiting = False
        return came if not isinstance(came, Waited) and came in self._keys() else None

    async def _standing(self) -> Standing | None:
        call = self.call
        try:
            return await call.parts.exchange.standing(call.id, now=call.now())
        except StoreAway:
            return Standing(position=0, since=call.now(), offer=None)

    # --- what is said ---------------------------------------------------------------------------------------------

    async def _announce(self, standing: Standing | None, offers: Sequence[Way]) -> str | None:
        """Say the position when it has got better, else a word of comfort, and the ways out; a key ends it."""
        call, words, clips = self.call, self.call.edition.book.waiting, tuple[Clip, ...]()
        better = standing is not None and standing.position > 0 and not 0 < self.announced <= standing.position
        if standing is not None and better and self.queue.announce_position:
            self.announced = standing.position
            clips = call.prompt(words.position, position=standing.position)
        elif standing is not None:
            clips = call.prompt(words.still)
        if standing is not None:
            clips += await self._expected_wait()
        for way in offers:
            clips += call.prompt(way.prompt)
        await call.leg.unhold()
        pressed = await self._tell(clips)
        await call.leg.hold()
        return pressed

    async def _expected_wait(self) -> tuple[Clip, ...]:
        """The words for the expected wait, when one is known and is news."""
        if not self.stated or is_agent_first(self.call.live.channel):  # where nobody hears it
            return ()
        self.told, clips = await tell_wait(self.call, self.need_id, self.wish.queue, self.told)
        return clips

    async def _tell(self, clips: tuple[Clip, ...]) -> str | None:
        """Say something to a waiting caller; a key that leaves the queue ends it, and so does an agent."""
        call = self.call
        call.live.waiting = True
        heard = await call.say(clips, keys=self._keys(), wakeable=True)
        call.live.waiting = False
        return heard.key

    async def _ways_to_offer(self, *, with_announcement: bool) -> list[Way]:
        """The ways whose time has come: once by themselves, from then on with the announcements."""
        now, offers = self.call.parts.clock.monotonic(), list[Way]()
        for index, way in enumerate(self.ways):
            first = index not in self.offered
            if now - self.began >= way.after_s and (first or with_announcement):
                self.offered[index] = now  # also when its condition does not hold now: asked again later
                if await self._is_open(way):
                    offers.append(way)
        return offers

    # --- ways out -------------------------------------------------------------------------------------------------

    def _keys(self) -> str:
        """The keys that mean something in this queue."""
        back = self.call.edition.book.back_key if self.position.trail else ""
        return "".join(dict.fromkeys("".join(way.key for way in self.ways) + back))

    async def _is_open(self, way: Way) -> bool:
        if way.when is None:
            return True
        picture = await self.call.picture(self.position, way.when)
        return self.call.edition.conditions.holds(way.when, picture)

    async def _leaves_by(self, key: str | None) -> Input | None:
        """What a key leads to; None when it means nothing here. The key works before the way was offered."""
        for index, way in enumerate(self.ways):
            if key == way.key and await self._is_open(way):
                self.call.note("key", menu=self.position.step, key=key, option=f"ways.{index}", label=way.then)
                return Left(f"ways.{index}.then", self._place())
        if key == self.call.edition.book.back_key and self.position.trail:
            return Pressed(key)
        return None

    def _place(self) -> Mapping[str, Value]:
        """The need with its place in this queue, for a callback."""
        return left_behind(replace(self.wish, since=self.since))

    async def _leave(self, came: Input) -> Input:
        """The caller stops waiting, by a key or because nobody came."""
        call = self.call
        await call.leg.unhold()
        try:
            await leave_queue(call, self._outcome(came))
        except StoreAway:
            log.warning("the store is away; the need lapses with its offers, or when the call ends")
        call.state = move_call(call.state, CallEvent.RETURN)
        call.parts.log.moved(call.id, CallEvent.RETURN)
        return came

    def _outcome(self, came: Input) -> str:
        """How the need is closed: who leaves for a callback has not given up."""
        book = self.call.edition.book
        step = book.steps[self.position.step]
        target = step.exits().get(came.by, "") if isinstance(came, Left) else ""
        return "callback" if isinstance(book.steps.get(target), Callback) else "gave_up"
