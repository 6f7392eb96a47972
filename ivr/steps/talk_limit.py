"""The longest conversation, where the engine keeps it: on hold and in rooms. On the line Asterisk does, by Dial."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ivr.call import Call
from ivr.errors import ActionUnknown, SwitchAway
from ivr.steps.handover import channels
from routing.views import TalkSeen

#: The switch is asked again so often, seconds, while the caller still is in the room after the end.
AGAIN_S = 1.0


def left_s(call: Call, seen: TalkSeen) -> float | None:
    """Seconds until a conversation has lasted as long as its queue lets it; None without a limit."""
    queue = call.parts.queues.get(seen.wish.queue)
    if queue is None or queue.talk_limit is None or seen.answered_at is None:
        return None
    return queue.talk_limit.most_s - (call.now() - seen.answered_at)


@asynccontextmanager
async def called_back_in_time(call: Call, seen: TalkSeen, room: int) -> AsyncIterator[None]:
    """While the caller is in a room: at the end of the longest conversation they are called back from it."""
    left = left_s(call, seen)
    watch = None if left is None else asyncio.create_task(_call_back(call, room, max(0.0, left)))
    try:
        yield
    finally:
        if watch is not None:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def _call_back(call: Call, room: int, after_s: float) -> None:
    await call.parts.clock.sleep(after_s)
    while True:
        there = await channels(call) or ()
        caller = next((seen for seen in there if seen.uniqueid == seen.call_id == call.id), None)
        if caller is not None:
            with suppress(SwitchAway, ActionUnknown):
                await call.parts.switchboard.call_back_from(room, caller.channel)
        await call.parts.clock.sleep(AGAIN_S)
