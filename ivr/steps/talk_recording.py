"""Record a conversation: tell the caller or ask them, begin before the agent's phone rings, and close the file.

What was agreed stands on the line itself, and so does the recording: both outlive this engine. What could not be listed
is not recorded: nobody could pause it, find it or delete it.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from ivr.call import Call
from ivr.errors import HungUp
from ivr.ports import Recording, is_agent_first
from ivr.queues import Queue
from ivr.steps.menu import key_within
from ivr.steps.record import recording_name
from menus.walk import Position
from routing.errors import StoreAway

log = structlog.get_logger()

CONVERSATION = "conversation"
#: Ends the name of a recording; with a number from the second agent on.
TALK = "talk"
#: How long an agent's ring waits for the list of recordings.
LIST_S = 0.5
#: Asterisk's `wav`: 8,000 samples of 16 bits a second, after a header.
WAV_HEADER, WAV_BYTES_PER_S = 44, 16_000


async def ask_to_record(call: Call, queue: Queue, name: str, position: Position) -> None:
    """Announce the recording or ask for it, as the queue says. A caller whom another engine has asked is not asked
    again."""
    call.recording = None
    if queue.recording == "never":
        return
    if is_agent_first(call.live.channel) and not call.live.reached:  # nobody is there yet who could be told
        call.note("recording_consent", queue=name, how="not_told", given=False)
        await call.leg.agree("")
        return
    if call.leg.arrival.rung > 1 and (noted := await call.leg.agreed()) is not None:
        call.recording = noted or None
        return
    part = call.edition.book.recorded
    prompt = getattr(part, queue.recording, None)
    if part is None or prompt is None:
        log.error("the book does not say that conversations are recorded, so none is", queue=name)
        return
    given = True
    if queue.recording == "announced":
        await call.say(call.prompt(prompt), keys="")
    else:
        key = (await call.say(call.prompt(prompt), keys=part.agree_key)).key or await key_within(call, part.timeout_s)
        given = key == part.agree_key
    call.note("recording_consent", queue=name, how=queue.recording, given=given)
    call.recording = f"{recording_name(call.id, position.visit)}-{TALK}" if given else None
    await call.leg.agree(call.recording or "")


async def begin_recording(call: Call) -> None:
    """Record the conversation that may come now, if that was agreed. Only what is said while they talk is recorded."""
    if call.recording is None:
        return
    listed = Recording(call.recording, call.id, CONVERSATION, 0.0, call.facts.customer_id)
    try:
        async with asyncio.timeout(LIST_S):
            await call.parts.talk_recordings.begun(listed, now=call.now())
    except (TimeoutError, StoreAway):
        log.warning("the store is away; what cannot be listed is not recorded")
        call.note("recording", purpose=CONVERSATION, outcome="not_listed")
        return
    await call.leg.monitor(call.parts.settings.recordings.seen(call.recording))


async def next_recording(call: Call) -> None:
    """Close the recording with one agent; what was agreed holds for the next one as well, in a file of its own."""
    before = call.recording
    await end_recording(call, talked=True)
    if before is not None:
        name, _, number = before.rpartition(f"-{TALK}")
        call.recording = f"{name}-{TALK}-{int(number.strip('-') or 1) + 1}"
        await call.leg.agree(call.recording)


async def end_recording(call: Call, *, talked: bool) -> None:
    """Close the recording of a conversation, also one that another engine began; one of nothing is deleted."""
    with suppress(HungUp):
        if call.recording is None and call.leg.arrival.rung > 1:
            call.recording = await call.leg.agreed() or None
        if call.recording is not None:
            await call.leg.unmonitor()
    name, call.recording = call.recording, None
    if name is None:
        return
    file = call.parts.settings.recordings.folder / f"{name}.wav"
    try:
        if talked:
            answered_at = call.live.answered_at
            seconds = await asyncio.to_thread(seconds_of, file) if answered_at is None else call.now() - answered_at
            await call.parts.talk_recordings.ended(name, seconds or 0.0, now=call.now())
            call.note("recording", recording=name, purpose=CONVERSATION, seconds=round(seconds or 0.0, 2))
        else:
            await asyncio.to_thread(_delete, file)
            await call.parts.talk_recordings.dropped(name)
    except (StoreAway, OSError) as fault:
        log.warning("a recording could not be closed; that is done when the call has ended", why=str(fault))


def seconds_of(file: Path) -> float | None:
    """How long the sound in a file of Asterisk's format `wav` lasts; None when there is no such file here."""
    try:
        return max(0, file.stat().st_size - WAV_HEADER) / WAV_BYTES_PER_S
    except FileNotFoundError:
        return None


def _delete(file: Path) -> None:
    file.unlink(missing_ok=True)
