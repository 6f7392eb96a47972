"""The terms of a need: what it prefers, whom it waits for, and how it asks for less as time passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class Authority:
    """What a complaint asks for besides: somebody who may decide it."""

    skill: str
    level: int
    rungs: tuple[tuple[float, int], ...] = ()  #: age → lower level that will do while nobody at work has the one above
    why: tuple[Mapping[str, Any], ...] = ()  #: what brought it to its tier, see `routing.complaints.Placed`

    def lowered(self, age_s: float) -> tuple[int, ...]:
        """The lower levels that will do as well at this age."""
        return tuple(level for after_s, level in self.rungs if after_s <= age_s)

    def reachable(self, best: int) -> "Authority":
        """Without the rungs that nobody needs: the best level at work is `best`."""
        needed, level = 0, self.level
        while needed < len(self.rungs) and level > best:
            level = self.rungs[needed][1]
            needed += 1
        return self if needed == len(self.rungs) else replace(self, rungs=self.rungs[:needed])


@dataclass(frozen=True, slots=True)
class Wanted:
    """The agent whom a caller gets if that is possible."""

    agent_id: int
    who: str  #: own, last
    wait_s: float  #: how long nobody else is asked


@dataclass(frozen=True, slots=True)
class Terms:
    """What a need brings along besides what it requires."""

    goal_s: float = 0.0  #: overdue from this age on
    preferred: Mapping[str, float] = field(default_factory=dict)  #: skill → weight; the sum decides among who fits
    most_level: int | None = None  #: a simple enquiry: agents with no more of what is asked for are asked first
    agent_id: int | None = None  #: the agent who is wanted: their own, or the last they talked to
    agent_is: str = ""  #: who that is: own, last; empty: one whom somebody has chosen
    agent_wait_s: float = 0.0  #: how long nobody else is asked while that agent is at work
    softening: tuple[Softening, ...] = ()  #: in the order in which they are reached
    overflow: tuple[Overflow, ...] = ()
    authority: Authority | None = None  #: of complaints alone
    barred: frozenset[int] = frozenset()  #: agents who never get it: the complaint is about them, or they sent it on

    def for_anybody(self) -> "Terms":
        """Without the agent who was wanted."""
        return replace(self, agent_id=None, agent_is="", agent_wait_s=0.0)

    def as_json(self) -> dict[str, Any]:
        """Plain values to store; what is as usual is left out."""
        plain: dict[str, Any] = {}
        if self.goal_s:
            plain["goal_s"] = self.goal_s
        if self.preferred:
            plain["preferred"] = dict(self.preferred)
        if self.most_level is not None:
            plain["most_level"] = self.most_level
        if self.agent_id is not None:
            plain["agent"] = [self.agent_id, self.agent_wait_s, self.agent_is]
        if self.softening:
            plain["softening"] = [[s.after_s, dict(s.skills), list(s.languages)] for s in self.softening]
        if self.overflow:
            plain["overflow"] = [[o.queue, dict(o.required), o.after_s, o.until_s] for o in self.overflow]
        if (asked := self.authority) is not None:
            why = [dict(one) for one in asked.why]
            plain["authority"] = [asked.skill, asked.level, [list(rung) for rung in asked.rungs], why]
        if self.barred:
            plain["barred"] = sorted(self.barred)
        return plain

    def thresholds(self) -> tuple[float, ...]:
        """The ages at which the need may become another one to the decision, ascending."""
        ages = [step.after_s for step in self.softening]
        ages += [age for way in self.overflow for age in (way.after_s, way.until_s) if age is not None]
        if self.agent_id is not None:
            ages.append(self.agent_wait_s)
        if self.authority is not None:
            ages += [after_s for after_s, _ in self.authority.rungs]
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
    agent_id, agent_wait_s, *who = plain.get("agent", (None, 0.0))
    return Terms(
        goal_s=plain.get("goal_s", 0.0),
        preferred=plain.get("preferred", {}),
        most_level=plain.get("most_level"),
        agent_id=agent_id,
        agent_is=who[0] if who else "",
        agent_wait_s=agent_wait_s,
        softening=tuple(Softening(after, skills, tuple(more)) for after, skills, more in plain.get("softening", ())),
        overflow=tuple(Overflow(*way) for way in plain.get("overflow", ())),
        authority=_authority(plain.get("authority")),
        barred=frozenset(plain.get("barred", ())),
    )


def _authority(plain: Any) -> Authority | None:
    if plain is None:
        return None
    skill, level, rungs, why = plain
    return Authority(skill, level, tuple((after_s, lower) for after_s, lower in rungs), tuple(why))
