"""The migration chain builds what the models say, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from crm.core import migrate
from crm.core.db import make_engine
from crm.schema import metadata
from tests.conftest import DATABASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture(params=DATABASES)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without a table, apart from the one the other tests use."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path}/m.db")
        yield engine
        engine.dispose()
        return
    admin = make_engine(request.getfixturevalue("postgresql_url"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS qijie_migrations"))
        connection.execute(text("CREATE DATABASE qijie_migrations TEMPLATE template0 ENCODING 'UTF8'"))
    engine = make_engine(admin.url.set(database="qijie_migrations").render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE qijie_migrations"))
    admin.dispose()


def test_models_match_migrations(empty_database: Engine) -> None:
    migrate.upgrade(empty_database)
    assert migrate.drift(empty_database, metadata) == []


def test_a_second_upgrade_does_nothing(empty_database: Engine) -> None:
    migrate.upgrade(empty_database)
    assert migrate.upgrade(empty_database) is False
