"""To be written."""

from ivr.call import Call
from menus.schema import Collect
from menus.walk import Input, Position


async def collect(call: Call, step: Collect, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
