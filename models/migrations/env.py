"""How Alembic runs our revisions: inside the transaction of models/migrate.py, so that all of it happens or nothing."""

from alembic import context

from models.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
