"""How severe a complaint is, what it is about, and which agent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("cases", sa.Column("severity", sa.String(8), nullable=True))
    op.add_column("cases", sa.Column("about", sa.String(48), nullable=True))
    with op.batch_alter_table("cases") as cases:
        cases.add_column(sa.Column("against_id", sa.Integer(), nullable=True))
        cases.create_foreign_key("fk_cases_against_id_agents", "agents", ["against_id"], ["id"])


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("cases") as cases:
        cases.drop_constraint("fk_cases_against_id_agents", type_="foreignkey")
        cases.drop_column("against_id")
    for column in ("about", "severity"):
        op.drop_column("cases", column)
