"""Keys that a caller types one after the other, for steps that ask for more than one: none of them is lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.call import Call
from ivr.ports import Clip
from ivr.steps.menu import key_within
from menus.entry import Form, Keyed, pressed

#: Callers press the finish key after the last digit of a full entry too: for so long it is not a key of its own.
SPARE_S = 2.0


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of asking for an entry. `digits` may be secret."""

    digits: str = field(default="", repr=False)
    how: Keyed | None = None  #: ENDED, BACK or AGAIN; None when nothing was typed


async def typed(call: Call, clips: Sequence[Clip], form: Form, *, first_s: float, between_s: float) -> Typed:
    """Say what is to be typed, unless a key was typed ahead, and take keys until the entry ends."""
    key, call.typed_ahead = call.typed_ahead, None
    if key is None:
        key = await answer_to(call, clips, first_s)
    if key is None:
        return Typed()
    digits = ""
    while key is not None:
        digits, how = pressed(form, digits, key)
        if how is not Keyed.GOES_ON:
            if how is Keyed.ENDED and key != form.finish_key:
                call.spare_key, call.spare_until = form.finish_key, call.parts.clock.monotonic() + SPARE_S
            return Typed(digits, how)
        key = await key_within(call, between_s)
    return Typed(digits, Keyed.ENDED)


async def answer_to(call: Call, clips: Sequence[Clip], seconds: float) -> str | None:
    """The key with which the caller answers, during the prompt or within so many seconds after it; None for silence."""
    key = (await call.say(clips)).key
    if key is None:
        key = await key_within(call, seconds)
        if key is not None and key == call.spare_key and call.parts.clock.monotonic() < call.spare_until:
            key = await key_within(call, seconds)
    return key
