"""What a handler gets: its run, transactions, progress, and the question whether to stop."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from crm.core.clock import now
from crm.core.db import transaction
from crm.jobs import operations
from crm.jobs.errors import Interrupted
from crm.jobs.models import JobRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session, sessionmaker

    from crm.config import Settings

PROGRESS_EVERY = 0.5  # seconds


class Context:
    """One attempt at one run."""

    def __init__(
        self, run: JobRun, settings: Settings, engine: Engine, sessions: sessionmaker[Session], stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.run = run
        self.settings = settings
        self.sessions = sessions
        self._engine = engine
        self._stopping = stopping
        self.now = clock
        self._shown = 0.0

    @property
    def payload(self) -> dict[str, Any]:
        """What was asked."""
        return self.run.payload or {}

    @property
    def asked_by(self) -> int | None:
        """The user who asked, None for ticks."""
        return self.run.asked_by

    @property
    def scheduled_for(self) -> datetime:
        """When the run was due."""
        return self.run.scheduled_for

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction that is only committed while this worker still owns the run."""
        with transaction(self.sessions) as session:
            yield session
            operations.own(session, self.run)

    def keep(self, session: Session, result: dict[str, Any]) -> None:
        """Store what is done so far with the run, in the transaction of the work itself."""
        self.run.result = result
        session.execute(update(JobRun).where(JobRun.id == self.run.id).values(result=result))

    def progress(self, done: int, total: int, step: str | None = None) -> None:
        """Show n of m. Never waits: while a transaction holds SQLite's only write lock, this figure is left out."""
        at = time.monotonic()
        if at - self._shown < PROGRESS_EVERY and done < total:
            return
        self._shown = at
        values = {"done": done, "total": total} | ({"step": step} if step else {})
        write_now(self._engine, update(JobRun).where(JobRun.id == self.run.id).values(values))

    def check(self) -> None:
        """Raise Interrupted when the worker was asked to stop; call it where the work can be cut."""
        if self._stopping():
            raise Interrupted


def write_now(engine: Engine, *statements: Any) -> bool:
    """Write in a transaction of its own if that needs no waiting; says whether it did."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout=0" if is_sqlite else "SET LOCAL lock_timeout='200ms'"))
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        except OperationalError:
            connection.rollback()
            return False
        finally:
            if is_sqlite:
                connection.execute(text("PRAGMA busy_timeout=30000"))
    return True
