"""Teams of agents."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("agents", sa.Column("team", sa.String(32), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("agents", "team")
