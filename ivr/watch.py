"""What the switch tells and what the sweep mends: answered phones, lost channels, expired offers, ended wrap-ups.

The switch is only the witness of which channels exist. After every login, and every few seconds, the picture is read
afresh and what differs from the store is repaired and counted as drift.
"""

from collections import Counter
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import structlog

from ivr.callbacks import customer_reached
from ivr.errors import ActionUnknown, SwitchAway
from ivr.fallen import Fallen
from ivr.parts import Parts
from ivr.ports import (
    ROUTING,
    ChannelGone,
    ChannelSeen,
    PhoneAnswered,
    PhoneIs,
    PhoneRinging,
    Standing,
    Swept,
    SwitchBack,
    SwitchEvent,
    SwitchGone,
    is_agent_first,
)
from ivr.rescue import Rescuer
from ivr.rooms import Rooms
from ivr.rounds import rounds
from routing.call import CallEvent
from routing.errors import StoreAway
from routing.need import NeedState
from routing.phone import PhonesNoted

log = structlog.get_logger()

#: Seconds between two comparisons with the switch while nothing seems wrong.
COMPARE_EVERY_S = 5.0
#: Seconds between two readings of all phones: what the switch tells of them may have been lost.
PHONES_EVERY_S = 5.0


#: Kinds of drift: a call whose channel is gone, an offer whose lease is over, an answer that was not told, a phone
#: whose state was not told, a conversation of a dead node that is over, an agent or a need in an offer that is none, a
#: caller whom no engine had, a caller whom a dead node has left in silence, somebody alone in a room.
DRIFT = ("call", "offer", "answer", "phone", "talk", "stray", "fallback", "silence", "room")


class Watcher:
    """Carries the switch's events into the store, and sweeps."""

    def __init__(self, parts: Parts, rescuer: Rescuer | None = None) -> None:
        self._parts = parts
        self._fallen, self._rooms = Fallen(parts), Rooms(parts)
        self._rescuer = rescuer
        self._compared_at = float("-inf")
        self._renewed_at = float("-inf")
        self._looks: tuple[frozenset[tuple[str, str]] | None, frozenset[tuple[str, str]] | None] = (None, None)
        self._phones_read_at = float("-inf")
        self._phones: frozenset[str] | None = None  #: agents' phones; None until they were read
        self._phones_told: dict[str, float] = {}  #: phone → when the switch last told of it by itself
        self.store_used_at = parts.clock.monotonic()  #: when a sweep last got through to the store
        self.drift: Counter[str] = Counter()  #: differences between store and switch repaired so far, by kind

    async def listen(self) -> None:
        """Take the switch's events until cancelled."""
        async for event in self._parts.switchboard.events():
            try:
                await self.take(event)
            except StoreAway:
                log.warning("the store is away; an event of the switch is left to the next comparison")
            except Exception:
                log.exception("an event of the switch could not be taken", kind=type(event).__name__)

    async def take(self, event: SwitchEvent) -> None:
        """One event of the switch."""
        parts = self._parts
        if isinstance(event, ChannelGone | PhoneAnswered):
            await self._look_at_rooms(event)
        if isinstance(event, PhoneRinging):
            if event.call_id in parts.live:  # the node that holds the call writes it down
                await self._ringing(event.call_id, event.phone)
        elif isinstance(event, PhoneAnswered):
            live = parts.live.get(event.call_id)
            if live is not None:  # a dead node's calls are looked at in the comparison
                if live.offer is not None and live.offer.phone == event.phone:
                    live.answered = True  # known here whatever the store says
                    live.answered_at = parts.clock.now()
                elif live.offer is None and live.outside:
                    live.outside_answered = True
                await self._answered(event.call_id, event.phone)
        elif isinstance(event, PhoneIs):
            await self._phone_is(event)
        elif isinstance(event, SwitchBack):
            log.info("the switch is there", restarted=event.restarted)
            self._compared_at = self._phones_read_at = float("-inf")
            self._phones_told.clear()
            parts.hints.nudge(ROUTING)
        elif isinstance(event, SwitchGone):
            log.warning("the switch cannot be reached; no offers are made until it is back")

    async def _look_at_rooms(self, event: ChannelGone | PhoneAnswered) -> None:
        """Somebody came to a room or left it: the caller's own coroutine is to look who is there."""
        switchboard = self._parts.switchboard
        for call_id, live in tuple(self._parts.live.items()):
            about = event.call_id in live.phones or (isinstance(event, ChannelGone) and event.call_id == call_id)
            if live.room is None or not about:
                continue
            if isinstance(event, ChannelGone) and event.declined:
                live.declined.add(event.uniqueid)
            if live.waiting:
                await switchboard.wake(live.channel)
            elif live.joined:
                with suppress(SwitchAway, ActionUnknown):
                    await switchboard.call_back_from(live.room, live.channel)

    async def _ringing(self, call_id: str, phone: str) -> None:
        parts, now = self._parts, self._parts.clock.now()
        standing = await self._standing_on(call_id, phone)
        if standing is None or standing.offer is None:
            return
        offer = standing.offer
        if await parts.exchange.ringing(offer.offer_id, offer.fence, now=now, lease_s=self._longest_ring_s(standing)):
            parts.log.event(call_id, "ringing", now, agent=offer.agent_name)
            parts.desk.changed(offer.agent_id)

    async def _answered(self, call_id: str, phone: str) -> bool:
        """Store that the phone was answered; whether that was news."""
        parts, now, live = self._parts, self._parts.clock.now(), self._parts.live.get(call_id)
        standing = await self._standing_on(call_id, phone)
        if standing is not None and standing.answered:
            return False
        if standing is not None and standing.offer is not None:
            offer = standing.offer
            if not await parts.exchange.answered(offer.offer_id, offer.fence, now=now):
                return False
        elif live is not None and live.offer is not None and live.offer.phone == phone:
            offer = live.offer
            if not await parts.exchange.answered_late(offer.offer_id, offer.fence, now=now):
                return False
            log.info("a phone was answered in the moment in which its offer ended", call=call_id)
            parts.hints.nudge(ROUTING)
            parts.desk.changed()  # of whoever was offered the call, or this agent another one, meanwhile
        else:
            return False
        parts.log.moved(call_id, CallEvent.ANSWER)
        parts.log.event(call_id, "answered", now, agent=offer.agent_name)
        parts.desk.changed(offer.agent_id)
        return True

    async def _phone_is(self, event: PhoneIs) -> None:
        """A phone of an agent is in another state: whoever is free again gets an offer at once."""
        parts = self._parts
        if self._phones is not None and event.phone not in self._phones:
            return
        self._phones_told[event.phone] = parts.clock.monotonic()
        noted = await parts.exchange.note_phones(
            {event.phone: event.state}, now=parts.clock.now(), node=parts.settings.node
        )
        self._tell_phones(noted)

    async def _read_phones(self) -> None:
        """All phones afresh, after each login and every few seconds: what the switch told may have been lost."""
        parts, began = self._parts, self._parts.clock.monotonic()
        if began - self._phones_read_at < PHONES_EVERY_S or not parts.switchboard.up:
            return
        first, self._phones_read_at = self._phones_read_at == float("-inf"), began
        try:
            states = await parts.switchboard.phones()
        except (SwitchAway, ActionUnknown) as fault:
            if first:
                log.warning("phones cannot be listed: nobody knows which are busy or gone", why=str(fault))
            return
        late = {phone for phone, at in self._phones_told.items() if at >= began}  # what was told since is newer
        noted = await parts.exchange.note_phones(
            {phone: state for phone, state in states.items() if phone not in late},
            now=parts.clock.now(),
            node=parts.settings.node,
        )
        if not first:
            self.drift["phone"] += len(noted.changed)
        self._tell_phones(noted)

    def _tell_phones(self, noted: PhonesNoted) -> None:
        self._phones = noted.known
        if noted.changed:
            self._parts.hints.nudge(ROUTING)
            self._parts.desk.changed()

    async def _standing_on(self, call_id: str, phone: str) -> Standing | None:
        standing = await self._parts.exchange.standing(call_id, now=self._parts.clock.now())
        if standing is None or standing.offer is None or standing.offer.phone != phone:
            return None
        return standing

    def _longest_ring_s(self, standing: Standing) -> float:
        queue = self._parts.queues.get(standing.queue)
        lease = self._parts.settings.routing.offer_lease_s
        return lease + (queue.ring_s if queue is not None else 0.0)

    async def sweep_forever(self) -> None:
        """Sweep at the configured interval until cancelled."""
        await rounds(
            self.sweep,
            lambda: self._parts.clock.sleep(self._parts.settings.routing.sweep_s),
            away="the store is away; the sweep waits",
            failed="a sweep failed",
            pause_first=True,
        )

    async def sweep(self) -> Swept:
        """Mend what time or a lost channel has left behind."""
        parts = self._parts
        asked_at = parts.clock.now()
        await self._renew()
        await self._read_phones()
        alive = await self._alive()
        swept = await parts.exchange.sweep(
            now=parts.clock.now(),
            desk_lost_s=parts.settings.routing.desk_lost_s,
            alive=alive,
            alive_at=asked_at,
            wrap_up_s=max((queue.wrap_up_s for queue in parts.queues.values()), default=0.0),
            phones=self._twice_looked() if alive is not None else None,
        )
        self.store_used_at = parts.clock.monotonic()
        self.drift["call"] += swept.calls_closed
        self.drift["offer"] += swept.offers_expired
        self.drift["talk"] += swept.talks_over
        self.drift["stray"] += swept.strays_freed
        if swept != Swept():
            log.info("swept", **{name: getattr(swept, name) for name in swept.__dataclass_fields__})
            parts.hints.nudge(ROUTING)
            parts.desk.changed()
        return swept

    async def _renew(self) -> None:
        """Offers that this node carries out do not lapse, whatever the switch does or does not tell."""
        parts = self._parts
        if parts.clock.monotonic() - self._renewed_at < COMPARE_EVERY_S:
            return
        now, lease_s = parts.clock.now(), parts.settings.routing.offer_lease_s
        offers = [live.offer for live in parts.live.values() if live.offer is not None]
        for call_id in [id_ for id_, live in parts.live.items() if live.told]:
            standing = await parts.exchange.standing(call_id, now=now)
            offers += [standing.offer] if standing is not None and standing.offer is not None else []
        for offer in offers:
            await parts.exchange.renew(offer.offer_id, offer.fence, now=now, lease_s=lease_s)
        self._renewed_at = parts.clock.monotonic()

    async def _alive(self) -> frozenset[str] | None:
        """Linkedids on the switch, when it is time for a comparison and the switch can be reached; else None."""
        parts = self._parts
        if parts.clock.monotonic() - self._compared_at < COMPARE_EVERY_S or not parts.switchboard.up:
            return None
        try:
            channels = await parts.switchboard.channels()
        except (SwitchAway, ActionUnknown):
            return None
        await self._find_answered(channels)
        await self._find_reached(channels)
        await self._mend("fallback", self._fallen.fetch(channels))
        if self._rescuer is not None:
            await self._mend("silence", self._rescuer.look(channels))
        await self._mend("room", self._rooms.clear(channels))
        seen = frozenset(
            (id_, channel.channel.rpartition("-")[0])
            for channel in channels
            for id_ in (channel.call_id, channel.uniqueid)
        )
        self._looks = (self._looks[1], seen)
        self._compared_at = parts.clock.monotonic()
        return frozenset(channel.call_id for channel in channels) | frozenset(parts.live)

    async def _mend(self, kind: str, work: Awaitable[int]) -> None:
        """Mend one kind of drift; what goes wrong there stops nothing else. Raises StoreAway."""
        try:
            self.drift[kind] += await work
        except StoreAway:
            raise
        except Exception:
            log.exception("drift could not be mended", kind=kind)

    def _twice_looked(self) -> frozenset[tuple[str, str]] | None:
        """Phones by call and channel id that one of the last two looks has shown; None before there were two."""
        before, last = self._looks
        return None if before is None or last is None else before | last

    async def _find_answered(self, channels: Sequence[ChannelSeen]) -> None:
        """Store the answers that nobody saw: of a dead node's calls, or while the link or the store was down."""
        parts = self._parts
        phones = {(channel.call_id, channel.channel.rpartition("-")[0]) for channel in channels if channel.bridged}
        if not phones:
            return
        snapshot = await parts.exchange.snapshot(now=parts.clock.now())
        offered = {need.call_id for need in snapshot.needs if need.state is NeedState.OFFERED}
        offered |= {call_id for call_id, live in parts.live.items() if live.offer is not None and not live.answered}
        for call_id, phone in phones:
            if call_id in offered and await self._answered(call_id, phone):
                live = parts.live.get(call_id)
                if live is not None:
                    live.answered = True
                self.drift["answer"] += 1

    async def _find_reached(self, channels: Sequence[ChannelSeen]) -> None:
        """Store that customers were reached whose agents had answered first, where nobody heard it."""
        agent_first = {channel.call_id for channel in channels if is_agent_first(channel.channel)}
        talking = [channel for channel in channels if channel.bridged and channel.call_id in agent_first]
        for call_id in {channel.call_id for channel in talking if self._is_customer(channel.channel)}:
            live = self._parts.live.get(call_id)
            if (live is None or not live.reached) and await customer_reached(self._parts, call_id):
                self.drift["answer"] += 1

    def _is_customer(self, channel: str) -> bool:
        """Whether a channel of a callback is neither a half of the call nor an agent's phone."""
        if self._phones is None or is_agent_first(channel):
            return False
        return channel.rpartition("-")[0] not in self._phones
