"""The picture that is decided on, read from the database."""

import json
from functools import lru_cache

from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import AgentRow, AgentSkillRow, NeedRow
from routing.agent import AT_WORK, Agent, AgentState
from routing.need import Need, NeedState
from routing.snapshot import Snapshot
from routing.terms import Terms, terms_of

#: What the decision needs to know of a need.
NEED_COLUMNS = (
    NeedRow.id,
    NeedRow.call_id,
    NeedRow.queue,
    NeedRow.since,
    NeedRow.version,
    NeedRow.state,
    NeedRow.required,
    NeedRow.language,
    NeedRow.tier,
    NeedRow.credit_s,
    NeedRow.not_agents,
    cast(NeedRow.terms, Text).label("terms"),  # many needs have equal ones: read once, see `_terms`
)


@lru_cache(maxsize=4096)
def _terms(written: str | None) -> Terms:
    return terms_of(json.loads(written) if written else None)


async def read_snapshot(session: AsyncSession, now: float) -> Snapshot:
    """All open needs and all agents who are not logged out; skills of those at work only."""
    needs = await session.execute(select(*NEED_COLUMNS).where(NeedRow.closed_at.is_(None)))
    waiting = tuple(
        Need(
            id_,
            call_id,
            queue,
            since,
            version,
            NeedState(state),
            required,
            language,
            tier,
            credit_s,
            frozenset(n),
            _terms(terms),
        )
        for id_, call_id, queue, since, version, state, required, language, tier, credit_s, n, terms in needs
    )
    skills: dict[int, dict[str, int]] = {}
    for agent_id, skill, level in await session.execute(
        select(AgentSkillRow.agent_id, AgentSkillRow.skill, AgentSkillRow.level)
        .join(AgentRow)
        .where(AgentRow.state.in_(AT_WORK))
    ):
        skills.setdefault(agent_id, {})[skill] = level
    agents = await session.execute(
        select(AgentRow.id, AgentRow.name, AgentRow.state, AgentRow.version, AgentRow.phone, AgentRow.since)
        .where(AgentRow.state != AgentState.LOGGED_OUT)
        .order_by(AgentRow.id)
    )
    return Snapshot(
        waiting,
        tuple(
            Agent(id_, name, AgentState(state), version, phone, skills.get(id_, {}), since)
            for id_, name, state, version, phone, since in agents
        ),
        now,
    )
