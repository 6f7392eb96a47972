"""To be written."""

from ivr.call import Call
from menus.schema import Verify
from menus.walk import Input, Position


async def verify(call: Call, step: Verify, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
