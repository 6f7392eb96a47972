"""Recordings of conversations while they last."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "talk_recordings",
        sa.Column("recording", sa.String(length=200), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("pause_until", sa.Double(), nullable=True),
        sa.Column("muted", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_talk_recordings_call_id_calls")),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name=op.f("fk_talk_recordings_recording_recordings")),
        sa.PrimaryKeyConstraint("recording", name=op.f("pk_talk_recordings")),
    )
    op.create_index(op.f("ix_talk_recordings_call_id"), "talk_recordings", ["call_id"])
    op.create_index(
        "ix_talk_recordings_open",
        "talk_recordings",
        ["call_id"],
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("talk_recordings")
