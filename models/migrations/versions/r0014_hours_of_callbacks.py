"""Opening hours that callbacks keep to, also when they are tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("callbacks", sa.Column("hours", sa.String(length=48), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("callbacks", "hours")
