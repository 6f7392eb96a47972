"""What an agent does with their conversation from the desktop: check it, store it, and let the switch part them.

What is asked for is stored with the agent's own answered offer; then the caller's coroutine, on whichever node it is,
is made to look: the agent's phone is moved or hung up, the caller woken or called back from the room. The ask is taken
back when nobody carries it out in time, also when the page has gone meanwhile: nothing happens later by surprise.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.numbers import e164
from ivr.parts import Parts
from ivr.ports import NeedWish, OfferSeen, TalkEvent, TalkSeen, TalkState, Target, TargetKind
from ivr.ports.handling import AgentChoice, Choices, QueueChoice, Refusal, SkillChoice
from ivr.steps.handover import phone_of
from ivr.steps.wishes import one_tier_up
from routing.agent import AT_WORK, Agent, AgentState
from routing.errors import IllegalMove, StoreAway
from routing.need import Need, NeedState
from routing.skills import asked_of_agent, fits
from routing.talk import ASK_LASTS_S, IN_ROOM, ON_HOLD, Ask, move_talk

log = structlog.get_logger()

#: How often the switch is told, and how long each time until it must have had an effect, seconds.
TRIES, EFFECT_S = 3, 1.0
#: How long it may take once the agent's phone has left the caller: another engine may have to take the call over first.
PARTED_S = 8.0
#: So long after the ask nobody's phone is moved or hung up any more: no time would be left to carry it out.
LAST_TRY_S = ASK_LASTS_S - PARTED_S
#: How often the store is asked meanwhile, seconds.
LOOK_S = 0.1
#: Agents in a choice at most; those who are ready come first.
MOST_AGENTS = 200

_WITH_TARGET = frozenset({TalkEvent.TRANSFER, TalkEvent.CONSULT})


class Handler:
    """`ivr.ports.Handling` on the engine's parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._under_way: set[asyncio.Task[Refusal | None]] = set()

    async def choices(self, agent_id: int) -> Choices:
        """To whom this agent may hand their caller now. Raises StoreAway."""
        parts = self._parts
        now = parts.clock.now()
        snapshot = await parts.exchange.snapshot(now=now)
        waiting = {seen.queue: seen.waiting for seen in await parts.roster.queue_state(now=now)}
        ready = [agent for agent in snapshot.agents if agent.state is AgentState.READY]
        cards = [card for card in await parts.roster.at_work() if card.id != agent_id]
        cards.sort(key=lambda card: (card.state is not AgentState.READY, card.full_name))
        offer = await parts.roster.offer_of(agent_id)
        seen = None if offer is None else await parts.talks.of(offer.call_id)
        return Choices(
            tuple(
                QueueChoice(
                    name,
                    waiting.get(name, 0),
                    sum(fits(agent.skills, queue.skills) for agent in ready),
                )
                for name, queue in parts.queues.items()
                if parts.queues.open_one(name, now) is not None
            ),
            tuple(AgentChoice(card.name, card.full_name, card.state) for card in cards[:MOST_AGENTS]),
            numbers=bool(parts.settings.outbound.allow),
            tier=None if offer is None else self._next_tier(offer),
            skills=() if seen is None or seen.offer.agent_id != agent_id else self._groups(seen, snapshot.agents),
        )

    def _groups(self, seen: TalkSeen, agents: Sequence[Agent]) -> tuple[SkillChoice, ...]:
        """The groups of which somebody else is at work who may serve this caller."""
        barred = (seen.wish.terms.barred - {seen.sent_by}) | {seen.offer.agent_id}
        others = [agent for agent in agents if agent.state in AT_WORK and agent.id not in barred]
        choices = list[SkillChoice]()
        for skill in self._parts.queues.groups:
            asked = _asked(seen, {skill: 1})
            fit = [agent for agent in others if fits(agent.skills, asked)]
            if fit:
                choices.append(SkillChoice(skill, len(fit), sum(agent.state is AgentState.READY for agent in fit)))
        return tuple(choices)

    async def do(
        self, agent_id: int, offer_id: int, event: TalkEvent, target: Target | None = None, note: str = ""
    ) -> Refusal | None:
        """Do something with the agent's own conversation; None when it was carried out. Raises StoreAway.

        Goes on to its end when whoever waits for it is cancelled.
        """
        work = asyncio.create_task(self._do(agent_id, offer_id, event, target, note))
        self._under_way.add(work)
        work.add_done_callback(self._ended)
        return await asyncio.shield(work)

    def _ended(self, work: asyncio.Task[Refusal | None]) -> None:
        self._under_way.discard(work)
        if not work.cancelled() and work.exception() is not None:
            log.warning("what an agent asked for has failed", why=str(work.exception()))

    async def _do(
        self, agent_id: int, offer_id: int, event: TalkEvent, target: Target | None, note: str
    ) -> Refusal | None:
        parts = self._parts
        offer = await parts.roster.offer_of(agent_id)
        seen = None if offer is None or offer.offer_id != offer_id else await parts.talks.of(offer.call_id)
        if seen is None or seen.offer.offer_id != offer_id:
            return Refusal.NOT_YOURS
        try:
            move_talk(seen.talk.state, event)
            if (target is not None) != (event in _WITH_TARGET):
                return Refusal.NOT_NOW
            if target is not None:
                target = await self._checked(seen, target)
            if target is None and event in _WITH_TARGET:
                return Refusal.NOBODY_THERE
            if event is TalkEvent.END:
                return await self._end(seen)
            ask = Ask(event, parts.clock.now(), target, note)
            before = await parts.talks.ask(agent_id, offer_id, ask)
        except IllegalMove:
            return Refusal.NOT_NOW
        except PermissionError:
            return Refusal.NOT_ALLOWED
        if before is None:
            return Refusal.NOT_YOURS
        log.info("an agent asks for something", agent_id=agent_id, call=before.offer.call_id, does=str(event))
        return await self._carried_out(before, ask)

    async def _checked(self, seen: TalkSeen, target: Target) -> Target | None:
        """The target as it is stored, None when nobody is there. Raises PermissionError for a number not allowed."""
        parts, wish = self._parts, seen.wish
        match target.kind:
            case TargetKind.QUEUE:
                known = target.name in parts.queues
                return target if known and parts.queues.open_one(target.name, parts.clock.now()) is not None else None
            case TargetKind.TIER:
                return Target(TargetKind.TIER) if one_tier_up(parts.queues, wish) is not None else None
            case TargetKind.NUMBER:
                number = e164(target.name, parts.settings.country)
                if number is None or not parts.settings.outbound.permits(number):
                    raise PermissionError
                return Target(TargetKind.NUMBER, number)
        snapshot = await parts.exchange.snapshot(now=parts.clock.now())
        if target.kind is TargetKind.SKILL:
            return target if any(one.skill == target.name for one in self._groups(seen, snapshot.agents)) else None
        agent = next((one for one in snapshot.agents if one.name == target.name and one.state in AT_WORK), None)
        if agent is None or agent.id == seen.offer.agent_id:
            return None
        barred = wish.terms.barred - {seen.sent_by}
        return target if agent.id not in barred and fits(agent.skills, _asked(seen, {})) else None

    def _next_tier(self, offer: OfferSeen) -> int | None:
        wish = one_tier_up(self._parts.queues, NeedWish(offer.queue, {}, "", "", offer.tier))
        return wish.tier if wish is not None else None

    async def _end(self, seen: TalkSeen) -> Refusal | None:
        """The agent hangs up; the caller goes on in the book."""
        try:
            mine = phone_of(seen, await self._parts.switchboard.channels())
            if mine is None:
                return Refusal.NOT_NOW
            await self._parts.switchboard.hang_up(mine.channel)
        except (SwitchAway, ActionUnknown):
            return Refusal.SWITCH_AWAY
        return None

    async def _carried_out(self, before: TalkSeen, ask: Ask) -> Refusal | None:
        parts, offer = self._parts, before.offer
        refusal = Refusal.NOT_NOW
        on_line, parted = before.talk.state is TalkState.LINE, False
        for tried in range(TRIES):
            if parts.clock.now() - ask.at > LAST_TRY_S:
                break
            try:
                there = await self._part_them(before, ask.do)
                if not there and not tried:
                    break  # nobody is on the phone any more
                parted = on_line  # by us, also when the switch did not confirm it the last time
            except (SwitchAway, ActionUnknown):
                refusal = Refusal.SWITCH_AWAY
            if await self._is_carried_out(offer.call_id, ask, within_s=PARTED_S if parted else EFFECT_S):
                return await self._left_alone(before)
            if parted:
                break
        if not await parts.talks.unask(offer.offer_id, offer.fence, ask.at):
            return await self._left_alone(before)
        log.warning("what an agent asked for could not be carried out", call=offer.call_id, does=str(ask.do))
        if parted:  # the caller is not there any more: nobody sits alone in a room
            await self._end(before)
        return refusal

    async def _left_alone(self, before: TalkSeen) -> Refusal | None:
        """Nobody sits in a room whose caller hung up in the very moment of the move."""
        if await self._parts.talks.of(before.offer.call_id) is None and before.talk.state is TalkState.LINE:
            await self._end(before)
        return None

    async def _part_them(self, before: TalkSeen, event: TalkEvent) -> bool:
        """Make the caller's coroutine look; False when the agent's phone, or the caller, is not there."""
        switchboard, room = self._parts.switchboard, before.talk.room or before.offer.offer_id
        there = await switchboard.channels()
        mine = phone_of(before, there)
        caller = next((seen for seen in there if seen.uniqueid == seen.call_id == before.offer.call_id), None)
        if mine is None or caller is None:
            return False
        if before.talk.state is TalkState.LINE and event is TalkEvent.TRANSFER:
            await switchboard.hang_up(mine.channel)
        elif before.talk.state is TalkState.LINE:
            await switchboard.move(mine.channel, room=room)
        elif before.talk.state in IN_ROOM:
            await switchboard.call_back_from(room, caller.channel)
        elif before.talk.state in ON_HOLD:
            await switchboard.wake(caller.channel)
        return True

    async def _is_carried_out(self, call_id: str, ask: Ask, *, within_s: float) -> bool:
        until = self._parts.clock.monotonic() + within_s
        while self._parts.clock.monotonic() < until:
            with suppress(StoreAway):
                seen = await self._parts.talks.of(call_id)
                if seen is None or seen.talk.ask is None or seen.talk.ask.at != ask.at:
                    return True
            await self._parts.clock.sleep(LOOK_S)
        return False


def _asked(seen: TalkSeen, required: Mapping[str, int]) -> Mapping[str, int]:
    """What this caller asks of whom they are handed on to: these skills, their language, authority for a complaint."""
    wish, call_id = seen.wish, seen.offer.call_id
    waiting = (0.0, 0, NeedState.WAITING)
    return asked_of_agent(Need(0, call_id, wish.queue, *waiting, required, wish.language, wish.tier, terms=wish.terms))
