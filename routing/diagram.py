"""The transition tables as Mermaid state diagrams, for the documentation: `python -m routing.diagram`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from routing.agent import AGENT_MOVES, AgentState
from routing.call import CALL_MOVES, CallState
from routing.callback import CALLBACK_MOVES, CallbackState
from routing.need import NEED_MOVES, NeedState
from routing.offer import OFFER_MOVES, OfferState
from routing.talk import TALK_MOVES, TalkState

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def mermaid(moves: Mapping[tuple[State, Event], State], start: State) -> str:
    """One table as a diagram; states that know no event are the ends."""
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    lines += [f"    {state} --> {after}: {event}" for (state, event), after in moves.items()]
    known = {state for state, _ in moves}
    lines += [f"    {state} --> [*]" for state in dict.fromkeys(moves.values()) if state not in known]
    return "\n".join(lines)


def all_diagrams() -> str:
    """Every table under its own heading, as Markdown."""
    parts = {
        "Call": mermaid(CALL_MOVES, CallState.MENU),
        "Need": mermaid(NEED_MOVES, NeedState.WAITING),
        "Agent": mermaid(AGENT_MOVES, AgentState.LOGGED_OUT),
        "Offer": mermaid(OFFER_MOVES, OfferState.OFFERED),
        "Talk": mermaid(TALK_MOVES, TalkState.LINE),
        "Callback": mermaid(CALLBACK_MOVES, CallbackState.WAITING),
    }
    return "\n\n".join(f"## {noun}\n\n```mermaid\n{diagram}\n```" for noun, diagram in parts.items()) + "\n"


if __name__ == "__main__":
    print(all_diagrams(), end="")
