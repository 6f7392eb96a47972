"""Tell a caller what is open, and offer to go on with it: a case, a missed callback, a call of late."""

from dataclasses import dataclass
from datetime import timedelta

from ivr.call import Call
from ivr.steps.menu import key_within
from menus.schema import Matters
from menus.take_up import target_of
from menus.walk import Input, Left, Position


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that is open, and the way that leads on with it."""

    what: str  #: case, callback or repeat
    prompt: str
    taken: Left


async def matters(call: Call, step: Matters, position: Position) -> Input:
    """Say the first matter that there is, and take the offer or go on."""
    matter = first_matter(call, step, position)
    if matter is None:
        return Left()
    if call.typed_ahead is not None:  # typed before the offer was heard: it is meant for the menu that follows
        call.note("matter", matter=matter.what, taken=False, heard=False)
        return Left()
    heard = await call.say(call.prompt(matter.prompt))
    key = heard.key or await key_within(call, step.timeout_s)
    taken = key == step.key
    call.note("matter", matter=matter.what, taken=taken)
    call.typed_ahead = None if taken else key  # any other key is meant for the menu that follows
    return matter.taken if taken else Left()


def first_matter(call: Call, step: Matters, position: Position) -> Matter | None:
    """What this caller is told; None when nothing is open, or the book has no words for it."""
    facts = call.facts
    if facts.open_cases > 0 and step.case is not None and step.case_then is not None:
        return Matter("case", step.case, Left("case_then"))
    if facts.missed_callback and step.callback is not None and step.callback_then is not None:
        return Matter("callback", step.callback, Left("callback_then"))
    verified, since = position.verified_as is not None, call.local_time() - timedelta(hours=step.repeat_hours)
    for recent in facts.recent:
        if recent.at < since:
            break
        # What it was about is told to nobody before they are verified: the number may be somebody else's.
        prompt = step.repeat_named.get(recent.task or "", step.repeat) if verified else step.repeat
        if prompt is None:
            continue
        target = target_of(call.edition.book, recent, verified=verified, values=position.values)
        if target is not None and target != position.step:
            return Matter("repeat", prompt, Left(to=target))
    return None
