"""To be written."""

from ivr.call import Call
from menus.schema import OpenCase
from menus.walk import Input, Position


async def open_case(call: Call, step: OpenCase, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
