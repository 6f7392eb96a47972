"""Hand a caller on: to the next need, or to an outside number."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from ivr.call import Call
from ivr.callbacks import wish_came_back
from ivr.errors import ActionUnknown, SwitchAway
from ivr.numbers import masked
from ivr.ports import ROUTING, ChannelSeen, NeedWish, Sent, TalkEvent, Target, TargetKind
from ivr.steps.talk_recording import end_recording
from ivr.steps.transfer import ring_outside
from menus.values import Value
from menus.walk import Position
from routing.call import CallEvent
from routing.callback import of_call
from routing.errors import StoreAway
from routing.views import TalkSeen

log = structlog.get_logger()

#: How long an outside number rings.
OUTSIDE_RING_S = 30.0
#: Values of a call that an agent has sent to an outside number: that number, or the room where they talk.
SENT_TO, SENT_INTO = "talk:number", "talk:room"


@dataclass(frozen=True, slots=True)
class After:
    """How a caller goes on when an offer has been carried out."""

    book: bool = False  #: in the book, after a conversation; else the need is in the queue again
    wish: NeedWish | None = None  #: with another need, which is stated already


WAITS, GOES_ON = After(), After(book=True)


def told(target: Target | None) -> str:
    """How the record of a call names a target; of outside numbers only the ends."""
    if target is None:
        return ""
    name = masked(target.name) if target.kind is TargetKind.NUMBER else target.name
    return f"{target.kind} {name}".strip()


# --- handing on -------------------------------------------------------------------------------------------------------


async def hand_on(call: Call, seen: TalkSeen, wish: NeedWish, sent: Sent, *, how: str) -> After:
    """End the agent's conversation and state the next need, in one transaction. Raises StoreAway."""
    parts, offer = call.parts, seen.offer
    await end_recording(call, talked=True)
    queue = parts.queues.get(seen.wish.queue)
    done = await parts.talks.hand_on(
        offer.offer_id, offer.fence, wish, sent, now=call.now(), wrap_up_s=queue.wrap_up_s if queue is not None else 0
    )
    call.note("offer_closed", agent=offer.agent_name, how=how)
    call.live.offer, call.live.answered = None, False
    parts.desk.changed(offer.agent_id)
    if not done:  # ended by the sweep meanwhile: the caller is still there
        await parts.exchange.open_need(call.id, wish, now=call.now())
    await needs_no_callback(call, seen.wish.queue)
    parts.log.moved(call.id, CallEvent.RETURN)
    parts.log.moved(call.id, CallEvent.NEED)
    call.note("need", queue=wish.queue, reason=wish.reason, required=dict(wish.required), tier=wish.tier)
    parts.hints.nudge(ROUTING)
    parts.desk.changed()
    return After(wish=wish)


async def needs_no_callback(call: Call, queue: str) -> None:
    """A caller who has talked to an agent of a queue need not be called back for it.

    The wish of a call that we made ourselves is closed when that call is over.
    """
    if not queue or call.facts.ani is None or of_call(call.id) is not None:
        return
    try:
        if await wish_came_back(call.parts, call.facts.ani, queue):
            call.note("callback", outcome="came_back", queue=queue)
    except StoreAway:
        log.warning("the store is away; whoever talked may be called back all the same")


def sent_by(seen: TalkSeen, how: TalkEvent, note: str, now: float, target: Target | None = None) -> Sent:
    """What the next agent is told of the one before."""
    skill = target.name if target is not None and target.kind is TargetKind.SKILL else ""
    return Sent(seen.offer.agent_id, seen.full_name, seen.wish.queue, how, note, now, skill)


# --- outside numbers --------------------------------------------------------------------------------------------------


async def send_outside(call: Call, number: str) -> bool:
    """Ring an outside number for a caller whose agent has left them; whether it was answered.

    The number stands in the position of the call meanwhile: an engine that takes the call over knows it.
    """
    await stand(call, {SENT_TO: number})
    answered = await ring_outside(call, number, "outside", ring_s=OUTSIDE_RING_S)
    await stand(call, {})
    return answered


async def was_sent_outside(call: Call, position: Position) -> bool:
    """Whether an agent had sent this call outside, with an engine that has died since, and they have talked."""
    if SENT_INTO in position.values:
        await stand(call, {})
        call.talked = call.transferred = True
        return True
    number = position.values.get(SENT_TO)
    if not isinstance(number, str):
        return False
    call.talked = True
    return await send_outside(call, number)


async def stand(call: Call, values: dict[str, Value]) -> None:
    """Write down where the call is outside the book; nothing when it is back."""
    if call.position is None:
        return
    kept = {name: value for name, value in call.position.values.items() if name not in (SENT_TO, SENT_INTO)}
    call.position = replace(call.position, values={**kept, **values})
    call.parts.log.stands(call.id, call.position.to_json(), call.language)
    await call.parts.log.settle(call.id, deadline_s=call.parts.settings.calls.store_s)


# --- phones -----------------------------------------------------------------------------------------------------------


def phone_of(seen: TalkSeen, there: Sequence[ChannelSeen]) -> ChannelSeen | None:
    """The channel of the agent's phone in this conversation."""
    if seen.talk.own:
        return next((one for one in there if one.uniqueid == seen.talk.own), None)
    id_, phone = seen.offer.call_id, seen.offer.phone
    mine = (one for one in there if one.call_id == id_ != one.uniqueid)
    return next((one for one in mine if one.channel.rpartition("-")[0] == phone), None)


async def channels(call: Call) -> tuple[ChannelSeen, ...] | None:
    """All channels; None when the switch cannot be asked."""
    try:
        return await call.parts.switchboard.channels()
    except (SwitchAway, ActionUnknown):
        return None


async def hang_up(call: Call, channel: ChannelSeen | None) -> None:
    """End a phone's channel, if it is there."""
    if channel is None:
        return
    try:
        await call.parts.switchboard.hang_up(channel.channel)
    except (SwitchAway, ActionUnknown):
        log.warning("a phone could not be hung up; its user will do it")


async def part(call: Call) -> None:
    """The caller has left a room, or never comes to it: nobody sits there any longer, nobody is consulted.

    What else belongs to the call is the caller's: of a callback with the agent first, the customer's own line.
    """
    live, parts = call.live, call.parts
    if live.room is None:
        return
    live.room = None
    for seen in await channels(call) or ():
        agents = seen.call_id == call.id != seen.uniqueid and seen.channel.rpartition("-")[0] in live.agents
        if agents or seen.uniqueid in live.phones:
            await hang_up(call, seen)
    try:
        async with asyncio.timeout(parts.settings.calls.store_s):
            await end_second(call)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; the sweep ends the consultation")


async def end_second(call: Call) -> None:
    """End a consultation, if there is one. Raises StoreAway."""
    parts = call.parts
    second = await parts.talks.second(call.id)
    if second is None:
        return
    queue = parts.queues.get(second.queue)
    await parts.talks.close_second(call.id, now=call.now(), wrap_up_s=queue.wrap_up_s if queue is not None else 0)
    parts.hints.nudge(ROUTING)
    parts.desk.changed(second.offer.agent_id if second.offer is not None else None)
