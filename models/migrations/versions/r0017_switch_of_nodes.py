"""Which switch each node serves: the calls of another one are not judged by what is seen on one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("nodes", sa.Column("switch", sa.String(length=128), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("nodes", "switch")
