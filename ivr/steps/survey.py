"""To be written."""

from ivr.call import Call
from menus.schema import Survey
from menus.walk import Input, Position


async def survey(call: Call, step: Survey, position: Position) -> Input:
    """To be written."""
    raise NotImplementedError
