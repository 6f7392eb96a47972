"""What a call can do: one file a kind of step, and the table of them."""

from collections.abc import Awaitable, Callable
from typing import Any

from ivr.call import Call
from ivr.steps.menu import menu
from ivr.steps.route import route
from ivr.steps.say import goodbye, say
from menus.walk import Input, Position

#: Kind of step in the book → the coroutine that carries it out and answers with an input for the walk.
STEPS: dict[str, Callable[[Call, Any, Position], Awaitable[Input]]] = {
    "say": say,
    "menu": menu,
    "route": route,
    "goodbye": goodbye,
}
