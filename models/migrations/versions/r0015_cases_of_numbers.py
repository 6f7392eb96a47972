"""Cases are found by the number that they were opened from."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_index("ix_cases_ani", "cases", ["ani"])


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_cases_ani", "cases")
