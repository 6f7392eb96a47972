"""Recordings for which the customer is asked when they pick up."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("talk_recordings", sa.Column("consent", sa.String(length=8), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("talk_recordings", "consent")
