"""How Alembic runs our revisions: on the connection that models/migrate.py hands over, all in one transaction."""

from alembic import context

from models.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,  # SQLite can roll back DDL too: killed half-way leaves the old schema whole
    render_as_batch=True,  # SQLite cannot alter most things in place
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
