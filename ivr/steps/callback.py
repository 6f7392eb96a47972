"""To be written."""

from ivr.call import Call
from menus.schema import Callback
from menus.walk import Input, Position


async def callback(call: Call, step: Callback, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
