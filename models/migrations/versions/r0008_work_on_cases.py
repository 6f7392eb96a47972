"""What is done about cases: handlers, events, alarms that were told."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("cases") as cases:
        cases.add_column(sa.Column("handler_id", sa.Integer(), nullable=True))
        cases.create_foreign_key("fk_cases_handler_id_agents", "agents", ["handler_id"], ["id"])
        cases.create_index("ix_cases_open", ["due_at"], postgresql_where=sa.text("state = 'open'"),
                           sqlite_where=sa.text("state = 'open'"))  # fmt: skip
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id_cases"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_case_events_agent_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
    )
    op.create_index("ix_case_events_case_id", "case_events", ["case_id"])
    op.create_table(
        "case_alarms",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("alarm", sa.String(32), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_alarms_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "alarm", "due_at", name=op.f("pk_case_alarms")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("case_alarms")
    op.drop_table("case_events")
    with op.batch_alter_table("cases") as cases:
        cases.drop_index("ix_cases_open")
        cases.drop_constraint("fk_cases_handler_id_agents", type_="foreignkey")
        cases.drop_column("handler_id")
