"""Pauses of recordings: an agent lets the recording hear silence while the caller says or types what must not be kept.

The wish is stored first and then carried out, so that any node of the site carries it on: what the switch has not
confirmed is tried again, a pause that is over ends, and a recording whose call has ended is closed. Mute twice and
unmute twice are harmless; a late one that crosses another wish is noticed by the version, and done over.
"""

import asyncio
from pathlib import Path

import structlog

from ivr.callbacks import customer_reached
from ivr.errors import ActionUnknown, SwitchAway
from ivr.parts import Parts
from ivr.ports import RECORDINGS
from ivr.rounds import rounds
from ivr.steps.talk_recording import seconds_of
from routing.errors import IllegalMove
from routing.offer import OfferState
from routing.recording import Consent, TalkRecording

log = structlog.get_logger()

#: How often in a row a wish is carried out that changes meanwhile; then the next look does it.
MOST_TURNS = 5
#: Seconds after the end of a call in which its own engine closes its recording.
CLOSED_S = 5.0


class Pauses:
    """Pauses and resumes recordings. `run` must be running."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def ask(self, agent_id: int, offer_id: int, *, paused: bool) -> None:
        """An agent wishes silence in the recording of their own conversation, or that it goes on.

        Returns when the switch has confirmed it or could not; the state tells which. Raises IllegalMove when the agent
        does not talk on this offer or nothing is recorded, StoreAway when nothing was changed.
        """
        parts, now = self._parts, self._parts.clock.now()
        card, offer = await parts.roster.card(agent_id), await parts.roster.offer_of(agent_id)
        theirs = offer is not None and offer.offer_id == offer_id and offer.kind == "call"  # not who is consulted
        if card is None or offer is None or not theirs or offer.state != OfferState.ANSWERED:
            raise IllegalMove("recording", "not theirs", "pause" if paused else "resume")
        until = now + parts.settings.recordings.longest_pause_s if paused else None
        found = await parts.talk_recordings.of_call(offer.call_id)
        if found is not None and found.consent is not None:  # it is silent, and stays so whatever the agent says
            raise IllegalMove("recording", found.state, "pause" if paused else "resume")
        wished = await parts.talk_recordings.wish(offer.call_id, pause_until=until)
        if wished is None:
            raise IllegalMove("recording", "none", "pause" if paused else "resume")
        parts.desk.changed(agent_id)
        await self._carry_out(wished, by=card.name)
        parts.desk.changed(agent_id)

    async def run(self) -> None:
        """Look at all recordings once a second, and when a customer has answered, until cancelled."""
        await rounds(
            self.look,
            lambda: self._parts.hints.wait(RECORDINGS, seconds=self._parts.settings.routing.sweep_s),
            away="the store is away; pauses of recordings are looked at again",
            failed="pauses of recordings could not be looked at",
            pause_first=True,
        )

    async def look(self) -> None:
        """Carry out what is amiss, and close what nobody has closed. Raises StoreAway."""
        parts, now = self._parts, self._parts.clock.now()
        amiss = await parts.talk_recordings.amiss(now=now)
        for found in sorted(amiss, key=lambda one: one.consent is Consent.ASKED):  # the switch may take long to say
            wished: TalkRecording | None = found
            by = "again"
            if found.pause_until is not None and found.pause_until <= now:
                # The agent may have paused anew since it was read: then the new pause holds.
                wished = await parts.talk_recordings.wish(found.call_id, pause_until=None, version=found.version)
                by = "limit"
            elif (answered := await self._answer_to(found)) is not None:
                wished, by = answered, "customer"
            if wished is not None and (by != "again" or wished.muted is not wished.is_silent):
                await self._carry_out(wished, by=by)
                parts.desk.changed()
        for found in await parts.talk_recordings.left_open(ended_before=now - CLOSED_S):
            await self._close(found, now)

    async def _answer_to(self, found: TalkRecording) -> TalkRecording | None:
        """What the recording has become by what its customer answered; None while they have not. Raises StoreAway."""
        parts = self._parts
        if found.consent is not Consent.ASKED:
            return None
        try:
            agrees = await parts.switchboard.customer_agrees(found.call_id)
        except (SwitchAway, ActionUnknown):
            return None
        if agrees is not None:  # who has answered has picked up
            await customer_reached(parts, found.call_id)
        answered = None if agrees is None else await parts.talk_recordings.answered(found.recording, agrees=agrees)
        if answered is not None:
            given = {"how": "asked", "given": agrees}
            parts.log.event(found.call_id, "recording_consent", parts.clock.now(), **given)
        return answered

    async def _carry_out(self, wished: TalkRecording, *, by: str) -> None:
        """Let the switch do what is wished now, and store what it says. Raises StoreAway."""
        for _ in range(MOST_TURNS):
            now_wished = await self._parts.talk_recordings.of_call(wished.call_id)
            if now_wished is None or now_wished.recording != wished.recording:
                return
            if await self._tell_switch(now_wished, by):
                return

    async def _tell_switch(self, wished: TalkRecording, by: str) -> bool:
        """One try; False when something else was wished meanwhile."""
        parts, muted = self._parts, wished.is_silent
        done = True
        try:
            await parts.switchboard.mute_recording(wished.call_id, muted=muted)
        except (SwitchAway, ActionUnknown) as fault:
            log.warning("a recording could not be muted or unmuted; it is tried again", muted=muted, why=str(fault))
            done = False
        last = await parts.talk_recordings.confirmed(wished.recording, wished.version, muted=muted if done else None)
        if last and (done or by != "again"):
            parts.log.event(
                wished.call_id,
                "recording_pause",
                parts.clock.now(),
                paused=muted,
                confirmed=done,
                by=by,
                until=wished.pause_until,
            )
        return last

    async def _close(self, found: TalkRecording, now: float) -> None:
        """The call of a recording has ended without its engine: its length is what lies in the folder."""
        parts = self._parts
        file: Path = parts.settings.recordings.folder / f"{found.recording}.wav"
        seconds = await asyncio.to_thread(seconds_of, file)
        if seconds == 0 or found.consent is not None:
            await asyncio.to_thread(file.unlink, missing_ok=True)
            await parts.talk_recordings.dropped(found.recording)
        else:  # none here: it may lie on the machine of another node
            await parts.talk_recordings.ended(found.recording, seconds or 0.0, now=now)
