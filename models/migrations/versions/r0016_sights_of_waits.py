"""What was to be seen when a wait was estimated, what it was estimated by, and estimates that nobody was told."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("told_waits") as told:
        told.alter_column("least_min", existing_type=sa.Integer(), nullable=True)
        told.add_column(sa.Column("basis", sa.String(length=16), nullable=True))
        told.add_column(sa.Column("sight", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.execute("DELETE FROM told_waits WHERE least_min IS NULL")
    with op.batch_alter_table("told_waits") as told:
        told.drop_column("sight")
        told.drop_column("basis")
        told.alter_column("least_min", existing_type=sa.Integer(), nullable=False)
