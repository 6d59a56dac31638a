"""Migrations without a shell: upgrade, current revision, drift. Errors name the revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection, Engine, MetaData

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
LOCK = 0x51494A49  # one migrating process at a time on PostgreSQL


def is_ours(_item: object, name: str | None, kind: str, *_: object) -> bool:
    """Whether Alembic should compare it: search tables are made by hand in a migration and are no models."""
    return not (kind == "table" and (name or "").startswith("search_"))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(rev)s_%%(slug)s")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The newest revision in the folder; raises when the chain has more than one end."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(engine: Engine) -> str | None:
    """The revision the database is at, None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine) -> bool:
    """Bring the database to the head. Returns whether anything was done."""
    if current(engine) == head():
        return False
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
        try:
            command.upgrade(_config(connection), "head")
            connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
    return True


def revise(engine: Engine, message: str, revision: str | None = None) -> None:
    """Write a new revision from the difference between models and database (developers)."""
    with engine.connect() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)


def drift(engine: Engine, metadata: MetaData) -> list[Any]:
    """What models and database differ in; empty when they agree.

    SQLite cannot tell the expressions of an index (a descending column), so those indexes are compared by name only.
    """
    descending = {str(i.name) for t in metadata.tables.values() for i in t.indexes if any(not isinstance(e, Column) for e in i.expressions)}

    def comparable(item: object, name: str | None, kind: str, *rest: object) -> bool:
        by_name_only = kind == "index" and engine.dialect.name == "sqlite" and name in descending
        return is_ours(item, name, kind, *rest) and not by_name_only

    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": comparable}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        if engine.dialect.name == "sqlite":
            there = {str(row[0]) for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'")}
            found += [("add_index", name) for name in sorted(descending - there)]
        return found
