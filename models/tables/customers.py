"""Customers: what the bank knows of them."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.root import MANY, Table


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
    agent: Mapped[str | None] = mapped_column(String(64))  # sign-in name of the agent who looks after them


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
    __table_args__ = (
        Index("ix_cases_open", "due_at", postgresql_where=text("state = 'open'"), sqlite_where=text("state = 'open'")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)  # none: nobody knows who
    ani: Mapped[str | None] = mapped_column(String(20), index=True)  # the number that called, to be asked back
    subject: Mapped[str] = mapped_column(String(200))
    tier: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16), default="open")  # open, closed
    opened_at: Mapped[float]
    due_at: Mapped[float | None]
    closed_at: Mapped[float | None]
    call_id: Mapped[str | None] = mapped_column(String(150))
    recording: Mapped[str | None] = mapped_column(String(200))  # id of the recording that states it
    severity: Mapped[str | None] = mapped_column(String(8))  # low, medium, high
    about: Mapped[str | None] = mapped_column(String(48))  # card_fraud …
    against_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))  # whom it is about; never gets it
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))  # who sees to it


class CaseEventRow(Table):
    """One thing that was done about a case."""

    __tablename__ = "case_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    at: Mapped[float]
    kind: Mapped[str] = mapped_column(String(16))  # opened, noted, assigned, raised, extended, closed, alarmed
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    by: Mapped[str] = mapped_column(String(64))  # sign-in name; empty for the engine and the command line
    data: Mapped[dict[str, Any]]


class CaseAlarmRow(Table):
    """An alarm of a case that was told; a later deadline has alarms of its own."""

    __tablename__ = "case_alarms"
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    alarm: Mapped[str] = mapped_column(String(32), primary_key=True)
    due_at: Mapped[float] = mapped_column(primary_key=True)
    at: Mapped[float]
