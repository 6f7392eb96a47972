"""What a call can do: one file a kind of step, and the table of them."""

from collections.abc import Awaitable, Callable
from typing import Any

from ivr.call import Call
from ivr.steps.branch import goto, language, set_values
from ivr.steps.callback import callback
from ivr.steps.collect import collect
from ivr.steps.dip import dip
from ivr.steps.matters import matters
from ivr.steps.menu import menu
from ivr.steps.open_case import open_case
from ivr.steps.record import record
from ivr.steps.route import route
from ivr.steps.say import goodbye, say
from ivr.steps.send import send
from ivr.steps.survey import survey
from ivr.steps.transact import transact
from ivr.steps.transfer import transfer
from ivr.steps.verify import verify
from menus.walk import Input, Position

#: Kind of step in the book → the coroutine that carries it out and answers with an input for the walk.
STEPS: dict[str, Callable[[Call, Any, Position], Awaitable[Input]]] = {
    "say": say,
    "menu": menu,
    "goto": goto,
    "set": set_values,
    "language": language,
    "collect": collect,
    "verify": verify,
    "transact": transact,
    "message": send,
    "record": record,
    "case": open_case,
    "callback": callback,
    "survey": survey,
    "matters": matters,
    "route": route,
    "transfer": transfer,
    "dip": dip,
    "goodbye": goodbye,
}
