"""The menu language: entries, self-service, messages, cases, callbacks, surveys, and what is remembered of callers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("queue", sa.String(length=48), nullable=False),
        sa.Column("reason", sa.String(length=48), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("required", sa.JSON(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("credit_s", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
    )
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.create_index("ix_callbacks_number_closed_at", ["number", "closed_at"], unique=False)
        batch_op.create_index(
            "one_open_callback",
            ["number", "queue"],
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "keepsakes",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=31), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "name", name=op.f("pk_keepsakes")),
    )
    op.create_table(
        "lockouts",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("locked_until", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_lockouts")),
    )
    op.create_table(
        "menu_memories",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("menu", sa.String(length=63), nullable=False),
        sa.Column("promoted", sa.JSON(), nullable=False),
        sa.Column("wished", sa.JSON(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "menu", name=op.f("pk_menu_memories")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_opt_outs")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("to", sa.String(length=20), nullable=False),
        sa.Column("text", sa.String(length=1200), nullable=False),
        sa.Column("template", sa.String(length=63), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("fault", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_waiting",
            ["next_at"],
            unique=False,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "bank_orders",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_bank_orders_customer_id_customers")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_bank_orders")),
    )
    with op.batch_alter_table("bank_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bank_orders_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "book_choices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("stable", sa.Integer(), nullable=False),
        sa.Column("canary", sa.Integer(), nullable=True),
        sa.Column("canary_share", sa.Double(), nullable=False),
        sa.Column("chosen_by", sa.String(length=64), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["canary"], ["menu_books.version"], name=op.f("fk_book_choices_canary_menu_books")),
        sa.ForeignKeyConstraint(["stable"], ["menu_books.version"], name=op.f("fk_book_choices_stable_menu_books")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_choices")),
    )
    op.create_table(
        "credentials",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("birthday_hash", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_credentials_customer_id_customers")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_credentials")),
    )
    op.create_table(
        "points",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_points_customer_id_customers")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_points")),
    )
    op.create_table(
        "accounts",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_accounts_product_id_products")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("number", name=op.f("uq_accounts_number")),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("number_hash", sa.String(length=64), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("limit_most_cents", sa.BigInteger(), nullable=False),
        sa.Column("used_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_cards_customer_id_customers")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_cards_product_id_products")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("number_hash", name=op.f("uq_cards_number_hash")),
    )
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cards_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "instalments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_instalments_product_id_products")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalments")),
    )
    with op.batch_alter_table("instalments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instalments_product_id"), ["product_id"], unique=False)

    op.create_table(
        "movements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_movements_product_id_products")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movements")),
    )
    with op.batch_alter_table("movements", schema=None) as batch_op:
        batch_op.create_index("ix_movements_product_id_at", ["product_id", "at"], unique=False)

    op.create_table(
        "ratings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=True),
        sa.Column("survey", sa.String(length=63), nullable=False),
        sa.Column("question", sa.String(length=63), nullable=False),
        sa.Column("ask", sa.String(length=8), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("recording", sa.String(length=200), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_ratings_call_id_calls")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
    )
    with op.batch_alter_table("ratings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ratings_call_id"), ["call_id"], unique=False)
        batch_op.create_index("ix_ratings_subject_at", ["subject", "at"], unique=False)
        batch_op.create_index("ix_ratings_survey_at", ["survey", "at"], unique=False)

    op.create_table(
        "recordings",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("call_id", sa.String(length=150), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_recordings_call_id_calls")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_recordings_customer_id_customers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    with op.batch_alter_table("recordings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recordings_call_id"), ["call_id"], unique=False)

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.add_column(sa.Column("entry", sa.String(length=63), nullable=True))
        batch_op.add_column(sa.Column("campaign", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("verified_as", sa.Integer(), nullable=True))
        batch_op.create_index("ix_calls_ani_started_at", ["ani", "started_at"], unique=False)
        batch_op.create_foreign_key("fk_calls_verified_as_customers", "customers", ["verified_as"], ["id"])

    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ani", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("recording", sa.String(length=200), nullable=True))
        batch_op.alter_column("customer_id", existing_type=sa.INTEGER(), nullable=True)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.alter_column("customer_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("recording")
        batch_op.drop_column("ani")

    with op.batch_alter_table("calls", schema=None) as batch_op:
        batch_op.drop_constraint("fk_calls_verified_as_customers", type_="foreignkey")
        batch_op.drop_index("ix_calls_ani_started_at")
        batch_op.drop_column("verified_as")
        batch_op.drop_column("campaign")
        batch_op.drop_column("entry")

    with op.batch_alter_table("recordings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recordings_call_id"))

    op.drop_table("recordings")
    with op.batch_alter_table("ratings", schema=None) as batch_op:
        batch_op.drop_index("ix_ratings_survey_at")
        batch_op.drop_index("ix_ratings_subject_at")
        batch_op.drop_index(batch_op.f("ix_ratings_call_id"))

    op.drop_table("ratings")
    with op.batch_alter_table("movements", schema=None) as batch_op:
        batch_op.drop_index("ix_movements_product_id_at")

    op.drop_table("movements")
    with op.batch_alter_table("instalments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_instalments_product_id"))

    op.drop_table("instalments")
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cards_customer_id"))

    op.drop_table("cards")
    op.drop_table("accounts")
    op.drop_table("points")
    op.drop_table("credentials")
    op.drop_table("book_choices")
    with op.batch_alter_table("bank_orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bank_orders_customer_id"))

    op.drop_table("bank_orders")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_waiting",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.drop_table("outbox")
    op.drop_table("opt_outs")
    op.drop_table("menu_memories")
    op.drop_table("lockouts")
    op.drop_table("keepsakes")
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_callback",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_callbacks_number_closed_at")

    op.drop_table("callbacks")
