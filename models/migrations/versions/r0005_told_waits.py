"""Expected waits that callers were told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "told_waits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("need_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("least_min", sa.Integer(), nullable=False),
        sa.Column("most_min", sa.Integer(), nullable=True),
        sa.Column("mean_s", sa.Double(), nullable=False),
        sa.Column("ahead", sa.Double(), nullable=False),
        sa.Column("agents", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], name=op.f("fk_told_waits_need_id_needs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_waits")),
    )
    op.create_index(op.f("ix_told_waits_need_id"), "told_waits", ["need_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("told_waits")
