"""Conversations that are held, handed on, or talked over with another agent."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("offers", sa.Column("talk", sa.JSON(), nullable=True))
    op.add_column("needs", sa.Column("sent", sa.JSON(), nullable=True))
    op.add_column("needs", sa.Column("kind", sa.String(8), nullable=False, server_default="call"))
    _one_open_need_per("call_id", "kind")


def downgrade() -> None:
    """Go back. A consultation that goes on is given up."""
    op.execute("DELETE FROM offers WHERE need_id IN (SELECT id FROM needs WHERE kind <> 'call')")
    op.execute("DELETE FROM needs WHERE kind <> 'call'")
    _one_open_need_per("call_id")
    op.drop_column("needs", "kind")
    op.drop_column("needs", "sent")
    op.drop_column("offers", "talk")


def _one_open_need_per(*columns: str) -> None:
    op.drop_index("one_open_need_per_call", "needs")
    op.create_index(
        "one_open_need_per_call", "needs", list(columns), unique=True, postgresql_where=OPEN, sqlite_where=OPEN
    )
