"""How a walk through the book can end; the words are those of `routing.call.Ending`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the call ends."""

    result: str
    reason: str


BROKEN_BOOK = Outcome("failed", "broken_book")  #: the position points nowhere in this book

#: What `because` of a goodbye step means.
GOODBYES: dict[str, Outcome] = {
    "goodbye": Outcome("served", "goodbye"),
    "self_service": Outcome("served", "self_service"),
    "no_input": Outcome("left", "no_input"),
    "no_agents": Outcome("diverted", "no_agents"),
    "callback": Outcome("diverted", "callback"),
    "message": Outcome("diverted", "message"),
}
