"""What supervisors see and do: the picture of queues and agents, and acts on agents, each written down before it is
done."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from ivr.listening import Listeners
from ivr.parts import Parts
from ivr.ports import ROUTING, AgentCard
from ivr.staff import Staff
from models.case_work import CaseWork
from models.supervision import SupervisorActs
from models.wall import WallFigures
from routing.agent import AgentEvent
from routing.errands import CaseFile
from routing.errors import IllegalMove
from routing.listening import ListeningMode
from routing.wall import AgentOnWall, QueueCounts, QueueOnWall, queue_on_wall

log = structlog.get_logger()

#: Every wall of a node is shown the same picture for so long, seconds; and the counts of the day for so long.
PICTURE_S, DAY_S = 1.0, 5.0
#: Cases that are due within so many seconds stand on the wall; at most so many.
CASES_S, MOST_CASES = 86_400.0, 20
#: Longest time to read the picture, seconds.
READ_S = 5.0

#: What a supervisor may do to an agent, and the agent's move that it is.
MOVES = {"pause": AgentEvent.PAUSE, "sign_out": AgentEvent.SIGN_OUT}


@dataclass(frozen=True, slots=True)
class WallPicture:
    """Everything that the wall shows."""

    now: float
    queues: tuple[QueueOnWall, ...]
    agents: tuple[AgentOnWall, ...]
    cases: tuple[CaseFile, ...] = ()  #: overdue or due soon, the most urgent first
    staff: Staff = field(default_factory=Staff)  #: teams, and the site's words for skills and pauses


class Supervising:
    """Supervisors' eyes and hands."""

    def __init__(
        self,
        parts: Parts,
        figures: WallFigures,
        acts: SupervisorActs,
        listeners: Listeners,
        cases: CaseWork | None = None,
    ) -> None:
        self._case_work, self._cases = cases, tuple[CaseFile, ...]()
        self._parts, self._figures, self._acts = parts, figures, acts
        self._listeners = listeners
        self._reading = asyncio.Lock()
        self._picture: WallPicture | None = None
        self._day: dict[str, QueueCounts] = {}
        self._picture_at = self._day_at = float("-inf")

    async def picture(self) -> WallPicture:
        """The picture, read afresh at most once a second whoever asks. Raises StoreAway and TimeoutError."""
        clock = self._parts.clock
        async with self._reading:
            if self._picture is None or clock.monotonic() - self._picture_at >= PICTURE_S:
                async with asyncio.timeout(READ_S):
                    self._picture = await self._read()
                self._picture_at = clock.monotonic()
            return self._picture

    async def _read(self) -> WallPicture:
        parts, now = self._parts, self._parts.clock.now()
        if parts.clock.monotonic() - self._day_at >= DAY_S:
            midnight = datetime.fromtimestamp(now, parts.settings.zone).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            goals = {name: queue.goal_s for name, queue in parts.queues.items()}
            self._day = await self._figures.day(since=midnight.timestamp(), goals=goals)
            if self._case_work is not None:
                self._cases = (await self._case_work.due_soon(now=now, within_s=CASES_S))[:MOST_CASES]
            self._day_at = parts.clock.monotonic()
        counts, agents = await self._figures.now(self._day)
        queues = tuple(
            queue_on_wall(
                name,
                counts.get(name, QueueCounts()),
                agents,
                required=queue.skills,
                goal_s=queue.goal_s,
                is_open=parts.queues.is_open(name, now),
                now=now,
            )
            for name, queue in parts.queues.items()
        )
        return WallPicture(now, queues, agents, self._cases, parts.queues.staff)

    async def be_heard(self, supervisor: AgentCard, agent_id: int, mode: ListeningMode | None) -> None:
        """Put a supervisor on an agent's conversation in this mode; without one, take them off.

        Raises NotListening and StoreAway.
        """
        if mode is None:
            await self._listeners.stop(supervisor, agent_id)
        else:
            await self._listeners.set_mode(supervisor, agent_id, mode)
        self._picture_at = float("-inf")

    async def move(self, supervisor_id: int, act: str, agent_id: int) -> None:
        """Pause an agent, in a call from its end on, or sign them out. Raises IllegalMove and StoreAway."""
        parts, now = self._parts, self._parts.clock.now()
        if await parts.roster.card(agent_id) is None:
            raise IllegalMove("agent", "unknown", act)
        entry = await self._acts.begun(supervisor_id, act, agent_id, now=now)
        reason = "supervisor" if act == "pause" else None
        card = await parts.roster.say(agent_id, MOVES[act], now=now, reason=reason)
        await self._acts.done(entry)
        log.info("a supervisor acted", supervisor_id=supervisor_id, act=act, agent_id=agent_id, state=card.state)
        self._picture_at = float("-inf")
        parts.desk.changed(agent_id)
        parts.hints.nudge(ROUTING)
