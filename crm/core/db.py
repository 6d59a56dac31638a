"""The database: base class, column types, engine and sessions. SQLite (WAL) and PostgreSQL alike."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from flask_appbuilder import Model
from sqlalchemy import BigInteger, DateTime, Engine, Integer, MetaData, String, create_engine, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.types import JSON, TypeDecorator

if TYPE_CHECKING:
    from collections.abc import Iterator

metadata: MetaData = Model.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instant. SQLite drops the zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse naive instants: they are the bug this type exists for."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime; use crm.core.clock.now()")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Aware again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# BIGINT keys on PostgreSQL, INTEGER on SQLite, whose rowid aliasing needs exactly that word.
Key = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(postgresql.JSONB, "postgresql")

Money = Annotated[int, mapped_column(BigInteger)]
"""Integer 元."""
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
Code = Annotated[str, mapped_column(String(32))]
"""A code is text: leading zeros count."""


class Base(Model):  # type: ignore[misc]  # FAB gives no types
    """Base of every table we own. FAB's default merges two classes on one table silently; ours refuses."""

    __abstract__ = True
    __table_args__: Any = {"extend_existing": False}


class Keyed(Base):
    """A table with a surrogate key."""

    __abstract__ = True
    id: Mapped[int] = mapped_column(Key, primary_key=True)


def make_engine(url: str) -> Engine:
    """Engine with the settings both databases need: WAL, foreign keys and a busy timeout on SQLite."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "savepoint")
    def _begin_before_savepoint(connection: Any, _name: str) -> None:
        # The driver opens a transaction before INSERT, UPDATE and DELETE only: without this, releasing the savepoint commits.
        raw = connection.connection.dbapi_connection
        if not raw.in_transaction:
            raw.execute("BEGIN IMMEDIATE")

    return engine


def make_sessions(engine: Engine) -> scoped_session[Session]:
    """One session per thread of work; the edge commits, rolls back and removes it."""
    return scoped_session(sessionmaker(engine, expire_on_commit=False))


@contextmanager
def transaction(sessions: scoped_session[Session] | sessionmaker[Session]) -> Iterator[Session]:
    """Commit at the end, roll back on any error, always give the connection back."""
    session = sessions()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def is_postgresql(session: Session) -> bool:
    """Whether the bound database speaks PostgreSQL (COPY, trigram indexes, advisory locks)."""
    return session.get_bind().dialect.name == "postgresql"
