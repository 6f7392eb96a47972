"""What a call can do: one file a kind of step, and the table of them."""

from collections.abc import Awaitable, Callable
from typing import Any

from ivr.call import Call
from ivr.steps.goodbye import goodbye
from ivr.steps.language import language
from ivr.steps.menu import menu
from ivr.steps.route import route
from ivr.steps.say import say
from menus.walk import Input, Position
from routing.call import Ending

#: Kind of step in the book → the coroutine that carries it out. It answers with an input for the walk, or an ending.
STEPS: dict[str, Callable[[Call, Any, Position], Awaitable[Input | Ending]]] = {
    "say": say,
    "menu": menu,
    "language": language,
    "route": route,
    "goodbye": goodbye,
}
