"""What the switch tells and what the sweep mends: answered phones, lost channels, expired offers, ended wrap-ups.

The switch is only the witness of which channels exist. After every login, and every few seconds, the picture is read
afresh and what differs from the store is repaired and counted as drift.
"""

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import Parts
from ivr.ports import ROUTING, PhoneAnswered, PhoneRinging, Standing, Swept, SwitchBack, SwitchEvent, SwitchGone
from routing.call import CallEvent
from routing.errors import StoreAway

log = structlog.get_logger()

#: Seconds between two comparisons with the switch while nothing seems wrong.
COMPARE_EVERY_S = 5.0


class Watcher:
    """Carries the switch's events into the store, and sweeps."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._compared_at = float("-inf")
        self.drift = 0  #: differences between store and switch repaired so far

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
        if isinstance(event, PhoneRinging):
            standing = await self._standing_on(event.call_id, event.phone)
            if standing is not None and standing.offer is not None and event.call_id in parts.live:
                await parts.exchange.ringing(
                    standing.offer.offer_id,
                    standing.offer.fence,
                    now=parts.clock.now(),
                    lease_s=self._longest_ring_s(standing),
                )
                parts.log.event(event.call_id, "ringing", parts.clock.now(), agent=standing.offer.agent_name)
                parts.desk.changed(standing.offer.agent_id)
        elif isinstance(event, PhoneAnswered):
            if event.call_id in parts.live:  # another node's calls are looked at in the comparison
                await self._answered(event.call_id, event.phone)
        elif isinstance(event, SwitchBack):
            log.info("the switch is there", restarted=event.restarted)
            self._compared_at = float("-inf")
            parts.hints.nudge(ROUTING)
        elif isinstance(event, SwitchGone):
            log.warning("the switch cannot be reached; no offers are made until it is back")

    async def _answered(self, call_id: str, phone: str) -> None:
        parts = self._parts
        standing = await self._standing_on(call_id, phone)
        if standing is None or standing.offer is None or standing.answered:
            return
        live = parts.live.get(call_id)
        if live is not None:
            live.answered = True
        now = parts.clock.now()
        if await parts.exchange.answered(standing.offer.offer_id, standing.offer.fence, now=now):
            parts.log.moved(call_id, CallEvent.ANSWER)
            parts.log.event(call_id, "answered", now, agent=standing.offer.agent_name)
        parts.desk.changed(standing.offer.agent_id)

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
        parts = self._parts
        while True:
            await parts.clock.sleep(parts.settings.routing.sweep_s)
            try:
                await self.sweep()
            except StoreAway:
                log.warning("the store is away; the sweep waits")
            except Exception:
                log.exception("a sweep failed")

    async def sweep(self) -> Swept:
        """Mend what time or a lost channel has left behind."""
        parts = self._parts
        asked_at = parts.clock.now()
        alive = await self._alive()
        swept = await parts.exchange.sweep(
            now=parts.clock.now(),
            desk_lost_s=parts.settings.routing.desk_lost_s,
            alive=alive,
            alive_at=asked_at,
            wrap_up_s=max((queue.wrap_up_s for queue in parts.queues.values()), default=0.0),
        )
        self.drift += swept.calls_closed + swept.offers_expired
        if swept != Swept():
            log.info("swept", **{name: getattr(swept, name) for name in swept.__dataclass_fields__})
            parts.hints.nudge(ROUTING)
            parts.desk.changed()
        return swept

    async def _alive(self) -> frozenset[str] | None:
        """Linkedids on the switch, when it is time for a comparison and the switch can be reached; else None."""
        parts = self._parts
        if parts.clock.monotonic() - self._compared_at < COMPARE_EVERY_S or not parts.switchboard.up:
            return None
        try:
            channels = await parts.switchboard.channels()
        except (SwitchAway, ActionUnknown):
            return None
        self._compared_at = parts.clock.monotonic()
        for call_id in {channel.call_id for channel in channels if channel.bridged}:
            if call_id not in parts.live:
                standing = await parts.exchange.standing(call_id, now=parts.clock.now())
                if standing is not None and standing.offer is not None:
                    await self._answered(call_id, standing.offer.phone)
        return frozenset(channel.call_id for channel in channels) | frozenset(parts.live)
