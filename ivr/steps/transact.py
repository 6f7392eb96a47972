"""To be written."""

from ivr.call import Call
from menus.schema import Transact
from menus.walk import Input, Position


async def transact(call: Call, step: Transact, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
