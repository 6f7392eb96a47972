"""Show an agent who is about to be rung who is calling."""

import asyncio

import structlog

from ivr.call import Call
from ivr.pop import pop_for_call
from routing.errors import StoreAway
from routing.offer import Claimed

log = structlog.get_logger()


async def show(call: Call, offer: Claimed) -> None:
    """Show the pop and give it its head start; a pop that fails never holds the call."""
    parts = call.parts
    begun = parts.clock.monotonic()
    try:
        async with asyncio.timeout(parts.settings.routing.pop_s + parts.settings.calls.lookup_s):
            pop = await pop_for_call(parts, offer)
            shown = pop is not None and await parts.desk.pop(
                offer.agent_id, pop, deadline_s=parts.settings.routing.pop_s
            )
    except (TimeoutError, StoreAway):
        shown = False
    except Exception:
        log.exception("a pop could not be shown; the phone rings without it")
        shown = False
    call.note("popped", agent=offer.agent_name, shown=shown, ms=round((parts.clock.monotonic() - begun) * 1000, 1))
