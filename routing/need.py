"""A need: what a waiting caller requires of an agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.errors import IllegalMove
from routing.terms import NO_TERMS, Terms


class NeedState(StrEnum):
    """What becomes of a need."""

    WAITING = "waiting"
    OFFERED = "offered"
    TALKING = "talking"
    CLOSED = "closed"


class NeedEvent(StrEnum):
    """What can happen to a need."""

    OFFER = "offer"
    ANSWER = "answer"
    RETURN = "return"  # the offer ended without an answer: back to the front, age kept
    CLOSE = "close"  # served, abandoned, or given up


NEED_MOVES: dict[tuple[NeedState, NeedEvent], NeedState] = {
    (NeedState.WAITING, NeedEvent.OFFER): NeedState.OFFERED,
    (NeedState.WAITING, NeedEvent.CLOSE): NeedState.CLOSED,
    (NeedState.OFFERED, NeedEvent.ANSWER): NeedState.TALKING,
    (NeedState.OFFERED, NeedEvent.RETURN): NeedState.WAITING,
    (NeedState.OFFERED, NeedEvent.CLOSE): NeedState.CLOSED,
    (NeedState.TALKING, NeedEvent.CLOSE): NeedState.CLOSED,
}


def move_need(state: NeedState, event: NeedEvent) -> NeedState:
    """The state that follows; raises IllegalMove for a pair that is not in the table."""
    try:
        return NEED_MOVES[state, event]
    except KeyError:
        raise IllegalMove("need", state, event) from None


@dataclass(frozen=True, slots=True)
class Need:
    """One need as the decision sees it."""

    id: int
    call_id: str
    queue: str
    since: float  #: waiting since, seconds of the epoch; kept through offers that came to nothing
    version: int  #: a claim names it
    state: NeedState = NeedState.WAITING
    required: Mapping[str, int] = field(default_factory=dict)  #: skill → minimum level
    language: str = "en"  #: the agent needs the skill `lang:<language>` at level 1 or more
    tier: int = 1  #: complaints: 1 front line, 2 specialist, 3 senior; 1 for all else
    credit_s: float = 0.0  #: priority, as seconds of waiting granted in advance
    not_agents: frozenset[int] = frozenset()  #: agents who missed this need; asked again only when nobody else fits
    terms: Terms = NO_TERMS
    refused_by: frozenset[int] = frozenset()  #: those of `not_agents` who refused it; never asked for it again

    @property
    def avoided(self) -> frozenset[int]:
        """Agents who are not asked as long as there is somebody else; those in `never` not even then."""
        return self.not_agents | self.terms.barred if self.terms.barred else self.not_agents

    @property
    def never(self) -> frozenset[int]:
        """Agents who are not asked at all: the complaint is about them, or they have refused it."""
        return self.terms.barred | self.refused_by if self.refused_by else self.terms.barred

    @property
    def merit_s(self) -> float:
        """What it has beside its age on the scale of overdue-ness: credit minus goal, in seconds."""
        return self.credit_s - self.terms.goal_s

    def place(self) -> tuple[float, int]:
        """Sorts needs, most overdue first: age plus credit minus goal on one scale; of equals the one stated first."""
        return self.since - self.credit_s + self.terms.goal_s, self.id

    def overdue_s(self, now: float) -> float:
        """Seconds past the goal of its queue, credit included; negative while there is time left."""
        return now - self.place()[0]
