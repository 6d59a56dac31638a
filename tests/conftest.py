"""Fixtures shared by all tests: a database (SQLite, and PostgreSQL where it can run), an application, signed-in clients.

`session` runs on each database; the schema is made once a run and the rows are taken out after each test.
QIJIE_TEST_DATABASES=sqlite limits a run; it is what `make test-fast` does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from crm.app import create_app
from crm.config import Settings
from crm.core.clock import now
from crm.core.db import make_engine
from crm.schema import metadata
from crm.security.bootstrap import write_permissions
from crm.security.models import UserProfile, UserRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy import Engine

DATABASES = os.environ.get("QIJIE_TEST_DATABASES", "sqlite,postgresql").split(",")
PASSWORD = "Correct-horse-7"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `one_database` are run on the first."""
    twice = [i for i in items if i.get_closest_marker("one_database") and getattr(i, "callspec", None) and i.callspec.params.get("engine", DATABASES[0]) != DATABASES[0]]
    if twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [i for i in items if i not in set(twice)]


def shared_folder() -> Path | None:
    """The folder of real public data, where somebody has it."""
    for candidate in (os.environ.get("QIJIE_SHARED"), Path(__file__).resolve().parents[2] / "shared"):
        if candidate and (Path(candidate) / "data").is_dir():
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real public data; the test is skipped, and says so, where it is not there."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("real data not present (set QIJIE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def postgresql_url(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A throw-away PostgreSQL, or the server QIJIE_TEST_POSTGRESQL names."""
    given = os.environ.get("QIJIE_TEST_POSTGRESQL")
    if given:
        yield given
        return
    from tests.postgresql import running_server

    with running_server() as url:
        yield url


@pytest.fixture(scope="session")
def engines() -> Iterator[dict[str, Engine]]:
    """The engines made so far, by database. Kept to the end: a file's tests go from one database to the other and back."""
    made: dict[str, Engine] = {}
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.fixture(scope="session", params=DATABASES)
def engine(request: pytest.FixtureRequest, engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine with the whole schema, one per database and test process."""
    if request.param not in engines:
        url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else f"sqlite:///{tmp_path_factory.mktemp('database')}/test.db"
        made = make_engine(url)
        metadata.drop_all(made)
        metadata.create_all(made)
        engines[request.param] = made
    return engines[request.param]


GRANTS = ("ab_permission", "ab_view_menu", "ab_permission_view", "ab_role", "ab_permission_view_role")
"""Who may do what: the same in every test of the application, so these rows stay."""
_written: dict[int, tuple[int, ...]] = {}  # engine -> rows of each of GRANTS when they were written


def empty(engine: Engine, keep: tuple[str, ...] = ()) -> None:
    """Take every row out and let keys begin at 1, quickly. TRUNCATE would make every file anew: twenty times slower."""
    names = [t.name for t in reversed(metadata.sorted_tables) if t.name not in keep]
    deletes = [f'DELETE FROM "{name}"' for name in names]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            kept = ",".join(f"'{name}_id_seq'" for name in keep) or "''"
            keys = f"PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL AND sequencename NOT IN ({kept})"
            acts = ["SET LOCAL session_replication_role = replica", *deletes, keys]
            connection.exec_driver_sql(f"DO $$BEGIN {'; '.join(acts)}; END$$")
            return
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for delete in deletes:
            connection.exec_driver_sql(delete)


def _grants(engine: Engine) -> tuple[int, ...]:
    counts = ",".join(f'(SELECT count(*) FROM "{name}")' for name in GRANTS)
    with engine.connect() as connection:
        return tuple(connection.exec_driver_sql(f"SELECT {counts}").one())


@pytest.fixture
def clean_engine(engine: Engine, request: pytest.FixtureRequest) -> Engine:
    """The engine, empty but for the permissions if the test asks for the application: for tests that commit."""
    known = _written.get(id(engine))
    keep = "app" in request.fixturenames and known is not None and _grants(engine) == known
    empty(engine, GRANTS if keep else ())
    if not keep:
        _written.pop(id(engine), None)
    return engine


@pytest.fixture
def session(clean_engine: Engine) -> Iterator[Session]:
    """A session on an empty database."""
    with Session(clean_engine, expire_on_commit=False) as opened:
        yield opened
        opened.rollback()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of compiled packs for all throw-away instances: the packs shipped are the same in each."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def settings(tmp_path: Path, compiled: Path) -> Settings:
    """Settings of a throw-away instance."""
    return Settings(data_dir=tmp_path, cache_dir=str(compiled), secret_key="test-only", login_rate="1000 per minute")


_apps: dict[int, Flask] = {}


@pytest.fixture
def app(clean_engine: Engine, settings: Settings) -> Iterator[Flask]:
    """The application on an empty database with roles and permissions written.

    Building one takes most of a second, so it is kept per engine; its settings are replaced for each test.
    """
    made = _apps.get(id(clean_engine))
    if made is None:
        made = create_app(settings, clean_engine, TESTING=True, WTF_CSRF_ENABLED=False)
        _apps[id(clean_engine)] = made
    made.extensions["crm_settings"] = settings
    if id(clean_engine) not in _written:
        with made.app_context():
            session = made.extensions["crm_sessions"]()
            write_permissions(session, made.appbuilder.baseviews)  # type: ignore[attr-defined]
            session.commit()
            made.extensions["crm_sessions"].remove()
        _written[id(clean_engine)] = _grants(clean_engine)
    yield made
    made.extensions["crm_sessions"].remove()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client nobody is signed in on."""
    return app.test_client()


def make_user(session: Session, role: str, regions: tuple[str, ...] = (), username: str | None = None) -> User:
    """A user of `role` for `regions` whose password is PASSWORD. Committed."""
    username = username or f"{role}-{'-'.join(regions) or 'nowhere'}"
    user: Any = User(
        first_name=role, last_name=username[:60], username=username, email=f"{username}@example.test", active=True,
        password=generate_password_hash(PASSWORD, method="pbkdf2:sha256:1"),
    )
    user.roles = [session.scalars(select(Role).where(Role.name == role)).one()]
    session.add(user)
    session.flush()
    session.add(UserProfile(user_id=user.id, session_version=1, password_changed_at=now(), must_change_password=False))
    session.add_all(UserRegion(user_id=user.id, code=code) for code in regions)
    session.commit()
    return user


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., FlaskClient]:
    """sign_in("officer", "331081") -> a client signed in as a new officer of that region."""

    def _sign_in(role: str, *regions: str, username: str | None = None) -> FlaskClient:
        with app.app_context():
            session = app.extensions["crm_sessions"]()
            user = make_user(session, role, regions, username)
            name = user.username
            app.extensions["crm_sessions"].remove()
        client = app.test_client()
        answer = client.post("/login/", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 302, answer.get_data(as_text=True)[:2000]
        return client

    return _sign_in


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Which pytest-xdist process this is; 'master' when there is one."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")
