"""Self-service: the demonstration bank's accounts, lock-outs, messages, callbacks."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.root import MANY, Table


class CredentialRow(Table):
    """What a customer proves to be themselves with."""

    __tablename__ = "credentials"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    pin_hash: Mapped[str] = mapped_column(String(200))  # argon2
    birthday_hash: Mapped[str] = mapped_column(String(200))  # argon2 of YYYYMMDD


class AccountRow(Table):
    """The number under which a product can be paid to."""

    __tablename__ = "accounts"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(30), unique=True)


class CardRow(Table):
    """A bank card. The whole number is kept as a keyed hash only."""

    __tablename__ = "cards"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"))
    number_hash: Mapped[str] = mapped_column(String(64), unique=True)
    last_four: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(16), default="active")  # active, blocked
    limit_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    limit_most_cents: Mapped[int] = mapped_column(BigInteger, default=0)  # what it may be set to without asking
    used_cents: Mapped[int] = mapped_column(BigInteger, default=0)


class PointsRow(Table):
    """Reward points of a customer."""

    __tablename__ = "points"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    points: Mapped[int] = mapped_column(default=0)


class MovementRow(Table):
    """Money in or out of a product."""

    __tablename__ = "movements"
    __table_args__ = (Index("ix_movements_product_id_at", "product_id", "at"),)
    id: Mapped[int] = mapped_column(MANY, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    at: Mapped[float]
    amount_cents: Mapped[int] = mapped_column(BigInteger)  # negative: out
    about: Mapped[str] = mapped_column(String(80), default="")


class InstalmentRow(Table):
    """A running instalment plan of a product."""

    __tablename__ = "instalments"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    remaining: Mapped[int]
    next_on: Mapped[date]


class BankOrderRow(Table):
    """An order that was carried out; its key makes a repetition harmless."""

    __tablename__ = "bank_orders"
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    operation: Mapped[str] = mapped_column(String(32))
    call_id: Mapped[str] = mapped_column(String(150), default="")
    at: Mapped[float]
    answer: Mapped[dict[str, Any]]


class LockoutRow(Table):
    """Failed attempts of a customer or a number to be verified."""

    __tablename__ = "lockouts"
    subject: Mapped[str] = mapped_column(String(40), primary_key=True)  # customer:7 or number:+86…
    failures: Mapped[int] = mapped_column(default=0)
    since: Mapped[float]  # of the first failure that counts
    locked_until: Mapped[float | None]


class OutboxRow(Table):
    """A text message, until it was taken by the gateway and after."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "next_at",
            postgresql_where=text("state = 'waiting'"),
            sqlite_where=text("state = 'waiting'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    to: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(String(1200))
    template: Mapped[str] = mapped_column(String(63), default="")
    call_id: Mapped[str] = mapped_column(String(150), default="")
    customer_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # waiting, sending, sent, failed
    tries: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[float]
    next_at: Mapped[float]  # not to be tried before; while sending, until when the node holds it
    node: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[float | None]
    fault: Mapped[str | None] = mapped_column(String(200))


class OptOutRow(Table):
    """A number that wants no text messages."""

    __tablename__ = "opt_outs"
    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[float]


class CallbackRow(Table):
    """A caller's wish to be called back, and what came of it."""

    __tablename__ = "callbacks"
    __table_args__ = (
        Index(
            "one_open_callback",
            "number",
            "queue",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_callbacks_number_closed_at", "number", "closed_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150))
    number: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[int | None]
    queue: Mapped[str] = mapped_column(String(48))
    reason: Mapped[str] = mapped_column(String(48))
    language: Mapped[str] = mapped_column(String(8))
    required: Mapped[dict[str, Any]]
    tier: Mapped[int] = mapped_column(default=1)
    credit_s: Mapped[float] = mapped_column(default=0.0)
    terms: Mapped[dict[str, Any] | None]  # of its need
    kind: Mapped[str] = mapped_column(String(16))  # now, keep_place, at
    hours: Mapped[str | None] = mapped_column(String(48))  # of the book, outside which the phone does not ring
    since: Mapped[float]  # what the age of its need counts from
    due_at: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # waiting, dialling, talking, closed
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float]  # not to be dialled before; while dialling, until when the node holds it
    node: Mapped[str | None] = mapped_column(String(64))
    fence: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[float]
    closed_at: Mapped[float | None]
    outcome: Mapped[str | None] = mapped_column(String(16))  # served, missed, replaced, came_back
