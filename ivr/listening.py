"""Listen, whisper, barge: a supervisor's own phone is rung and put on an agent's conversation.

What is said of it in the database is compared with the channels of the switch once a second, by every node: so it ends
there when the phone or the conversation has ended, whoever rang it.
"""

import secrets
from contextlib import suppress
from typing import Literal

import structlog

from ivr.errors import ActionUnknown, EngineFault, SwitchAway
from ivr.parts import Parts
from ivr.ports import AgentCard
from models.listenings import Listenings
from models.supervision import SupervisorActs
from routing.agent import AgentState
from routing.errors import StoreAway
from routing.listening import Listening, ListeningMode
from routing.offer import OfferState

log = structlog.get_logger()

#: How long the supervisor's phone rings, seconds.
RING_S = 20.0
#: Seconds in which the switch makes the channel that it was told to ring.
MADE_S = 4.0
#: A supervisor in one of these states may be given a caller at any moment.
TAKES_CALLS = frozenset({AgentState.READY, AgentState.OFFERED, AgentState.BUSY, AgentState.WRAP_UP})

#: From the one in which nobody hears the supervisor to the one in which everybody does.
MODES = (ListeningMode.LISTEN, ListeningMode.WHISPER, ListeningMode.BARGE)

Why = Literal["not_talking", "takes_calls", "elsewhere", "switch_away"]


class NotListening(EngineFault):
    """A supervisor cannot be put on a conversation now."""

    def __init__(self, why: Why) -> None:
        super().__init__(f"a supervisor cannot be put on a conversation: {why}")
        self.why = why


class Listeners:
    """Puts supervisors on conversations. `run` must be running."""

    def __init__(self, parts: Parts, listenings: Listenings, acts: SupervisorActs) -> None:
        self._parts, self._listenings, self._acts = parts, listenings, acts

    async def set_mode(self, supervisor: AgentCard, agent_id: int, mode: ListeningMode) -> None:
        """Put a supervisor on an agent's conversation, or let others hear them than before.

        Written down first, so that what is refused is known too. Raises NotListening, and StoreAway when nothing was
        done.
        """
        parts, now = self._parts, self._parts.clock.now()
        agent, offer = await parts.roster.card(agent_id), await parts.roster.offer_of(agent_id)
        if agent is None:
            raise NotListening("not_talking")
        offer = offer if offer is not None and offer.state == OfferState.ANSWERED else None
        call_id = offer.call_id if offer is not None else None
        entry = await self._acts.begun(supervisor.id, mode, agent_id, now=now, call_id=call_id)
        if supervisor.state in TAKES_CALLS:
            raise NotListening("takes_calls")
        if offer is None or agent_id == supervisor.id:
            raise NotListening("not_talking")
        there = await self._listenings.of_supervisor(supervisor.id)
        if there is not None and (there.agent_id, there.call_id) != (agent_id, offer.call_id):
            await self._require_left(there)
            there = None
        try:
            if there is None:
                id_ = f"spy-{secrets.token_hex(8)}"
                there = Listening(id_, supervisor.id, supervisor.full_name, agent_id, offer.call_id, mode, now)
                await self._ring(supervisor, agent, there)
            else:
                await self._change(there, mode)
        except (SwitchAway, ActionUnknown) as fault:  # what became of it is found out by the next look
            log.warning("a supervisor could not be put on a conversation", why=str(fault))
            raise NotListening("switch_away") from fault
        await self._acts.done(entry)
        self._told(there, mode, supervisor.name, agent.name)

    async def _change(self, there: Listening, mode: ListeningMode) -> None:
        """Let others hear them than before. While nobody knows whether it was done, the louder of both is shown.

        Raises SwitchAway, ActionUnknown.
        """
        louder = MODES.index(mode) > MODES.index(there.mode)
        if louder:
            await self._listenings.changed(there.id, mode)
            self._parts.desk.changed(there.agent_id)
        try:
            await self._parts.switchboard.change_spy(there.id, mode)
        except SwitchAway:
            if louder:
                await self._listenings.changed(there.id, there.mode)
                self._parts.desk.changed(there.agent_id)
            raise
        if not louder:
            await self._listenings.changed(there.id, mode)

    async def _require_left(self, there: Listening) -> None:
        """They have left the conversation they were on, which may not be written down yet. Raises NotListening."""
        with suppress(SwitchAway, ActionUnknown):
            await self.look()
        if await self._listenings.of_supervisor(there.supervisor_id) is not None:
            raise NotListening("elsewhere")

    async def _ring(self, supervisor: AgentCard, agent: AgentCard, one: Listening) -> None:
        seen = await self._parts.talks.of(one.call_id)
        own = seen.talk.own if seen is not None and seen.offer.agent_id == agent.id else ""
        if not await self._listenings.begun(one):
            raise NotListening("elsewhere")
        try:
            await self._parts.switchboard.spy(
                supervisor.phone,
                call_id=one.call_id,
                spied=agent.phone,
                own=own,
                mode=one.mode,
                spy_id=one.id,
                ring_s=RING_S,
            )
        except SwitchAway:
            await self._listenings.ended(one.id, now=self._parts.clock.now())
            raise

    async def stop(self, supervisor: AgentCard, agent_id: int) -> None:
        """Take a supervisor off an agent's conversation. Raises NotListening and StoreAway."""
        there = await self._listenings.of_supervisor(supervisor.id)
        there = there if there is not None and there.agent_id == agent_id else None
        if there is None and await self._parts.roster.card(agent_id) is None:
            raise NotListening("not_talking")
        call_id = there.call_id if there is not None else None
        entry = await self._acts.begun(supervisor.id, "stop", agent_id, now=self._parts.clock.now(), call_id=call_id)
        if there is None:
            raise NotListening("not_talking")
        try:
            await self._parts.switchboard.end_spy(there.id)
        except (SwitchAway, ActionUnknown) as fault:
            raise NotListening("switch_away") from fault
        await self._acts.done(entry)
        await self._end(there)

    async def run(self) -> None:
        """Compare with the switch once a second, until cancelled."""
        while True:
            await self._parts.clock.sleep(self._parts.settings.routing.sweep_s)
            try:
                await self.look()
            except (StoreAway, SwitchAway, ActionUnknown):
                log.warning("store or switch is away; who listens is looked at again")
            except Exception:
                log.exception("it could not be looked at who listens")

    async def look(self) -> None:
        """Write down who has answered and what is over; who is no supervisor any more hears nothing any more.

        Raises StoreAway, SwitchAway and ActionUnknown.
        """
        parts = self._parts
        there = await self._listenings.open()
        if not there or not parts.switchboard.up:
            return
        now = parts.clock.now()
        channels = {seen.uniqueid: seen for seen in await parts.switchboard.channels()}
        for one in there:
            seen = channels.get(one.id)
            card = await parts.roster.card(one.supervisor_id)
            if card is None or not card.supervisor:
                if seen is not None:
                    await parts.switchboard.end_spy(one.id)
                await self._end(one)
            elif seen is None and (one.began_at is not None or now - one.asked_at > MADE_S):
                await self._end(one)
            elif seen is not None and seen.up and one.began_at is None:
                await self._listenings.answered(one.id, now=now)
                parts.desk.changed(one.agent_id)

    async def _end(self, one: Listening) -> None:
        if await self._listenings.ended(one.id, now=self._parts.clock.now()):
            self._told(one, "end", one.supervisor, None)

    def _told(self, one: Listening, act: str, by: str, agent: str | None) -> None:
        """In the record of the call, and on the agent's desktop."""
        self._parts.log.event(one.call_id, "supervised", self._parts.clock.now(), act=act, by=by, agent=agent)
        log.info("a supervisor is on a conversation", act=str(act), supervisor_id=one.supervisor_id, call=one.call_id)
        self._parts.desk.changed(one.agent_id)
