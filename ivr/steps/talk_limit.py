"""A caller in a room is watched: whether they are left alone, and how long they may talk. On the line Asterisk does it.

What the switch tells may be lost, or come in the moment before the caller is there; so it is asked as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from ivr.call import Call
from ivr.errors import ActionUnknown, SwitchAway
from ivr.ports import ChannelSeen
from ivr.steps.handover import channels
from routing.views import TalkSeen

#: The switch is asked so often, seconds, who is there; also while the caller still is in the room after the end.
LOOK_S = 1.0
#: So often in a row somebody must be missing before they count as gone: the list may be read in the midst of a move.
LOOKS = 2

Missed = Callable[[Sequence[ChannelSeen]], bool]


def left_s(call: Call, seen: TalkSeen) -> float | None:
    """Seconds until a conversation has lasted as long as its queue lets it; None without a limit."""
    queue = call.parts.queues.get(seen.wish.queue)
    if queue is None or queue.talk_limit is None or seen.answered_at is None:
        return None
    return queue.talk_limit.most_s - (call.now() - seen.answered_at)


@asynccontextmanager
async def called_back_in_time(call: Call, seen: TalkSeen, room: int, missed: Missed) -> AsyncIterator[None]:
    """While the caller is in a room: they are called back when somebody is missed there, or at the longest end.

    `missed` tells from all channels whether somebody is gone who belongs into the room.
    """
    watch = asyncio.create_task(_call_back(call, room, left_s(call, seen), missed))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _call_back(call: Call, room: int, left: float | None, missed: Missed) -> None:
    clock = call.parts.clock
    until = None if left is None else clock.monotonic() + max(0.0, left)
    looks = 0
    while True:
        until_end_s = LOOK_S if until is None else until - clock.monotonic()
        await clock.sleep(min(LOOK_S, until_end_s) if until_end_s > 0 else LOOK_S)
        there = await channels(call)
        if there is None:
            continue
        looks = looks + 1 if missed(there) else 0
        caller = next((one for one in there if one.uniqueid == one.call_id == call.id), None)
        if caller is not None and (looks >= LOOKS or (until is not None and clock.monotonic() >= until)):
            with suppress(SwitchAway, ActionUnknown):
                await call.parts.switchboard.call_back_from(room, caller.channel)
