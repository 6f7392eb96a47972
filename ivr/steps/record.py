"""Record what the caller says, and let them hear it before it is kept."""

import re

import structlog

from ivr.call import Call
from ivr.errors import HungUp, NotRecorded
from ivr.ports import Clip, Recorded, Recording
from ivr.steps.menu import key_within
from menus.schema import Record
from menus.walk import Input, Left, Position

log = structlog.get_logger()

#: Purposes of recordings that somebody is to listen to and act on.
MESSAGES = frozenset({"voicemail", "complaint"})
#: The tone before a recording, and the switch's own time to begin: on top of the longest recording.
TONE_S = 2.0
#: Keys of the question whether to keep it.
KEEP, PLAY, AGAIN = "1", "2", "3"
#: How long a caller may think about it in silence; then it is kept.
REVIEW_S = 6.0
#: How often it may be heard or recorded anew; after that it is kept.
MOST_REVIEWS = 10


async def record(call: Call, step: Record, position: Position) -> Input:
    """Ask, record, review. A caller who hangs up has left what they said: the book goes on without a word."""
    name = recording_name(call.id, position.visit)
    await call.say(call.prompt(step.prompt))
    call.typed_ahead = None
    made = await take_down(call, name, longest_s=step.longest_s, silence_s=step.silence_s, least_s=step.least_s)
    if made is not None and not made.hung_up and step.review is not None:
        made = await _reviewed(call, step, name, made)
    if made is None:
        call.note("recording", purpose=step.purpose, outcome="nothing_said")
        return Left("otherwise")
    keep(call, name, step.purpose, made, customer_id=position.verified_as)
    return Left("then", {step.into: name})


async def take_down(call: Call, name: str, *, longest_s: float, silence_s: float, least_s: float) -> Recorded | None:
    """What the caller says now; None when it is less than the least. Raises HungUp when they left without a word."""
    await call.leg.arm(longest_s + TONE_S + call.parts.settings.calls.dead_man_s)
    began = call.parts.clock.monotonic()
    sound = call.parts.settings.recordings.seen(name)
    try:
        made = await call.leg.record(sound, longest_s=longest_s, silence_s=silence_s)
    except HungUp:  # the switch did not even tell how much it has: the file is there all the same
        made = Recorded(min(call.parts.clock.monotonic() - began - TONE_S, longest_s), hung_up=True)
    except NotRecorded as fault:
        log.error("a recording could not be made", name=name, why=str(fault))
        call.note("fault", step="record", why=str(fault))
        return None
    if made.seconds >= least_s:
        return made
    if made.hung_up:
        raise HungUp
    return None


def keep(call: Call, name: str, purpose: str, made: Recorded, *, customer_id: int | None) -> None:
    """Put a recording into the record of the call. Who hangs up after a message has left one."""
    call.left_message |= purpose in MESSAGES
    who = customer_id or call.facts.customer_id
    call.parts.log.recorded(Recording(name, call.id, purpose, round(made.seconds, 2), who), call.now())
    call.note("recording", recording=name, purpose=purpose, seconds=round(made.seconds, 2), hung_up=made.hung_up)


def recording_name(call_id: str, visit: str) -> str:
    """Name of the file: the same after another engine took the call over, another for each visit to a step."""
    safe = re.sub(r"[^A-Za-z0-9]", "-", call_id)
    return f"{safe[:100]}-{visit}"


async def _reviewed(call: Call, step: Record, name: str, made: Recorded) -> Recorded | None:
    """The recording as the caller wants it. Silence, any other key and leaving keep it."""
    assert step.review is not None
    settings, sound = call.parts.settings, call.parts.settings.recordings.seen(name)
    key: str | None = None
    for _ in range(MOST_REVIEWS):
        try:
            key = key or (await call.say(call.prompt(step.review))).key or await key_within(call, REVIEW_S)
            if key == PLAY:
                await call.leg.arm(made.seconds + settings.calls.dead_man_s)
                key = (await call.leg.say((Clip(sound, "", made.seconds, ""),))).key
                continue
        except HungUp:
            return Recorded(made.seconds, hung_up=True)
        if key != AGAIN:
            break
        anew = await take_down(call, name, longest_s=step.longest_s, silence_s=step.silence_s, least_s=step.least_s)
        if anew is None or anew.hung_up:
            return anew
        made, key = anew, None
    return made
