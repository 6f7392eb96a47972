"""To be written."""

from ivr.call import Call
from menus.schema import Dip
from menus.walk import Input, Position


async def dip(call: Call, step: Dip, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
