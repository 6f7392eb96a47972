"""What agents do with the calls offered to them, besides answering: refuse one, or take longer over its wrap-up."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import LiveCall
from ivr.ports import CallLog, Clock, Exchange, OfferSeen, Roster, Switchboard
from ivr.queues import QueueTable
from routing.offer import Claimed

log = structlog.get_logger()

#: When a refused phone is looked for, in seconds after the refusal: it may not have begun to ring yet.
LOOK_FOR_PHONE_S = (0.0, 0.1, 0.3, 0.7, 1.5, 3.0)
#: Refused phones that wait to be looked for.
MOST_WAITING = 1000


class OfferedCalls:
    """Carries out what agents say about the calls offered to them. `run` must be running for phones to fall silent."""

    def __init__(
        self,
        exchange: Exchange,
        roster: Roster,
        switchboard: Switchboard,
        record: CallLog,
        clock: Clock,
        queues: QueueTable,
        live: Mapping[str, LiveCall] | None = None,
    ) -> None:
        self._live = live if live is not None else {}
        self.reasons = queues.offers.refusals.reasons
        self._exchange, self._roster, self._switchboard = exchange, roster, switchboard
        self._record, self._clock, self._queues = record, clock, queues
        self._refused: asyncio.Queue[Claimed] = asyncio.Queue(MOST_WAITING)

    async def refuse(self, agent_id: int, offer_id: int, fence: int, reason: str) -> bool:
        """Refuse an offer; False, and nothing changed, when it is not this agent's or can no longer be refused.

        Raises StoreAway.
        """
        if reason not in self.reasons:
            return False
        now = self._clock.now()
        refused = await self._exchange.refuse(agent_id, offer_id, fence, reason, now=now)
        if refused is None:
            return False
        live = self._live.get(refused.call_id)
        if live is not None:  # held here: perhaps its phone does not ring yet
            live.refused = offer_id
        self._record.event(refused.call_id, "refused", now, agent=refused.agent_name, reason=reason)
        try:
            self._refused.put_nowait(refused)
        except asyncio.QueueFull:
            log.warning("too many phones of refused offers; this one rings until its time is over")
        return True

    def extension(self, seen: OfferSeen) -> tuple[float, int]:
        """By how many seconds the wrap-up of this offer may be extended each time, and how often still."""
        queue = self._queues.get(seen.queue)
        if queue is None:
            return 0.0, 0
        return queue.wrap_up_extend_s, max(0, queue.wrap_up_extensions - seen.wrap_up_extended)

    async def extend(self, agent_id: int, offer_id: int) -> bool:
        """More time after a conversation; False when it is over, not this agent's, or was extended often enough.

        Raises StoreAway.
        """
        seen = await self._roster.offer_of(agent_id)
        queue = self._queues.get(seen.queue) if seen is not None else None
        if queue is None:
            return False
        return await self._roster.extend_wrap_up(
            agent_id, offer_id, by_s=queue.wrap_up_extend_s, most=queue.wrap_up_extensions, now=self._clock.now()
        )

    async def run(self) -> None:
        """Let the phones of refused offers fall silent, until cancelled."""
        async with asyncio.TaskGroup() as silencing:
            while True:
                silencing.create_task(self._silence(await self._refused.get()))

    async def _silence(self, refused: Claimed, looks: Sequence[float] = LOOK_FOR_PHONE_S) -> None:
        """End the ringing of one phone. One that was answered at the last moment is left alone."""
        begun = 0.0
        for look in looks:
            await self._clock.sleep(look - begun)
            begun = look
            try:
                if await self._switchboard.stop_ringing(refused.call_id, refused.phone):
                    return
            except (SwitchAway, ActionUnknown):
                log.warning("the switch is away; the phone of a refused offer may ring on", call=refused.call_id)
            except Exception:
                log.exception("the phone of a refused offer could not be silenced", call=refused.call_id)
