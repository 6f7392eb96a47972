"""To be written."""

from ivr.call import Call
from menus.schema import Send
from menus.walk import Input, Position


async def send(call: Call, step: Send, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
