"""Say something to the end; a key does not cut it short. Serves say steps and goodbyes."""

from ivr.call import Call
from menus.schema import Goodbye, Say
from menus.walk import Finished, Input, Position


async def say(call: Call, step: Say | Goodbye, position: Position) -> Input:
    """Say the prompts of the step."""
    for name in step.prompts:
        await call.say(call.prompt(name), keys="")
    return Finished()
