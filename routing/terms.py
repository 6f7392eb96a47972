"""The terms of a need: what it prefers, whom it waits for, and how it asks for less as time passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Softening:
    """One step in which a need asks for less."""

    after_s: float  #: reached at this age; each agent who misses the need brings it one step further at once
    skills: Mapping[str, int] = field(default_factory=dict)  #: skill → least level from now on; 0 drops it
    languages: tuple[str, ...] = ()  #: an agent of one of these languages may serve it too


@dataclass(frozen=True, slots=True)
class Overflow:
    """Another queue whose agents may serve a need as well; its place in its own queue stays."""

    queue: str
    required: Mapping[str, int]
    after_s: float
    until_s: float | None = None  #: from this age on only its own queue serves it again


@dataclass(frozen=True, slots=True)
class Terms:
    """What a need brings along besides what it requires."""

    goal_s: float = 0.0  #: overdue from this age on
    preferred: Mapping[str, float] = field(default_factory=dict)  #: skill → weight; the sum decides among who fits
    agent_id: int | None = None  #: the agent who is wanted: their own, or the last they talked to
    agent_wait_s: float = 0.0  #: how long nobody else is asked while that agent is at work
    softening: tuple[Softening, ...] = ()  #: in the order in which they are reached
    overflow: tuple[Overflow, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values to store; what is as usual is left out."""
        plain: dict[str, Any] = {}
        if self.goal_s:
            plain["goal_s"] = self.goal_s
        if self.preferred:
            plain["preferred"] = dict(self.preferred)
        if self.agent_id is not None:
            plain["agent"] = [self.agent_id, self.agent_wait_s]
        if self.softening:
            plain["softening"] = [[s.after_s, dict(s.skills), list(s.languages)] for s in self.softening]
        if self.overflow:
            plain["overflow"] = [[o.queue, dict(o.required), o.after_s, o.until_s] for o in self.overflow]
        return plain

    def thresholds(self) -> tuple[float, ...]:
        """The ages at which the need may become another one to the decision, ascending."""
        ages = [step.after_s for step in self.softening]
        ages += [age for way in self.overflow for age in (way.after_s, way.until_s) if age is not None]
        if self.agent_id is not None:
            ages.append(self.agent_wait_s)
        return tuple(sorted({age for age in ages if age > 0}))

    def steps(self, age_s: float, misses: int) -> int:
        """How many softening steps are reached at this age, after so many agents have missed the need."""
        timed = sum(step.after_s <= age_s for step in self.softening)
        return min(timed + misses, len(self.softening))


#: Terms of a need that brings none.
NO_TERMS = Terms()


def terms_of(plain: Mapping[str, Any] | None) -> Terms:
    """Terms as stored; none are stored with needs of earlier versions."""
    if not plain:
        return NO_TERMS
    agent_id, agent_wait_s = plain.get("agent", (None, 0.0))
    return Terms(
        goal_s=plain.get("goal_s", 0.0),
        preferred=plain.get("preferred", {}),
        agent_id=agent_id,
        agent_wait_s=agent_wait_s,
        softening=tuple(Softening(after, skills, tuple(more)) for after, skills, more in plain.get("softening", ())),
        overflow=tuple(Overflow(*way) for way in plain.get("overflow", ())),
    )
