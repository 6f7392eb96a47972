"""Agents whose phones are asked to pick up by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("agents", sa.Column("auto_answer", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("agents", "auto_answer")
