"""Agents, needs, offers and nodes: what routing decides on."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.root import MANY, Table


class AgentRow(Table):
    """An agent, with the state that claims are made on."""

    __tablename__ = "agents"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)  # sign-in name
    full_name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(80))  # PJSIP/agent-101
    team: Mapped[str | None] = mapped_column(String(32))  # of the file of queues
    state: Mapped[str] = mapped_column(String(16), default="logged_out")
    since: Mapped[float] = mapped_column(default=0.0)
    version: Mapped[int] = mapped_column(default=0)
    pause_reason: Mapped[str | None] = mapped_column(String(32))
    pause_after: Mapped[str | None] = mapped_column(String(32))  # asked for during a call; applies after it
    wrap_up_until: Mapped[float | None]
    desk_seen_at: Mapped[float | None]  # last sign of life of a browser of this agent
    supervisor: Mapped[bool] = mapped_column(default=False)  # sees the wall, and acts on agents
    set_aside: Mapped[str | None] = mapped_column(String(16))  # why, while missed
    back_at: Mapped[float | None]  # while missed: ready again by itself then
    missed_at: Mapped[list[Any] | None]  # misses in a row that still count; an answer empties it
    refused_at: Mapped[list[Any] | None]  # refusals of the last hour
    auto_answer: Mapped[bool | None]  # whether their phone is asked to pick up by itself; none: as the settings say
    sessions: Mapped[int] = mapped_column(default=0, server_default="0")  # cookies of an earlier number are worthless
    freed_at: Mapped[float | None]  # when the last offer to them ended: what their phone does may be its trace


class SupervisorActRow(Table):
    """Something that a supervisor did to an agent or in an agent's call; written down before it is done."""

    __tablename__ = "supervisor_acts"
    id: Mapped[int] = mapped_column(MANY, primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    supervisor_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    act: Mapped[str] = mapped_column(String(16))  # pause, sign_out, listen, whisper, barge, stop
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    call_id: Mapped[str | None] = mapped_column(String(150), ForeignKey("calls.id"))
    done: Mapped[bool] = mapped_column(default=False)  # it was carried out; else refused, or nobody knows


class ListeningRow(Table):
    """A supervisor on an agent's conversation. `id` is also that of the supervisor's channel on the switch."""

    __tablename__ = "listenings"
    __table_args__ = (
        Index(
            "one_listening_per_supervisor",
            "supervisor_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    supervisor_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    mode: Mapped[str] = mapped_column(String(8))  # listen, whisper, barge
    asked_at: Mapped[float]
    began_at: Mapped[float | None]  # the supervisor's phone was answered
    ended_at: Mapped[float | None]


class AgentSkillRow(Table):
    """A skill of an agent, with its level from 1 (junior) to 10 (senior)."""

    __tablename__ = "agent_skills"
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    skill: Mapped[str] = mapped_column(String(48), primary_key=True)
    level: Mapped[int]


class NeedRow(Table):
    """What a waiting caller requires of an agent."""

    __tablename__ = "needs"
    __table_args__ = (
        Index(
            "one_open_need_per_call",
            "call_id",
            "kind",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_needs_open", "state", postgresql_where=text("closed_at IS NULL"), sqlite_where=text("closed_at IS NULL")
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    queue: Mapped[str] = mapped_column(String(48))
    required: Mapped[dict[str, Any]]  # skill → minimum level
    language: Mapped[str] = mapped_column(String(8))
    tier: Mapped[int] = mapped_column(default=1)
    credit_s: Mapped[float] = mapped_column(default=0.0)
    reason: Mapped[str] = mapped_column(String(48), default="")  # why they call, in the option's own label
    not_agents: Mapped[list[Any]]  # ids of agents who missed it
    refused_by: Mapped[list[Any] | None]  # ids of those of them who refused it
    terms: Mapped[dict[str, Any] | None]  # goal, preferences, softening …
    kind: Mapped[str] = mapped_column(
        String(8), default="call", server_default="call"
    )  # call; second: of an agent who consults another
    sent: Mapped[dict[str, Any] | None]  # by whom the caller was handed on, and what they said
    since: Mapped[float]
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[float | None]
    outcome: Mapped[str | None] = mapped_column(String(16))  # served, abandoned, gave_up, lost


class OfferRow(Table):
    """One need proposed to one agent. The two partial unique indexes make a double offer impossible."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "one_open_offer_per_need",
            "need_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index(
            "one_open_offer_per_agent",
            "agent_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    need_id: Mapped[int] = mapped_column(ForeignKey("needs.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    node: Mapped[str] = mapped_column(String(64))
    fence: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    why: Mapped[dict[str, Any]]  # the decision's reasons
    agent_since: Mapped[float] = mapped_column(default=0.0)  # idle since; given back when the offer comes to nothing
    made_at: Mapped[float]
    expires_at: Mapped[float | None]  # lease of the node; none while they talk
    popped_at: Mapped[float | None]  # the browser said that the pop stands on the screen
    ringing_at: Mapped[float | None]
    answered_at: Mapped[float | None]
    closed_at: Mapped[float | None]
    refused_for: Mapped[str | None] = mapped_column(String(48))  # the reason an agent gave
    disposition: Mapped[str | None] = mapped_column(String(48))
    note: Mapped[str | None] = mapped_column(String(2000))
    talk: Mapped[dict[str, Any] | None]  # hold, consultation, and what the agent asks for
    wrap_up_extended: Mapped[int | None]  # how often
    wrapped_up_at: Mapped[float | None]  # the outcome is final; before, note and disposition are a draft


class ToldWaitRow(Table):
    """An expected wait of the caller of a need; what came of it, the need and its offers tell."""

    __tablename__ = "told_waits"
    id: Mapped[int] = mapped_column(primary_key=True)
    need_id: Mapped[int] = mapped_column(ForeignKey("needs.id"), index=True)
    at: Mapped[float]
    least_min: Mapped[int | None]  # none: too uncertain, the caller was told nothing
    most_min: Mapped[int | None]  # none: more than the least
    mean_s: Mapped[float]  # the estimate behind the range
    ahead: Mapped[float]  # callers served first; in part those whom other agents may serve as well
    agents: Mapped[int]  # at work, who may serve the caller
    basis: Mapped[str | None] = mapped_column(String(16))  # digest of the fitted model; none: the formula
    sight: Mapped[list[Any] | None]  # what was to be seen, the fields of routing.waits.Sight in their order


class PhoneRow(Table):
    """An agent's phone as a node last saw it on the switch: a second opinion, never the truth about the agent."""

    __tablename__ = "phones"
    phone: Mapped[str] = mapped_column(String(80), primary_key=True)  # PJSIP/agent-101
    state: Mapped[str] = mapped_column(String(16))
    since: Mapped[float]
    seen_at: Mapped[float]
    node: Mapped[str] = mapped_column(String(64))


class NodeRow(Table):
    """An engine node and its last sign of life."""

    __tablename__ = "nodes"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[float]
    seen_at: Mapped[float]
    switch: Mapped[str | None] = mapped_column(String(128))  # identity of the switch it serves; none: not known yet
