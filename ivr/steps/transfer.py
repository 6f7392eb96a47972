"""To be written."""

from ivr.call import Call
from menus.schema import Transfer
from menus.walk import Input, Position


async def transfer(call: Call, step: Transfer, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
