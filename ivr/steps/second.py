"""Ring somebody else into the room of an agent whose caller is on hold: an agent found by routing, or a number."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from ivr.call import Call
from ivr.errors import ActionUnknown, SwitchAway
from ivr.ports import ChannelSeen, TalkEvent, TargetKind
from ivr.steps.handover import hang_up
from ivr.steps.showing import show
from routing.offer import OfferEvent, OfferState
from routing.talk import Talk, move_talk
from routing.views import SecondSeen, TalkSeen

log = structlog.get_logger()

#: How long somebody is looked for; after that the agent is told, and still has the caller.
LONGEST_S = 60.0
#: So long after the order a channel may not be in the list yet.
SET_UP_S = 2.0
#: How long an outside number rings.
OUTSIDE_RING_S = 30.0


async def ring_second(call: Call, seen: TalkSeen, there: Sequence[ChannelSeen], *, ring_s: float) -> Talk | None:
    """One look at somebody being rung: the conversation as it stands now, None when nothing has changed.

    Raises StoreAway.
    """
    target, talk = seen.talk.second, seen.talk
    if target is None:
        return _failed(talk, "nobody", call.now())
    if target.kind is TargetKind.NUMBER:
        if not talk.channel:
            return await _ring(
                call, seen, target.name, f"outside-{seen.offer.offer_id}-{int(call.now())}", OUTSIDE_RING_S
            )
        return _outside(talk, there, call.now())
    return await _agent(call, seen, there, ring_s)


def _outside(talk: Talk, there: Sequence[ChannelSeen], now: float) -> Talk | None:
    found = next((one for one in there if one.uniqueid == talk.channel), None)
    if found is not None:
        return _joined(talk, now) if found.bridged else None
    return None if now - (talk.since or now) < SET_UP_S else _failed(talk, "no_answer", now)


async def _agent(call: Call, seen: TalkSeen, there: Sequence[ChannelSeen], ring_s: float) -> Talk | None:
    parts, talk, now = call.parts, seen.talk, call.now()
    second = await parts.talks.second(call.id)
    offer = second.offer if second is not None else None
    if offer is None and talk.channel:  # refused on the desktop, lapsed, or not picked up
        await hang_up(call, next((one for one in there if one.uniqueid == talk.channel), None))
        return replace(talk, channel="")
    if second is None or offer is None:
        return _failed(talk, _why(talk, second), now) if _is_over(talk, second, now) else None
    if talk.second is not None and talk.second.kind is TargetKind.AGENT and offer.agent_name != talk.second.name:
        return _failed(talk, "nobody", now)  # the one who was wanted is not at work any more
    channel = f"second-{offer.offer_id}"
    if talk.channel != channel:
        await show(call, offer)
        await parts.exchange.renew(
            offer.offer_id, offer.fence, now=call.now(), lease_s=ring_s + parts.settings.routing.offer_lease_s
        )
        return await _ring(call, seen, offer.phone, channel, ring_s, auto_answer=offer.auto_answer)
    found = next((one for one in there if one.uniqueid == channel), None)
    if found is not None and found.bridged:
        await parts.exchange.answered(offer.offer_id, offer.fence, now=now)
        call.note("answered", agent=offer.agent_name)
        parts.desk.changed(offer.agent_id)
        return _joined(talk, now)
    if found is not None:
        await parts.exchange.ringing(
            offer.offer_id, offer.fence, now=now, lease_s=ring_s + parts.settings.routing.offer_lease_s
        )
        parts.desk.changed(offer.agent_id)
        return None
    if now - (talk.since or now) < SET_UP_S and channel not in call.live.declined:
        return None
    event, how = OfferEvent.FAIL, "unreachable"
    if channel in call.live.declined:
        event, how = OfferEvent.DECLINE, "declined"
    elif second.state == OfferState.RINGING:
        event, how = OfferEvent.MISS, "no_answer"
    await parts.exchange.close_offer(offer.offer_id, offer.fence, event, now=now, wrap_up_s=0)
    call.note("offer_closed", agent=offer.agent_name, how=how)
    parts.hints.nudge("routing")
    parts.desk.changed(offer.agent_id)
    return None


def _is_over(talk: Talk, second: SecondSeen | None, now: float) -> bool:
    """Whether nobody will come any more: the one who was wanted has not picked up, or it has taken too long."""
    if second is None or now - second.since >= LONGEST_S:
        return True
    return second.missed > 0 and talk.second is not None and talk.second.kind is TargetKind.AGENT


def _why(talk: Talk, second: SecondSeen | None) -> str:
    return "no_answer" if second is not None and second.missed > 0 else "nobody"


async def _ring(
    call: Call, seen: TalkSeen, whom: str, channel: str, ring_s: float, *, auto_answer: bool | None = None
) -> Talk:
    """Ring; written down first, so that nobody is rung twice."""
    talk = replace(seen.talk, since=call.now(), channel=channel)
    if not await call.parts.talks.put(seen.offer.offer_id, seen.offer.fence, talk):
        return talk
    call.live.phones.add(channel)
    try:
        await call.parts.switchboard.ring_in(
            whom,
            room=talk.room or seen.offer.offer_id,
            channel_id=channel,
            ring_s=ring_s,
            auto_answer=auto_answer,
        )
    except (SwitchAway, ActionUnknown):
        log.warning("nobody could be rung; it is looked at again")
    return talk


def _joined(talk: Talk, now: float) -> Talk:
    return replace(talk, state=move_talk(talk.state, TalkEvent.JOINED), since=now)


def _failed(talk: Talk, why: str, now: float) -> Talk:
    state = move_talk(talk.state, TalkEvent.LEFT)
    return replace(talk, state=state, since=now, second=None, channel="", failed=why)
