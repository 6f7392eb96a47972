"""Supervisors, what they did, and on which conversations they are."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("agents", sa.Column("supervisor", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("agents") as agents:
        agents.alter_column("supervisor", server_default=None)
    op.create_table(
        "supervisor_acts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("supervisor_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_supervisor_acts_agent_id_agents")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_supervisor_acts_call_id_calls")),
        sa.ForeignKeyConstraint(["supervisor_id"], ["agents.id"], name=op.f("fk_supervisor_acts_supervisor_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisor_acts")),
    )
    op.create_index(op.f("ix_supervisor_acts_at"), "supervisor_acts", ["at"])
    op.create_table(
        "listenings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("supervisor_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_listenings_agent_id_agents")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_listenings_call_id_calls")),
        sa.ForeignKeyConstraint(["supervisor_id"], ["agents.id"], name=op.f("fk_listenings_supervisor_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listenings")),
    )
    op.create_index(op.f("ix_listenings_call_id"), "listenings", ["call_id"])
    op.create_index(
        "one_listening_per_supervisor",
        "listenings",
        ["supervisor_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("listenings")
    op.drop_table("supervisor_acts")
    op.drop_column("agents", "supervisor")
