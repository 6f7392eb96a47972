"""Say something; a key does not cut it short."""

from ivr.call import Call
from menus.schema import SayStep
from menus.walk import Finished, Input, Position


async def say(call: Call, step: SayStep, position: Position) -> Input:
    """Say the prompts of the step to the end."""
    for name in step.say:
        await call.say(call.prompt(name), keys="")
    return Finished()
