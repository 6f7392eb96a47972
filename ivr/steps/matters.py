"""To be written."""

from ivr.call import Call
from menus.schema import Matters
from menus.walk import Input, Position


async def matters(call: Call, step: Matters, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
