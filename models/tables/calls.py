"""Calls, what was said and pressed in them, published books, and what is remembered for later calls."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.root import MANY, Table


class CallRow(Table):
    """One visit of a caller. `id` is Asterisk's linkedid: the same on every rung, node and leg."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "ix_calls_open", "state", postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL")
        ),
        Index("ix_calls_customer_id_started_at", "customer_id", "started_at"),
        Index("ix_calls_ani_started_at", "ani", "started_at"),
    )
    id: Mapped[str] = mapped_column(String(150), primary_key=True)
    uniqueid: Mapped[str] = mapped_column(String(150))
    channel: Mapped[str] = mapped_column(String(200))
    node: Mapped[str] = mapped_column(String(64))  # the engine node that holds it
    ani: Mapped[str | None] = mapped_column(String(20))
    dnis: Mapped[str] = mapped_column(String(32), default="")
    entry: Mapped[str | None] = mapped_column(String(63))  # the book's entry that was dialled
    campaign: Mapped[str | None] = mapped_column(String(80))
    caller_name: Mapped[str] = mapped_column(String(64), default="")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    verified_as: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
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


class BookChoiceRow(Table):
    """Which published versions are in use from a moment on; the newest row holds."""

    __tablename__ = "book_choices"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float]
    stable: Mapped[int] = mapped_column(ForeignKey("menu_books.version"))
    canary: Mapped[int | None] = mapped_column(ForeignKey("menu_books.version"))
    canary_share: Mapped[float] = mapped_column(default=0.0)  # of callers, 0 to 1
    chosen_by: Mapped[str] = mapped_column(String(64), default="")  # user of the machine, or node
    message: Mapped[str] = mapped_column(String(500), default="")


class RecordingRow(Table):
    """What a caller said and was recorded; the sound lies in the folder of recordings under this id."""

    __tablename__ = "recordings"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    purpose: Mapped[str] = mapped_column(String(16))  # voicemail, complaint, comment, conversation
    at: Mapped[float]
    seconds: Mapped[float]


class TalkRecordingRow(Table):
    """The recording of a conversation while it lasts: whether it is to be silent, and what the switch has confirmed."""

    __tablename__ = "talk_recordings"
    __table_args__ = (
        Index(
            "ix_talk_recordings_open",
            "call_id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )
    recording: Mapped[str] = mapped_column(String(200), ForeignKey("recordings.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    began_at: Mapped[float]
    ended_at: Mapped[float | None]
    pause_until: Mapped[float | None]  # it is to be silent until then; none: it is to be heard
    muted: Mapped[bool | None] = mapped_column(default=False)  # as the switch confirmed it; none: not known
    version: Mapped[int] = mapped_column(default=0)  # grows with every wish
    consent: Mapped[str | None] = mapped_column(String(8))  # what is lacking of the customer's: asked, refused


class RatingRow(Table):
    """One answer to a survey."""

    __tablename__ = "ratings"
    __table_args__ = (Index("ix_ratings_survey_at", "survey", "at"), Index("ix_ratings_subject_at", "subject", "at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(String(150), ForeignKey("calls.id"), index=True)
    subject: Mapped[str | None] = mapped_column(String(40))
    survey: Mapped[str] = mapped_column(String(63))
    question: Mapped[str] = mapped_column(String(63))
    ask: Mapped[str] = mapped_column(String(8))  # csat, nps, yes_no, comment
    score: Mapped[int | None]
    recording: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[float]


class KeepsakeRow(Table):
    """Something remembered of a caller for later calls."""

    __tablename__ = "keepsakes"
    subject: Mapped[str] = mapped_column(String(40), primary_key=True)  # customer:7 or number:+86…
    name: Mapped[str] = mapped_column(String(31), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    at: Mapped[float]


class MenuMemoryRow(Table):
    """What a caller heard of a menu, for the order of the next call."""

    __tablename__ = "menu_memories"
    subject: Mapped[str] = mapped_column(String(40), primary_key=True)
    menu: Mapped[str] = mapped_column(String(63), primary_key=True)
    promoted: Mapped[list[Any]]
    wished: Mapped[list[Any]]
    streak: Mapped[int] = mapped_column(default=0)
    frozen: Mapped[bool] = mapped_column(default=False)
    at: Mapped[float]
