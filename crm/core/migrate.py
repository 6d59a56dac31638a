"""Migrations without a shell: upgrade, current revision, drift. Errors name the revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection, Engine, MetaData

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
LOCK = 0x51494A49  # one migrating process at a time on PostgreSQL


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
    """What models and database differ in; empty when they agree."""
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": lambda item, name, kind, *_: not (kind == "table" and name.startswith("search_"))}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
