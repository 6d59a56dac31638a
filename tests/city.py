"""A demo city of 120 firms in a database of its own: made once a run, read and rolled back by many tests."""

from __future__ import annotations

import atexit
import copy
import shutil
import tempfile
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from crm.config import ROOT
from crm.core.db import make_engine
from crm.criteria.loading import load_packs
from crm.jobs.chain import Chain
from crm.schema import metadata
from seeds import demo
from tests.conftest import DATABASES
from tests.regions.some import load_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from crm.criteria.packs import Packs

ON = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def packs() -> Packs:
    """The shipped packs."""
    return shipped("taizhou")


@cache
def shipped(*names: str) -> Packs:
    """Packs of the product's own folder; loaded once a process."""
    return load_packs(Path(ROOT / "plugins"), list(names))


class Databases:
    """Databases beside the one of `session`: files in a folder, or databases of the test server."""

    def __init__(self, server: str | None) -> None:
        self._server = make_url(server) if server else None
        self._folder = Path(tempfile.mkdtemp(prefix="qijie-city-"))
        self._made: list[str] = []
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)

    def create(self, name: str, like: Engine | None = None) -> Engine:
        """A new database, empty or a copy, under a name nobody else has."""
        name = f"{name}_{token_hex(3)}"
        if self._server is None:
            if like is not None:
                with like.connect() as connection:
                    connection.execute(text(f"VACUUM INTO '{self._folder}/{name}.db'"))
            return make_engine(f"sqlite:///{self._folder}/{name}.db")
        full = f"{self._server.database}_{name}"
        template = f"TEMPLATE {make_url(str(like.url)).database}" if like is not None else "TEMPLATE template0 ENCODING 'UTF8'"
        if like is not None:
            like.dispose()
        self._run(f"DROP DATABASE IF EXISTS {full} WITH (FORCE)", f"CREATE DATABASE {full} {template}")
        self._made.append(full)
        return make_engine(self._server.set(database=full).render_as_string(hide_password=False))

    def drop(self) -> None:
        """Take them all away."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._made:
            self._run(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._made))

    def _run(self, *statements: str) -> None:
        assert self._server is not None
        admin = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        admin.dispose()


_cities: dict[str, tuple[Engine, Engine]] = {}
"""By database; made once a process, as files' tests go back and forth between databases."""


@pytest.fixture(scope="session", params=DATABASES)
def city_engines(request: pytest.FixtureRequest, packs: Packs) -> tuple[Engine, Engine]:
    """(120 firms, the stories among them, not evaluated yet; the same evaluated with forecast, alerts and counts)."""
    if request.param not in _cities:
        _cities[request.param] = _city(Databases(request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None), packs)
    return _cities[request.param]


def _city(databases: Databases, packs: Packs) -> tuple[Engine, Engine]:
    founded = databases.create("founded")
    metadata.create_all(founded)
    _found(founded)
    settled = databases.create("settled", founded)
    with Session(settled) as session:
        chain = Chain(session, packs, ON, AT)
        chain.evaluate()
        chain.alerts()
        chain.counts()
        session.commit()
    return founded, settled


def _found(engine: Engine) -> None:
    spec, kept = demo.load_spec(), demo.load_spec
    small = copy.deepcopy(spec)
    small["scales"]["small"] = {"firms": 120, "lift": 0.6}
    demo.load_spec = lambda: small
    try:
        with Session(engine) as session:
            load_some(session)
            demo.create_demo(session, "small", ON)
            session.commit()
    finally:
        demo.load_spec = kept


@pytest.fixture
def firms(city_engines: tuple[Engine, Engine]) -> Iterator[Session]:
    """A session on the firms not evaluated yet; rolled back."""
    with Session(city_engines[0], expire_on_commit=False) as session:
        yield session
        session.rollback()


@pytest.fixture
def city(city_engines: tuple[Engine, Engine]) -> Iterator[Session]:
    """A session on the evaluated firms; rolled back."""
    with Session(city_engines[1], expire_on_commit=False) as session:
        yield session
        session.rollback()
