"""Make decisions true: needs and agents who are exactly as decided on are taken together, with an open offer each.

On PostgreSQL that is one statement for all of them, committed by itself: one round trip. Rows that somebody else holds
are passed over, so nobody waits for a lock and nobody waits in a circle. On SQLite the transaction is the only writer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models.tables import AgentRow, NeedRow, OfferRow
from routing.agent import AgentState
from routing.decision import Decision
from routing.need import NeedState
from routing.offer import Claimed, Lost, OfferState

#: The rows of both tables are locked before either is changed, so that a decision is carried out whole or not at all.
#: The division stops the statement, and with it everything it did, should the three counts ever differ.
_TAKE = text(
    """
    WITH asked AS (
        SELECT * FROM unnest(
            CAST(:need_ids AS integer[]), CAST(:need_versions AS integer[]),
            CAST(:agent_ids AS integer[]), CAST(:agent_versions AS integer[]),
            CAST(:call_ids AS text[]), CAST(:whys AS text[])
        ) AS asked (need_id, need_version, agent_id, agent_version, call_id, why)
    ), free_needs AS (
        SELECT needs.id FROM needs
        JOIN asked ON needs.id = asked.need_id AND needs.version = asked.need_version
        WHERE needs.state = 'waiting' AND needs.closed_at IS NULL
        ORDER BY needs.id FOR UPDATE OF needs SKIP LOCKED
    ), free_agents AS (
        SELECT agents.id, agents.since, agents.name, agents.phone, agents.auto_answer FROM agents
        JOIN asked ON agents.id = asked.agent_id AND agents.version = asked.agent_version
        JOIN free_needs ON free_needs.id = asked.need_id
        WHERE agents.state = 'ready'
        ORDER BY agents.id FOR UPDATE OF agents SKIP LOCKED
    ), matched AS (
        SELECT asked.*, free_agents.since, free_agents.name, free_agents.phone FROM asked
        JOIN free_needs ON free_needs.id = asked.need_id
        JOIN free_agents ON free_agents.id = asked.agent_id
    ), taken AS (
        UPDATE needs SET state = 'offered', version = needs.version + 1
        FROM matched WHERE needs.id = matched.need_id RETURNING needs.id
    ), given AS (
        UPDATE agents SET state = 'offered', since = :now, version = agents.version + 1
        FROM matched WHERE agents.id = matched.agent_id RETURNING agents.id
    ), made AS (
        INSERT INTO offers
            (call_id, need_id, agent_id, node, fence, state, why, agent_since, made_at, expires_at)
        SELECT call_id, need_id, agent_id, :node, need_version + 1, 'offered', CAST(why AS json), since, :now, :until
        FROM matched RETURNING id, need_id
    )
    SELECT asked.need_id, free_needs.id IS NOT NULL AS need_is_free, made.id, free_agents.name, free_agents.phone,
        free_agents.auto_answer,
        1 / CASE WHEN (SELECT count(*) FROM taken) = (SELECT count(*) FROM made)
            AND (SELECT count(*) FROM given) = (SELECT count(*) FROM made) THEN 1 ELSE 0 END AS whole
    FROM asked
    LEFT JOIN free_needs ON free_needs.id = asked.need_id
    LEFT JOIN free_agents ON free_agents.id = asked.agent_id
    LEFT JOIN made ON made.need_id = asked.need_id
    """
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who makes offers, and for how long they hold."""

    node: str
    now: float
    until: float


async def take_all(
    connection: AsyncConnection, decisions: Sequence[Decision], holder: Holder
) -> tuple[Claimed | Lost, ...]:
    """Carry decisions out on PostgreSQL, in one statement. A need or an agent may be in one of them only."""
    rows = await connection.execute(
        _TAKE,
        {
            "need_ids": [one.need_id for one in decisions],
            "need_versions": [one.need_version for one in decisions],
            "agent_ids": [one.agent_id for one in decisions],
            "agent_versions": [one.agent_version for one in decisions],
            "call_ids": [one.call_id for one in decisions],
            "whys": [json.dumps(dict(one.why)) for one in decisions],
            "now": holder.now,
            "until": holder.until,
            "node": holder.node,
        },
    )
    found = {row.need_id: row for row in rows}
    return tuple(
        _claimed(one, found[one.need_id].id, found[one.need_id])
        if found[one.need_id].id is not None
        else _lost(need_is_free=found[one.need_id].need_is_free)
        for one in decisions
    )


def _claimed(decision: Decision, offer_id: int, agent: Any) -> Claimed:
    return Claimed(
        offer_id,
        decision.need_version + 1,
        decision.call_id,
        decision.need_id,
        decision.agent_id,
        agent.name,
        agent.phone,
        agent.auto_answer,
    )


def _lost(*, need_is_free: bool) -> Lost:
    return Lost("the agent has moved on" if need_is_free else "the need has moved on")


async def take_all_alone(
    session: AsyncSession, decisions: Sequence[Decision], holder: Holder
) -> tuple[Claimed | Lost, ...]:
    """Carry decisions out in a transaction that nobody else can write beside (SQLite)."""
    waiting = await session.execute(
        select(NeedRow.id, NeedRow.version)
        .where(NeedRow.id.in_([one.need_id for one in decisions]))
        .where(NeedRow.state == NeedState.WAITING, NeedRow.closed_at.is_(None))
    )
    ready = await session.execute(
        select(AgentRow.id, AgentRow.version, AgentRow.since, AgentRow.name, AgentRow.phone, AgentRow.auto_answer)
        .where(AgentRow.id.in_([one.agent_id for one in decisions]))
        .where(AgentRow.state == AgentState.READY)
    )
    needs, agents = {id_: version for id_, version in waiting}, {row.id: row for row in ready}
    whole = [
        one
        for one in decisions
        if needs.get(one.need_id) == one.need_version
        and one.agent_id in agents
        and agents[one.agent_id].version == one.agent_version
    ]
    offers: dict[int, int] = {}
    if whole:
        await session.execute(
            update(NeedRow)
            .where(NeedRow.id.in_([one.need_id for one in whole]))
            .values(state=NeedState.OFFERED.value, version=NeedRow.version + 1)
            .execution_options(synchronize_session=False)
        )
        await session.execute(
            update(AgentRow)
            .where(AgentRow.id.in_([one.agent_id for one in whole]))
            .values(state=AgentState.OFFERED.value, since=holder.now, version=AgentRow.version + 1)
            .execution_options(synchronize_session=False)
        )
        made = await session.execute(
            insert(OfferRow).returning(OfferRow.need_id, OfferRow.id),
            [_offer(one, agents[one.agent_id].since, holder) for one in whole],
        )
        offers = {need_id: offer_id for need_id, offer_id in made}
    return tuple(
        _claimed(one, offers[one.need_id], agents[one.agent_id])
        if one.need_id in offers
        else _lost(need_is_free=needs.get(one.need_id) == one.need_version)
        for one in decisions
    )


def _offer(decision: Decision, idle_since: float, holder: Holder) -> dict[str, object]:
    return {
        "call_id": decision.call_id,
        "need_id": decision.need_id,
        "agent_id": decision.agent_id,
        "node": holder.node,
        "fence": decision.need_version + 1,
        "state": OfferState.OFFERED.value,
        "why": dict(decision.why),
        "agent_since": idle_since,
        "made_at": holder.now,
        "expires_at": holder.until,
    }
