"""What supervisors see of queues and agents, and what should alarm them: plain arithmetic on counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.agent import AgentState
from routing.listening import Listening


class Alarm(StrEnum):
    """What a supervisor should look at now, worst first."""

    OVER_GOAL = "over_goal"  # somebody waits longer than the queue's goal
    NOBODY_READY = "nobody_ready"  # somebody waits, and nobody who fits is ready
    NOBODY_THERE = "nobody_there"  # the queue is open, and nobody who fits is at work


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """A queue as it stands, and as its day went. Times are UTC seconds of the epoch."""

    waiting: int = 0
    waiting_since: float | None = None  #: when the caller who has waited longest began to
    talking: int = 0
    callbacks: int = 0  #: callers who wait to be called back
    came: int = 0  #: callers of today
    answered: int = 0
    in_time: int = 0  #: answered within the goal
    abandoned: int = 0  #: left without an agent; who is called back has not


@dataclass(frozen=True, slots=True)
class AgentOnWall:
    """An agent who is signed in."""

    id: int
    name: str
    full_name: str
    state: AgentState
    since: float
    skills: Mapping[str, int] = field(default_factory=dict)
    pause_reason: str | None = None
    pause_after: str | None = None
    set_aside: str | None = None  #: why, when set aside: missed, declined, unreachable, refusals
    queue: str | None = None  #: of the caller whom they are offered or talk to
    talking_since: float | None = None
    team: str | None = None
    listening: tuple[Listening, ...] = ()  #: supervisors on the conversation, or being rung for it


@dataclass(frozen=True, slots=True)
class QueueOnWall:
    """A queue with the agents who may serve it; an agent who serves several is counted in each."""

    queue: str
    counts: QueueCounts
    goal_s: float
    is_open: bool
    ready: int
    busy: int
    wrap_up: int
    paused: int
    service_level: float | None  #: share of those who were answered or left, that was answered within the goal
    alarms: tuple[Alarm, ...]


_AS = {
    AgentState.READY: "ready",
    AgentState.OFFERED: "busy",
    AgentState.BUSY: "busy",
    AgentState.WRAP_UP: "wrap_up",
    AgentState.PAUSED: "paused",
    AgentState.MISSED: "paused",
}


def queue_on_wall(
    queue: str,
    counts: QueueCounts,
    agents: Iterable[AgentOnWall],
    *,
    required: Mapping[str, int],
    goal_s: float,
    is_open: bool,
    now: float,
) -> QueueOnWall:
    """One line of the wall."""
    staff = dict.fromkeys(("ready", "busy", "wrap_up", "paused"), 0)
    for agent in agents:
        if agent.state in _AS and all(agent.skills.get(skill, 0) >= level for skill, level in required.items()):
            staff[_AS[agent.state]] += 1
    alarms = []
    if counts.waiting_since is not None and now - counts.waiting_since > goal_s:
        alarms.append(Alarm.OVER_GOAL)
    if counts.waiting and not staff["ready"]:
        alarms.append(Alarm.NOBODY_READY)
    if is_open and not staff["ready"] + staff["busy"] + staff["wrap_up"]:
        alarms.append(Alarm.NOBODY_THERE)
    decided = counts.answered + counts.abandoned
    return QueueOnWall(
        queue,
        counts,
        goal_s,
        is_open,
        staff["ready"],
        staff["busy"],
        staff["wrap_up"],
        staff["paused"],
        counts.in_time / decided if decided else None,
        tuple(alarms),
    )
