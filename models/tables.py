"""All tables. Times are UTC seconds of the epoch (`…_at`), dates of the calendar are dates (`…_on`)."""

from datetime import date
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
#: A key of a table that grows with every key pressed. SQLite numbers only plain INTEGER keys (of 64 bits anyway).
MANY = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """The declarative root: one naming rule for every constraint."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[Any]: JSON}


# --- customers: what the bank knows -------------------------------------------------------------------------------


class CustomerRow(Table):
    """A customer of the bank."""

    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(8))
    segment: Mapped[str] = mapped_column(String(32))  # mass, affluent, private, business, broker
    since_on: Mapped[date]
    yearly_value_cents: Mapped[int] = mapped_column(
        BigInteger, default=0
    )  # what the customer is worth to the bank in a year
    churn_risk: Mapped[float] = mapped_column(default=0.0)  # probability of leaving within a year, 0 to 1


class NumberRow(Table):
    """A telephone number of a customer; several customers may share one."""

    __tablename__ = "numbers"
    __table_args__ = (UniqueConstraint("e164", "customer_id"), Index("ix_numbers_e164", "e164"))
    id: Mapped[int] = mapped_column(primary_key=True)
    e164: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16), default="mobile")  # mobile, home, work


class ProductRow(Table):
    """A product that a customer holds, with its next key date."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))  # current_account, savings, credit_card, loan, instalment, insurance
    name: Mapped[str] = mapped_column(String(120))
    opened_on: Mapped[date]
    balance_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    key_on: Mapped[date | None]  # card expiry, premium due, instalment due, contract end
    key_kind: Mapped[str | None] = mapped_column(String(32))


class LifeEventRow(Table):
    """Something in a customer's life that changes what they need."""

    __tablename__ = "life_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))  # moving_house, new_car, marriage, bereavement, retirement, child
    happened_on: Mapped[date]


class HistoryEventRow(Table):
    """One thing a customer did, in the words of the menu (`task`); what personal menus are learned from."""

    __tablename__ = "history_events"
    __table_args__ = (Index("ix_history_events_customer_id_at", "customer_id", "at"),)
    id: Mapped[int] = mapped_column(MANY, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    at: Mapped[float]
    task: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(16), default="ivr")  # ivr, agent, app, branch
    call_id: Mapped[str | None] = mapped_column(String(150))


class CaseRow(Table):
    """A complaint being handled."""

    __tablename__ = "cases"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    tier: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16), default="open")  # open, closed
    opened_at: Mapped[float]
    due_at: Mapped[float | None]
    closed_at: Mapped[float | None]
    call_id: Mapped[str | None] = mapped_column(String(150))


# --- calls ----------------------------------------------------------------------------------------------------------


class CallRow(Table):
    """One visit of a caller. `id` is Asterisk's linkedid: the same on every rung, node and leg."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "ix_calls_open", "state", postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL")
        ),
        Index("ix_calls_customer_id_started_at", "customer_id", "started_at"),
    )
    id: Mapped[str] = mapped_column(String(150), primary_key=True)
    uniqueid: Mapped[str] = mapped_column(String(150))
    channel: Mapped[str] = mapped_column(String(200))
    node: Mapped[str] = mapped_column(String(64))  # the engine node that holds it
    ani: Mapped[str | None] = mapped_column(String(20))
    dnis: Mapped[str] = mapped_column(String(32), default="")
    caller_name: Mapped[str] = mapped_column(String(64), default="")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    language: Mapped[str] = mapped_column(String(8), default="")
    book_version: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16))
    position: Mapped[dict[str, Any] | None]  # where in the book, to go on after an engine died
    started_at: Mapped[float]
    ended_at: Mapped[float | None]
    result: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(16))


class CallEventRow(Table):
    """One event of a call: prompt heard, key pressed, order decided, need, offer, answer …"""

    __tablename__ = "call_events"
    __table_args__ = (Index("ix_call_events_call_id_at", "call_id", "at"),)
    id: Mapped[int] = mapped_column(MANY, primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"))
    at: Mapped[float]
    kind: Mapped[str] = mapped_column(String(24))
    data: Mapped[dict[str, Any]]


class MenuBookRow(Table):
    """One published, immutable version of all menu YAML."""

    __tablename__ = "menu_books"
    version: Mapped[int] = mapped_column(primary_key=True)
    published_at: Mapped[float]
    message: Mapped[str] = mapped_column(String(500), default="")
    digest: Mapped[str] = mapped_column(String(64))  # of the files; going back to older files is a version of its own
    files: Mapped[dict[str, Any]]  # file name → text


# --- routing --------------------------------------------------------------------------------------------------------


class AgentRow(Table):
    """An agent, with the state that claims are made on."""

    __tablename__ = "agents"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)  # sign-in name
    full_name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(80))  # PJSIP/agent-101
    state: Mapped[str] = mapped_column(String(16), default="logged_out")
    since: Mapped[float] = mapped_column(default=0.0)
    version: Mapped[int] = mapped_column(default=0)
    pause_reason: Mapped[str | None] = mapped_column(String(32))
    pause_after: Mapped[str | None] = mapped_column(String(32))  # asked for during a call; applies after it
    wrap_up_until: Mapped[float | None]
    desk_seen_at: Mapped[float | None]  # last sign of life of a browser of this agent


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
    disposition: Mapped[str | None] = mapped_column(String(48))
    note: Mapped[str | None] = mapped_column(String(2000))
    wrapped_up_at: Mapped[float | None]


class NodeRow(Table):
    """An engine node and its last sign of life."""

    __tablename__ = "nodes"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[float]
    seen_at: Mapped[float]
