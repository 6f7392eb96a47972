"""Customers have an agent of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("customers", sa.Column("agent", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("customers", "agent")
