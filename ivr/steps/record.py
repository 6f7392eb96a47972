"""To be written."""

from ivr.call import Call
from menus.schema import Record
from menus.walk import Input, Position


async def record(call: Call, step: Record, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
