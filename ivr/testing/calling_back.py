"""A stage on which customers are called back: who wishes it, who picks up, how many phones ring."""

from typing import Any

from ivr.ports import Arrival, CallbackWish
from ivr.testing.books import book_with_callbacks
from ivr.testing.line import Action, Press, ScriptedLeg
from ivr.testing.stage import ANI, Stage
from models.tables import CallbackRow

SETTINGS = {"outbound": {"allow": ["+86"]}, "callbacks": {"most_tries": 2, "retry_s": 900, "at_once": 2, "ring_s": 30}}
#: The key that connects a customer who is greeted.
CONNECT = Press("1", hearing="greeting")


def callback_stage(**more: Any) -> Stage:
    """A stage whose book calls customers back."""
    return Stage(book_with_callbacks(), settings=SETTINGS, **more)


async def wish(node: Stage, number: str = ANI, *, ago_s: float = 300, due_in_s: float = 0, **more: Any) -> CallbackRow:
    """A wish to be called back that was taken a while ago."""
    now = node.clock.now()
    more = {"kind": "keep_place", "language": "zh", "required": {"general": 1}, "reason": "Cards", **more}
    kept = CallbackWish("c0", number, 7, "general", since=now - ago_s, due_at=now + due_in_s, **more)
    return node.store.callbacks[await node.callbacks.request(kept, now=now - ago_s)]


def picks_up(node: Stage, *script: Action, rung: int = 1) -> ScriptedLeg:
    """The line of the customer who was dialled last, as it comes in at the door."""
    _, call_id = node.switchboard.called_out[-1]
    channel = f"PJSIP/trunk-{call_id}"
    leg = ScriptedLeg(Arrival(call_id, call_id, channel, "95588", "", "callback", rung), node.clock, list(script))
    node.legs[channel] = leg
    return leg


async def dialled(node: Stage) -> int:
    """How many phones ring after one more round."""
    await node.dialler.round()
    return len(node.switchboard.called_out)
