"""The picture that is decided on, read from the database. What has not changed since the last one is not read again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.locks import CALL
from models.tables import AgentRow, AgentSkillRow, NeedRow, PhoneRow
from routing.agent import AT_WORK, Agent, AgentState
from routing.demand import LATELY_S, MOST_COUNTED, demand_of, is_stale
from routing.need import Need, NeedState
from routing.phone import PhoneSeen, PhoneState, trouble
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
    NeedRow.refused_by,
    cast(NeedRow.terms, Text).label("terms"),  # many needs have equal ones: read once, see `_terms`
)
#: And of an agent, besides the skills.
AGENT_COLUMNS = (AgentRow.id, AgentRow.name, AgentRow.state, AgentRow.version, AgentRow.phone, AgentRow.since)
#: So many rows are asked for by their numbers in one statement; when more are new, all are read.
MOST_BY_NUMBER = 500


@lru_cache(maxsize=4096)
def _terms(written: str | None) -> Terms:
    return terms_of(json.loads(written) if written else None)


class SnapshotReader:
    """Reads pictures one after the other.

    Whatever a picture shows of a need or an agent is the same while version and state are: of those that were seen
    before no more than that is read. Each picture is of one moment all the same. When nothing of all needs, or of all
    agents, has changed, it has the very tuple of the one before: who compares pictures sees that at once.
    """

    def __init__(self) -> None:
        self._needs: dict[int, Need] = {}
        self._agents: dict[int, Agent] = {}
        self._shown_needs: tuple[Need, ...] = ()
        self._shown_agents: tuple[Agent, ...] = ()
        self._demand: Mapping[str, float] = {}
        self._counted_at = float("-inf")

    async def read(self, session: AsyncSession, now: float) -> Snapshot:
        """All open needs and all agents who are not logged out; skills of those at work only; how often each skill was
        asked for, as counted within the last minute."""
        needs, agents = await self._read_needs(session), await self._read_agents(session)
        troubles = await _phone_troubles(session, now)
        if troubles:
            agents = tuple(
                replace(one, phone_trouble=troubles[one.id]) if one.id in troubles else one for one in agents
            )
        if is_stale(self._counted_at, now):
            self._demand, self._counted_at = await _demand(session, now), now
        return Snapshot(needs, agents, self._demand)

    async def _read_needs(self, session: AsyncSession) -> tuple[Need, ...]:
        is_open, known, shown = NeedRow.closed_at.is_(None), self._needs, self._shown_needs
        columns = select(NeedRow.id, NeedRow.version, NeedRow.state).where(is_open).order_by(NeedRow.id)
        seen = (await session.execute(columns)).all()
        new = _unknown(seen, known)
        if not new and len(seen) == len(known):
            return shown
        found: dict[int, Need] = {}
        if new:
            some = is_open if len(new) > MOST_BY_NUMBER else NeedRow.id.in_(new)
            found = {row[0]: _need(row) for row in await session.execute(select(*NEED_COLUMNS).where(some))}
        self._needs = {id_: found.get(id_) or known[id_] for id_, _, _ in seen}
        self._shown_needs = tuple(self._needs.values())
        return self._shown_needs

    async def _read_agents(self, session: AsyncSession) -> tuple[Agent, ...]:
        there, known, shown = AgentRow.state != AgentState.LOGGED_OUT, self._agents, self._shown_agents
        columns = select(AgentRow.id, AgentRow.version, AgentRow.state).where(there).order_by(AgentRow.id)
        seen = (await session.execute(columns)).all()
        new = _unknown(seen, known)
        if not new and len(seen) == len(known):
            return shown
        found: dict[int, Agent] = {}
        if new:
            some = there if len(new) > MOST_BY_NUMBER else AgentRow.id.in_(new)
            skills: dict[int, dict[str, int]] = {}
            for agent_id, skill, level in await session.execute(
                select(AgentSkillRow.agent_id, AgentSkillRow.skill, AgentSkillRow.level)
                .join(AgentRow)
                .where(AgentRow.state.in_(AT_WORK), some)
            ):
                skills.setdefault(agent_id, {})[skill] = level
            for id_, name, state, version, phone, since in await session.execute(select(*AGENT_COLUMNS).where(some)):
                found[id_] = Agent(id_, name, AgentState(state), version, phone, skills.get(id_, {}), since)
        self._agents = {id_: found.get(id_) or known[id_] for id_, _, _ in seen}
        self._shown_agents = tuple(self._agents.values())
        return self._shown_agents


async def _demand(session: AsyncSession, now: float) -> dict[str, float]:
    """How often each skill was asked for by callers of late, served or not."""
    newest = select(func.max(NeedRow.id) - MOST_COUNTED).scalar_subquery()
    required = cast(NeedRow.required, Text)
    alike = (
        select(required, NeedRow.language, func.count())
        .where(NeedRow.id > newest, NeedRow.since >= now - LATELY_S, NeedRow.kind == CALL)
        .group_by(required, NeedRow.language)
    )
    rows = await session.execute(alike)
    return demand_of((json.loads(asked), language, count) for asked, language, count in rows)


async def _phone_troubles(session: AsyncSession, now: float) -> dict[int, PhoneState]:
    """What keeps offers away from the phones of agents who are ready, or whom callers wait for."""
    in_use = (PhoneRow.state == PhoneState.IN_USE) & (AgentRow.state == AgentState.READY)
    gone = (PhoneRow.state == PhoneState.UNREACHABLE) & AgentRow.state.in_(AT_WORK)
    rows = await session.execute(
        select(AgentRow.id, AgentRow.freed_at, PhoneRow.state, PhoneRow.since, PhoneRow.seen_at)
        .join(PhoneRow, PhoneRow.phone == AgentRow.phone)
        .where(in_use | gone)
    )
    found = {
        id_: trouble(PhoneSeen(PhoneState(state), since, seen_at), freed_at, now)
        for id_, freed_at, state, since, seen_at in rows
    }
    return {id_: state for id_, state in found.items() if state is not None}


def _unknown(seen: Iterable[Any], known: Mapping[int, Need] | Mapping[int, Agent]) -> list[int]:
    """The numbers of those who are not known as they are now."""
    return [
        id_
        for id_, version, state in seen
        if (one := known.get(id_)) is None or one.version != version or one.state != state
    ]


def _need(row: Any) -> Need:
    id_, call_id, queue, since, version, state, required, language, tier, credit_s, not_agents, refused, terms = row
    return Need(
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
        frozenset(not_agents),
        _terms(terms),
        frozenset(refused or ()),
    )
