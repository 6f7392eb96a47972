"""Say something: on the way a key is kept for the next menu; a goodbye is said to the end."""

from ivr.call import Call
from menus.schema import Goodbye, Say
from menus.walk import Finished, Input, Position


async def say(call: Call, step: Say, position: Position) -> Input:
    """Say the prompts of the step, or less when the caller knows which key comes next."""
    await call.say_on(step.prompts)
    return Finished()


async def goodbye(call: Call, step: Goodbye, position: Position) -> Input:
    """Say the last prompts."""
    for name in step.prompts:
        await call.say(call.prompt(name), keys="")
    return Finished()
