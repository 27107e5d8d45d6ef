"""Alembic's entry point: runs the migrations on a given connection, within its transaction."""

from __future__ import annotations

from alembic import context

from harness.store.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
