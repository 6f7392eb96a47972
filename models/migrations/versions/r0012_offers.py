"""Offers: misses and refusals that set aside, extended wrap-ups, phones as nodes see them on the switch."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("agents", "set_aside", sa.String(16)),
    ("agents", "back_at", sa.Double()),
    ("agents", "missed_at", sa.JSON()),
    ("agents", "refused_at", sa.JSON()),
    ("agents", "freed_at", sa.Double()),
    ("needs", "refused_by", sa.JSON()),
    ("offers", "refused_for", sa.String(48)),
    ("offers", "wrap_up_extended", sa.Integer()),
)


def upgrade() -> None:
    """Go to this revision."""
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_table(
        "phones",
        sa.Column("phone", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("phone", name="pk_phones"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("phones")
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
