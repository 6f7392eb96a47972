"""Snapshot → decision → claim → wake. No rules of its own: `routing` decides, the claim makes it true."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from ivr.parts import Parts
from ivr.ports import CALLBACKS, ROUTING, CallbackSeen
from ivr.rounds import rounds
from routing.callback import share_out
from routing.decision import Decision
from routing.kept import KeptFloor
from routing.need import NeedState
from routing.offer import Claimed

log = structlog.get_logger()

#: How often one round may start again on a fresh snapshot after lost claims, before it waits for the next hint.
MOST_TRIES = 5


class Line(Protocol):
    """Customers to be called back, who stand in the queues too."""

    @property
    def line(self) -> Sequence[CallbackSeen]:
        """The wishes as last read."""
        ...

    @property
    def room(self) -> int:
        """How many more phones may ring now."""
        ...


class Dispatcher:
    """Matches waiting needs and ready agents, on every hint and at least once per sweep interval.

    An agent whom a callback's turn has come for is left to it; the dialler does the rest.
    """

    def __init__(self, parts: Parts, callbacks: Line | None = None) -> None:
        self._parts = parts
        self._callbacks = callbacks
        self._kept = KeptFloor(parts.queues.policy)
        self.claims_won = 0
        self.claims_lost = 0

    async def run(self) -> None:
        """Dispatch until cancelled."""
        parts = self._parts
        await rounds(
            self.round,
            lambda: parts.hints.wait(ROUTING, seconds=parts.settings.routing.sweep_s),
            away="the store is away; no offers until it is back",
            failed="a round of dispatching failed",
            pause_first=True,
        )

    async def round(self) -> None:
        """Decide and claim until nothing is left to decide; offers pause while the switch cannot be reached."""
        parts = self._parts
        if not parts.switchboard.up:
            return
        for _ in range(MOST_TRIES):
            now = parts.clock.now()
            snapshot = await parts.exchange.snapshot(now=now)
            for need in snapshot.needs:
                if need.state is NeedState.OFFERED:
                    await self._wake(need.call_id)
            waiting = self._callbacks
            line, room = (waiting.line, waiting.room) if waiting else ((), 0)
            shares = share_out(snapshot, line, now, room, self._kept)
            if shares.to_dial:
                parts.hints.nudge(CALLBACKS)
            if shares.decisions and await self._claim(shares.decisions):
                continue
            return

    async def _claim(self, decisions: Sequence[Decision]) -> bool:
        """Make decisions true; whether any came too late."""
        parts = self._parts
        now = parts.clock.now()
        claims = await parts.exchange.claim_all(
            decisions, node=parts.settings.node, now=now, lease_s=parts.settings.routing.offer_lease_s
        )
        lost = 0
        for decision, claim in zip(decisions, claims, strict=True):
            if not isinstance(claim, Claimed):
                lost += 1
                continue
            self.claims_won += 1
            parts.log.event(
                claim.call_id, "offer", now, agent=claim.agent_name, offer=claim.offer_id, why=dict(decision.why)
            )
            await self._wake(claim.call_id)
            parts.desk.changed(claim.agent_id)
            if claim.call_id not in parts.live:
                parts.hints.nudge(ROUTING)  # the node that holds the call wakes the caller
        self.claims_lost += lost
        return lost > 0

    async def _wake(self, call_id: str) -> None:
        """A caller of this node who waits is woken; another node sees the offer by its own snapshot."""
        live = self._parts.live.get(call_id)
        if live is not None and live.waiting:
            await self._parts.switchboard.wake(live.channel)
