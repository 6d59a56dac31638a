"""Alembic's environment: one linear chain, ours and Flask-AppBuilder's ab_* tables alike.

Run through `run.py db …`, which passes an open connection in `config.attributes`.
"""

from alembic import context
from sqlalchemy import JSON

from crm.core.db import UtcDateTime
from crm.core.migrate import is_ours
from crm.schema import metadata


def render_item(kind, item, autogen_context) -> str | bool:
    """Write plain SQLAlchemy types: a released migration must not change when our code does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    include_object=is_ours,
    render_item=render_item,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
