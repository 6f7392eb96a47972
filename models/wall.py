"""What the wall shows, read from the database: the same on every node."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Float, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.agents import REMOVED
from models.database import Database
from models.listenings import listening, open_listenings
from models.locks import CALL
from models.tables import AgentRow, AgentSkillRow, CallbackRow, NeedRow, OfferRow
from routing.agent import AgentState
from routing.listening import Listening
from routing.need import NeedState
from routing.wall import AgentOnWall, QueueCounts

#: How a need ends whose caller left without an agent.
LEFT = ("abandoned", "gave_up")


class WallFigures:
    """Counts of queues and the agents who are signed in. Every verb raises StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def day(self, *, since: float, goals: Mapping[str, float]) -> dict[str, QueueCounts]:
        """How the day of each queue went: callers who began to wait since then."""
        answers = (
            select(OfferRow.need_id, func.min(OfferRow.answered_at).label("at"))
            .where(OfferRow.answered_at >= since)
            .group_by(OfferRow.need_id)
            .subquery()
        )
        goal = case(
            *((NeedRow.queue == queue, literal(goal_s, Float)) for queue, goal_s in goals.items()),
            else_=literal(0.0, Float),
        )
        in_time = case((answers.c.at - NeedRow.since <= goal, 1), else_=0)
        left = case((NeedRow.outcome.in_(LEFT) & answers.c.at.is_(None), 1), else_=0)
        counted = (
            select(NeedRow.queue, func.count(), func.count(answers.c.at), func.sum(in_time), func.sum(left))
            .outerjoin(answers, answers.c.need_id == NeedRow.id)
            .where(NeedRow.since >= since, NeedRow.kind == CALL)
            .group_by(NeedRow.queue)
        )
        async with self._database.read() as session:
            return {
                queue: QueueCounts(came=came, answered=answered, in_time=in_time, abandoned=left)
                for queue, came, answered, in_time, left in await session.execute(counted)
            }

    async def now(self, day: Mapping[str, QueueCounts]) -> tuple[dict[str, QueueCounts], tuple[AgentOnWall, ...]]:
        """How each queue stands, with its day, and every agent who is signed in, by name."""
        counts: defaultdict[str, QueueCounts] = defaultdict(QueueCounts, day)
        async with self._database.read() as session:
            needs = (
                select(NeedRow.queue, NeedRow.state, func.count(), func.min(NeedRow.since))
                .where(NeedRow.closed_at.is_(None), NeedRow.kind == CALL)
                .group_by(NeedRow.queue, NeedRow.state)
            )
            for queue, state, count, since in await session.execute(needs):
                seen = counts[queue]
                if state == NeedState.TALKING:
                    counts[queue] = replace(seen, talking=count)
                else:  # waiting, or offered to an agent
                    first = since if seen.waiting_since is None else min(since, seen.waiting_since)
                    counts[queue] = replace(seen, waiting=seen.waiting + count, waiting_since=first)
            callbacks = (
                select(CallbackRow.queue, func.count())
                .where(CallbackRow.closed_at.is_(None))
                .group_by(CallbackRow.queue)
            )
            for queue, count in await session.execute(callbacks):
                counts[queue] = replace(counts[queue], callbacks=count)
            return dict(counts), await _agents(session)


async def _agents(session: AsyncSession) -> tuple[AgentOnWall, ...]:
    skills: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for agent_id, skill, level in await session.execute(
        select(AgentSkillRow.agent_id, AgentSkillRow.skill, AgentSkillRow.level)
    ):
        skills[agent_id][skill] = level
    heard: defaultdict[int, list[Listening]] = defaultdict(list)
    for row in await session.execute(open_listenings()):
        one = listening(*row)
        heard[one.agent_id].append(one)
    here = (
        select(AgentRow, NeedRow.queue, OfferRow.answered_at)
        .outerjoin(OfferRow, (OfferRow.agent_id == AgentRow.id) & OfferRow.closed_at.is_(None))
        .outerjoin(NeedRow, NeedRow.id == OfferRow.need_id)
        .where(AgentRow.state != AgentState.LOGGED_OUT, AgentRow.password_hash != REMOVED)
        .order_by(AgentRow.name)
    )
    return tuple(
        AgentOnWall(
            agent.id,
            agent.name,
            agent.full_name,
            AgentState(agent.state),
            agent.since,
            skills[agent.id],
            agent.pause_reason,
            agent.pause_after,
            agent.set_aside,
            queue,
            answered_at,
            agent.team,
            tuple(heard[agent.id]),
        )
        for agent, queue, answered_at in await session.execute(here)
    )
