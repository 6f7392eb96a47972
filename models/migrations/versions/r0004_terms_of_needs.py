"""Terms of needs and callbacks: service goal, preferences, softening, overflow."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    for table in ("needs", "callbacks"):
        op.add_column(table, sa.Column("terms", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back."""
    for table in ("callbacks", "needs"):
        op.drop_column(table, "terms")
