"""Alembic's environment: one linear chain, ours and Flask-AppBuilder's ab_* tables alike.

Run through `run.py db …`, which passes an open connection in `config.attributes`.
"""

from alembic import context

from crm.schema import metadata


def include_object(item, name, type_, _reflected, _compare_to) -> bool:
    """Full-text tables and their shadows are made by hand in a migration and are no models."""
    return not (type_ == "table" and name.startswith("search_"))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    include_object=include_object,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
