"""A conversation away from the line: on hold, while the agent consults somebody, in a room, on to somebody else.

The agent's phone was moved into a room of the switch, which is what ended Dial. The caller's own coroutine carries out
whatever the agent asks for: each turn reads the conversation afresh, so that an engine that takes the call over goes on
where the other one died. A wake and the end of `Leg.join` are hints; the list of channels says who is there. One class
has all of it, because every turn may lead to every other.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from ivr.call import Call
from ivr.ports import ChannelSeen, TalkEvent, TalkState, Target, TargetKind
from ivr.queues import Queue
from ivr.steps.handover import (
    GOES_ON,
    SENT_INTO,
    After,
    channels,
    end_second,
    hand_on,
    hang_up,
    needs_no_callback,
    part,
    phone_of,
    send_outside,
    sent_by,
    stand,
    told,
)
from ivr.steps.second import ring_second
from ivr.steps.talk_limit import LOOKS, called_back_in_time, left_s
from ivr.steps.talk_recording import end_recording, hand_recording_over
from ivr.steps.wishes import front_of_the_queue, next_wish
from routing.errors import IllegalMove, StoreAway
from routing.offer import OfferEvent
from routing.talk import IN_ROOM, ON_HOLD, WITH_SECOND, Ask, Talk, move_talk
from routing.views import TalkSeen

log = structlog.get_logger()

#: Longest wait of a caller on hold without a look at the store and the switch, seconds.
LOOK_AGAIN_S = 1.0


async def carry_on(call: Call, queue: Queue, seen: TalkSeen) -> After | None:
    """Go on with a conversation until the agent has left; None when the caller has been with an agent until the end."""
    return await _Apart(call, queue, seen).run()


class _Apart:
    """One conversation away from the line."""

    def __init__(self, call: Call, queue: Queue, seen: TalkSeen) -> None:
        self.call, self.seen, self._waited_in = call, seen, queue
        self.music = False
        self.missing = 0  # looks in a row at which the agent's phone was not there

    @property
    def talk(self) -> Talk:
        return self.seen.talk

    @property
    def queue(self) -> Queue:
        """Of the agent who has the caller now: another one once somebody who was consulted has taken them over."""
        return self.call.parts.queues.get(self.seen.wish.queue, self._waited_in)

    async def run(self) -> After | None:
        call, live = self.call, self.call.live
        live.offer, live.answered, call.talked = self.seen.offer, True, True
        await call.leg.unhold()  # who comes from another engine hears music already
        began = call.now()
        try:
            return await self._until_parted()
        finally:
            call.talked_s += call.now() - began

    async def _until_parted(self) -> After | None:
        call, live = self.call, self.call.live
        while True:
            live.room = self.talk.room
            live.phones |= {id_ for id_ in (self.talk.own, self.talk.channel) if id_}
            live.agents.add(self.seen.offer.phone)
            try:
                ended, after = await self._turn()
            except StoreAway:
                log.warning("the store is away; the caller stays where they are")
                await call.leg.wait(LOOK_AGAIN_S)
                ended, after = False, None
            if ended:
                await self._silence()
                await part(call)
                return after
            with suppress(StoreAway):
                seen = await call.parts.talks.of(call.id)
                if seen is None:  # closed by the sweep
                    await part(call)
                    return None
                self.seen = seen

    async def _turn(self) -> tuple[bool, After | None]:
        """One step; whether it was the last one, and how the caller goes on then."""
        ask = self.talk.asked(self.call.now())
        if ask is not None:
            return await self._carry_out(ask)
        left = left_s(self.call, self.seen)
        if left is not None and left <= 0:
            return await self._end_by_limit()
        if self.talk.state in ON_HOLD:
            return await self._hold()
        if self.talk.state in IN_ROOM:
            return await self._talk_in_room()
        return True, None

    # --- what the agent asks for ----------------------------------------------------------------------------------

    async def _carry_out(self, ask: Ask) -> tuple[bool, After | None]:
        call, seen, room = self.call, self.seen, self.talk.room or self.seen.offer.offer_id
        try:
            state = move_talk(self.talk.state, ask.do)
        except IllegalMove:  # the conversation has moved on since
            await self._put(self.talk, ask)
            return False, None
        if not await call.parts.talks.take_up(seen.offer.offer_id, seen.offer.fence, ask.at):
            return False, None
        call.note("talk", does=str(ask.do), agent=seen.offer.agent_name, to=told(ask.target), asked_at=ask.at)
        match ask.do:
            case TalkEvent.TRANSFER if ask.target is not None:
                return True, await self._transfer(ask, ask.target)
            case TalkEvent.COMPLETE:
                return await self._complete()
            case TalkEvent.CONSULT if ask.target is not None:
                talk = Talk(state, since=call.now(), room=room, second=ask.target, own=self.talk.own)
                if ask.target.kind is not TargetKind.NUMBER:
                    wish = await next_wish(call, seen, ask.target)
                    sent = sent_by(seen, TalkEvent.CONSULT, ask.note, call.now(), ask.target)
                    await call.parts.talks.open_second(call.id, wish, sent, now=call.now())
                    call.parts.hints.nudge("routing")
                await self._put(talk, ask)
            case TalkEvent.CANCEL:
                await self._drop_second()
                await self._put(Talk(state, since=call.now(), room=room, own=self.talk.own), ask)
            case _:
                await self._put(replace(self.talk, state=state, since=call.now(), room=room, failed=""), ask)
        return False, None

    async def _transfer(self, ask: Ask, target: Target) -> After:
        """Send the caller on; from a number that does not answer they come back to the front of their queue."""
        call, seen = self.call, self.seen
        await self._silence()
        if target.kind is not TargetKind.NUMBER:
            wish = await next_wish(call, seen, target)
            sent = sent_by(seen, TalkEvent.TRANSFER, ask.note, call.now(), target)
            return await hand_on(call, seen, wish, sent, how="transferred")
        await self._finish()
        await part(call)
        if await send_outside(call, target.name):
            return GOES_ON
        wish = front_of_the_queue(call, seen)
        await call.parts.exchange.open_need(call.id, wish, now=call.now())
        return After(wish=wish)

    async def _complete(self) -> tuple[bool, After | None]:
        """The agent leaves; who was consulted and the caller talk on."""
        call, seen = self.call, self.seen
        mine = self._mine(await channels(call) or ())
        second = self.talk.second
        if second is not None and second.kind is TargetKind.NUMBER:
            await stand(call, {SENT_INTO: seen.offer.offer_id})
            room = self.talk.room or seen.offer.offer_id
            await self._finish()
            await hang_up(call, mine)
            await self._silence()
            await call.leg.join(room)
            await call.leg.arm(call.parts.settings.calls.dead_man_s)
            call.transferred = True
            await stand(call, {})
            return True, GOES_ON
        taken = await call.parts.talks.take_over(
            seen.offer.offer_id, seen.offer.fence, now=call.now(), wrap_up_s=self.queue.wrap_up_s
        )
        if not taken:
            await self._second_left()
            return False, None
        call.note("offer_closed", agent=seen.offer.agent_name, how="handed_over")
        await needs_no_callback(call, seen.wish.queue)
        call.parts.desk.changed(seen.offer.agent_id)
        following = await call.parts.talks.of(call.id)
        if following is not None:
            await hand_recording_over(call, call.parts.queues.get(following.wish.queue))
            call.live.offer = following.offer
            call.parts.desk.changed(following.offer.agent_id)
        await hang_up(call, mine)
        return False, None

    # --- on hold --------------------------------------------------------------------------------------------------

    async def _hold(self) -> tuple[bool, After | None]:
        """Music for a moment, then a look at who is there."""
        call = self.call
        await self._wait(LOOK_AGAIN_S)
        there = await channels(call)
        if there is None:
            return False, None
        self.missing = 0 if self._mine(there) is not None else self.missing + 1
        if self.missing >= LOOKS:
            return await self._agent_left(there)
        if self.talk.state is TalkState.RINGING:
            talk = await ring_second(call, self.seen, there, ring_s=self.queue.ring_s)
            if talk is not None:
                await self._put(talk)
                if talk.state is TalkState.HELD:
                    await end_second(call)
        elif self.talk.state is TalkState.CONSULT and self._second(there) is None:
            await self._second_left()
        return False, None

    async def _agent_left(self, there: Sequence[ChannelSeen]) -> tuple[bool, After | None]:
        """The agent has hung up while the caller was on hold: who was consulted has them, or the front of the queue."""
        if self.talk.state is TalkState.CONSULT and self._second(there) is not None:
            return await self._complete()
        await self._drop_second()
        await self._silence()
        call, seen = self.call, self.seen
        sent = sent_by(seen, TalkEvent.HOLD, "", call.now())
        return True, await hand_on(call, seen, front_of_the_queue(call, seen), sent, how="left_on_hold")

    async def _second_left(self) -> None:
        """Who was consulted has hung up: the agent still has the caller, as before."""
        state = move_talk(self.talk.state, TalkEvent.LEFT)
        await end_second(self.call)
        await self._put(replace(self.talk, state=state, since=self.call.now(), second=None, channel="", failed="left"))

    async def _drop_second(self) -> None:
        if self.talk.state not in WITH_SECOND:
            return
        await hang_up(self.call, self._second(await channels(self.call) or ()))
        await end_second(self.call)

    # --- in the room ------------------------------------------------------------------------------------------------

    async def _talk_in_room(self) -> tuple[bool, After | None]:
        """The caller talks in the room until somebody leaves or something is asked for."""
        call, live = self.call, self.call.live
        there = await channels(call)
        if there is None:  # nobody knows whether somebody is there: music, and another look
            await self._wait(LOOK_AGAIN_S)
            return False, None
        mine, second = self._mine(there), self._second(there)
        self.missing = 0 if mine is not None else self.missing + 1
        if self.missing >= LOOKS:
            if second is None or self.talk.state is not TalkState.CONFERENCE:
                return True, None
            return await self._complete()
        if self.talk.state is TalkState.CONFERENCE and second is None:
            await self._second_left()
            return False, None
        if mine is None:
            await call.leg.wait(LOOK_AGAIN_S / 2)
            return False, None
        await self._silence()
        room = self.talk.room or self.seen.offer.offer_id
        live.joined = True
        async with called_back_in_time(call, self.seen, room, self._somebody_left):
            await call.leg.join(room)
        live.joined = False
        await call.leg.arm(call.parts.settings.calls.dead_man_s)
        return False, None

    async def _end_by_limit(self) -> tuple[bool, After | None]:
        """The queue's longest conversation is over: everybody else is hung up, the caller goes on in the book."""
        call, offer = self.call, self.seen.offer
        call.note("talk_limit", agent=offer.agent_name, max_talk_s=call.parts.queues[self.seen.wish.queue].max_talk_s)
        await self._drop_second()
        await hang_up(call, self._mine(await channels(call) or ()))
        return True, None

    # --- small things -----------------------------------------------------------------------------------------------

    async def _put(self, talk: Talk, carried_out: Ask | None = None) -> None:
        offer = self.seen.offer
        await self.call.parts.talks.put(offer.offer_id, offer.fence, talk, carried_out)
        self.call.parts.desk.changed(offer.agent_id)

    def _somebody_left(self, there: Sequence[ChannelSeen]) -> bool:
        """Whether the caller in the room is without somebody who belongs there."""
        second_left = self.talk.state is TalkState.CONFERENCE and self._second(there) is None
        return second_left or self._mine(there) is None

    async def _wait(self, seconds: float) -> None:
        """Music until a wake, or for that long."""
        call = self.call
        if not self.music:
            await call.leg.hold()
            self.music = True
        await call.leg.arm(seconds + call.parts.settings.calls.dead_man_s)
        call.live.waiting = True
        await call.leg.wait(seconds)
        call.live.waiting = False

    async def _silence(self) -> None:
        if self.music:
            await self.call.leg.unhold()
            self.music = False

    async def _finish(self) -> None:
        """The agent's conversation is over, the caller's is not."""
        call, offer = self.call, self.seen.offer
        await end_recording(call, talked=True)
        await call.parts.exchange.close_offer(
            offer.offer_id, offer.fence, OfferEvent.COMPLETE, now=call.now(), wrap_up_s=self.queue.wrap_up_s
        )
        call.note("offer_closed", agent=offer.agent_name, how="transferred")
        call.live.offer, call.live.answered = None, False
        await needs_no_callback(call, self.seen.wish.queue)
        call.parts.desk.changed(offer.agent_id)

    def _mine(self, there: Sequence[ChannelSeen]) -> ChannelSeen | None:
        return phone_of(self.seen, there)

    def _second(self, there: Sequence[ChannelSeen]) -> ChannelSeen | None:
        return next((seen for seen in there if seen.uniqueid == self.talk.channel), None)
