"""Record a conversation: tell the caller or ask them, begin before the agent's phone rings, and close the file.

What was agreed stands on the line itself, and so does the recording: both outlive this engine. What could not be listed
is not recorded: nobody could pause it, find it or delete it.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from ivr.call import Call
from ivr.errors import ActionUnknown, HungUp, SwitchAway
from ivr.ports import OnAnswer, Recording, is_agent_first
from ivr.queues import Queue
from ivr.steps.menu import key_within
from ivr.steps.record import recording_name
from menus.walk import Position
from routing.errors import StoreAway

log = structlog.get_logger()

CONVERSATION = "conversation"
#: What a customer hears who picks up a callback with the agent first, by how the queue records.
ON_ANSWER = {"announced": OnAnswer.TOLD, "asked": OnAnswer.ASKED}
#: Ends the name of a recording; from the second agent on with the seconds since the call began.
TALK = "talk"
#: How long an agent's ring waits for the list of recordings.
LIST_S = 0.5
#: Asterisk's `wav`: 8,000 samples of 16 bits a second, after a header.
WAV_HEADER, WAV_BYTES_PER_S = 44, 16_000


async def ask_to_record(call: Call, queue: Queue, name: str, position: Position, *, handed_on: bool = False) -> None:
    """Announce the recording or ask for it, as the queue says. A caller whom another engine has asked is not asked
    again, and who is handed on is told or asked only what they were not in this call."""
    call.recording, call.recording_waits = None, False
    how, part = queue.recording, call.edition.book.recorded
    if how == "never":
        return
    agent_first, again = is_agent_first(call.live.channel), not handed_on and call.leg.arrival.rung > 1
    on_answer = await call.leg.on_answer() if agent_first else None
    if again and (noted := await call.leg.agreed()) is not None:
        call.recording = noted or None
        if noted and how == "asked" and on_answer is OnAnswer.ASKED:
            call.recording_waits = True  # what they have said, if they have, stands on the line
        else:
            call.recording_agreed[how] = bool(noted)
        return
    said = await call.leg.agrees_on_answer() if on_answer is OnAnswer.ASKED else None
    if said is not None:
        call.recording_agreed["asked"] = said
    given = _given_before(call, how) if handed_on or (again and agent_first) else None
    if agent_first and (said is None if on_answer is OnAnswer.ASKED else not call.live.reached):
        given = on_answer is ON_ANSWER[how]
        call.recording_waits = given and how == "asked"
        agrees = None if call.recording_waits else given
        call.note("recording_consent", queue=name, how="on_answer" if given else "not_told", given=agrees)
    if given is None:
        prompt = getattr(part, how, None)
        if part is None or prompt is None:
            log.error("the book does not say that conversations are recorded, so none is", queue=name)
            return
        given = True
        if how == "announced":
            await call.say(call.prompt(prompt), keys="")
        else:
            key = (await call.say(call.prompt(prompt))).key or await key_within(call, part.timeout_s)
            given = key == part.agree_key
        call.note("recording_consent", queue=name, how=how, given=given)
    if not call.recording_waits:
        call.recording_agreed[how] = given
    call.recording = _file_name(call, position, first=not handed_on) if given else None
    await call.leg.agree(call.recording or "")


def _given_before(call: Call, how: str) -> bool | None:
    """What this caller has heard or answered already; who has agreed by a key need not be told besides."""
    if how == "announced" and call.recording_agreed.get("asked"):
        return True
    return call.recording_agreed.get(how)


def _file_name(call: Call, position: Position, *, first: bool) -> str:
    """A name of its own for each conversation, also when another engine had those before."""
    name = f"{recording_name(call.id, position.visit)}-{TALK}"
    return name if first and call.leg.arrival.rung == 1 else f"{name}-{call.now() - call.started_at:.0f}"


async def begin_recording(call: Call) -> None:
    """Record the conversation that may come now, if that was agreed. Only what is said while they talk is recorded."""
    if call.recording is None:
        return
    said = await call.leg.agrees_on_answer() if call.recording_waits else True
    if call.recording_waits and said is not None:
        call.recording_waits, call.recording_agreed["asked"] = False, said
        call.note("recording_consent", how="asked", given=said)
    if said is False:
        call.recording = None
        await call.leg.agree("")
        return
    listed = Recording(call.recording, call.id, CONVERSATION, 0.0, call.facts.customer_id)
    try:
        async with asyncio.timeout(LIST_S):
            await call.parts.talk_recordings.begun(listed, now=call.now(), asked=said is None)
    except (TimeoutError, StoreAway):
        log.warning("the store is away; what cannot be listed is not recorded")
        call.note("recording", purpose=CONVERSATION, outcome="not_listed")
        return
    await call.leg.monitor(call.parts.settings.recordings.seen(call.recording))
    if said is None and not await _is_as_wished(call, call.recording):
        log.warning("a recording cannot be silent until the customer agrees, so none is made")
        call.note("recording", purpose=CONVERSATION, outcome="not_silent")
        await end_recording(call, talked=False)


async def _is_as_wished(call: Call, recording: str) -> bool:
    """Let the recording hear silence until the customer has agreed, who may do so at any moment. Nothing was said
    before: nobody talks yet."""
    talks = call.parts.talk_recordings
    try:
        async with asyncio.timeout(LIST_S):
            while (seen := await talks.of_call(call.id)) is not None and seen.recording == recording:
                await call.parts.switchboard.mute_recording(call.id, muted=seen.is_silent)
                if await talks.confirmed(recording, seen.version, muted=seen.is_silent):
                    return True
    except (TimeoutError, SwitchAway, ActionUnknown, StoreAway) as fault:
        log.warning("the recording of a customer who is to be asked", why=str(fault))
    return False


async def hand_recording_over(call: Call, queue: Queue | None) -> None:
    """Another agent has taken the caller over, who goes on hearing them: it goes on, unless their queue never records.

    A caller who was not told is not recorded now either.
    """
    if queue is not None and queue.recording == "never":
        await end_recording(call, talked=True)
    if call.recording is None:
        with suppress(HungUp):
            await call.leg.agree("")


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
        seen = await call.parts.talk_recordings.of_call(call.id) if talked else None
        if talked and (seen is None or seen.consent is None):
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
