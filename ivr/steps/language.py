"""Go on in another language."""

from ivr.call import Call
from menus.schema import LanguageStep
from menus.walk import Finished, Input, Position


async def language(call: Call, step: LanguageStep, position: Position) -> Input:
    """Set the language of the rest of the call; menus heard before are greeted in full again."""
    call.language = step.language
    call.menus_heard.clear()
    call.note("step", step=position.step, kind="language", language=step.language)
    return Finished()
