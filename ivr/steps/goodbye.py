"""Say goodbye; the walk ends here."""

from ivr.call import Call
from menus.schema import GoodbyeStep
from menus.walk import Finished, Input, Position


async def goodbye(call: Call, step: GoodbyeStep, position: Position) -> Input:
    """Say the last prompts."""
    for name in step.say:
        await call.say(call.prompt(name), keys="")
    return Finished()
