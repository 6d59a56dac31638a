"""Which of several workers works: a session advisory lock on PostgreSQL, a locked file beside the database on SQLite.

Both are let go by the operating system when the process dies, so a standby leads within its next try.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

LOCK = 4_727_311_008  # any number nobody else uses in this database


class Leadership:
    """`lead()` tries once and keeps what it got; `held()` asks whether it is still ours."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._file: int | None = None

    def lead(self) -> bool:
        """Become the leader if nobody is."""
        if self.held():
            return True
        return self._lead_postgresql() if self._engine.dialect.name == "postgresql" else self._lead_file()

    def held(self) -> bool:
        """Whether this process leads. On PostgreSQL a broken connection means it does not any more."""
        if self._file is not None:
            return True
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
            return False
        return True

    def release(self) -> None:
        """Let a standby take over at once."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            self._connection.invalidate()  # ends the session, and with it the lock
            self._connection.close()
            self._connection = None

    def _lead_postgresql(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
            self._connection = connection
            return True
        connection.close()
        return False

    def _lead_file(self) -> bool:
        path = Path(f"{self._engine.url.database or 'qijie.db'}.worker.lock")
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._file = handle
        return True
