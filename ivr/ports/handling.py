"""What an agent does with their conversation, as the desktop asks for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from routing.agent import AgentState
from routing.talk import TalkEvent, Target


class Refusal(StrEnum):
    """Why nothing was done."""

    NOT_NOW = "not_now"  # not possible in this state
    NOT_YOURS = "not_yours"  # the conversation is not this agent's
    NOBODY_THERE = "nobody_there"  # nobody can take the caller: closed, not at work, does not speak their language
    NOT_ALLOWED = "not_allowed"  # a number that may not be called
    SWITCH_AWAY = "switch_away"  # Asterisk cannot be reached


@dataclass(frozen=True, slots=True)
class QueueChoice:
    """A queue to which a caller may be handed."""

    queue: str
    waiting: int
    ready: int  #: agents who are ready and fit


@dataclass(frozen=True, slots=True)
class SkillChoice:
    """A group of agents without a queue of its own, by their skill, to whom a caller may be handed."""

    skill: str
    at_work: int  #: others who have it and may serve this caller
    ready: int  #: of these


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """An agent to whom a caller may be handed."""

    name: str
    full_name: str
    state: AgentState


@dataclass(frozen=True, slots=True)
class Choices:
    """To whom an agent may hand their caller."""

    queues: tuple[QueueChoice, ...]
    agents: tuple[AgentChoice, ...]
    numbers: bool  #: outside numbers may be called
    tier: int | None  #: the next tier of complaints; None when there is none
    skills: tuple[SkillChoice, ...] = ()


class Handling(Protocol):
    """Conversations in agents' hands. Both verbs raise StoreAway."""

    async def choices(self, agent_id: int) -> Choices:
        """To whom this agent may hand their caller now."""
        ...

    async def do(
        self, agent_id: int, offer_id: int, event: TalkEvent, target: Target | None = None, note: str = ""
    ) -> Refusal | None:
        """Do something with the agent's own conversation; None when it was carried out."""
        ...
