"""What the switch says of an agent's phone: a second opinion, never the truth about what the agent is doing.

The claim is made on the agent's state. A phone that is busy with a call of its own, or that cannot be reached, keeps
offers away; whatever is old, unknown or only the trace of the engine's own call does not.
"""

from dataclasses import dataclass
from enum import StrEnum

#: Asterisk may tell late that a phone has become free. What began before the engine's own call ended is taken for its
#: trace, and keeps offers away for so many seconds after that end at most.
OWN_TRACE_S = 5.0
#: What nobody has confirmed for so many seconds is not known any more.
BELIEVED_S = 60.0


class PhoneState(StrEnum):
    """A phone, as far as offers are concerned."""

    IDLE = "idle"
    IN_USE = "in_use"  # talks, rings or holds
    UNREACHABLE = "unreachable"  # is not registered, or does not answer
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PhoneSeen:
    """What some node last heard of a phone. Times are seconds of the epoch."""

    state: PhoneState
    since: float  #: when this state was first seen
    seen_at: float  #: when it was last confirmed


@dataclass(frozen=True, slots=True)
class PhonesNoted:
    """What came of storing what the switch says of phones."""

    known: frozenset[str]  #: phones of agents; the others are nobody's concern
    changed: frozenset[str]  #: those that are in another state than before


def trouble(seen: PhoneSeen | None, freed_at: float | None, now: float) -> PhoneState | None:
    """Why nothing is offered to a ready agent with this phone; `freed_at`: when the engine's last call there ended."""
    if seen is None or seen.seen_at < now - BELIEVED_S:
        return None
    if seen.state is PhoneState.UNREACHABLE:
        return seen.state
    if seen.state is not PhoneState.IN_USE:
        return None
    own_trace = freed_at is not None and seen.since <= freed_at
    return None if own_trace and now - (freed_at or 0.0) > OWN_TRACE_S else seen.state
