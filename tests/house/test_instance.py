"""Starting and stopping: the folder, the port, what was prepared, and that nothing outlives `up`."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from crm.config import ROOT, Settings
from crm.instance import NotPossible, Stamp, check_folder, check_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_taken_port_is_refused_before_anything_is_made(typed: Callable[..., Result], folder: Path, taken_port: int, command: str) -> None:
    result = typed(command)
    assert (result.exit_code, f"端口 {taken_port} 已被占用" in result.stderr, list(folder.iterdir())) == (1, True, []), result.stderr


def test_the_refusal_names_a_port_to_try(taken_port: int) -> None:
    with pytest.raises(NotPossible, match=f"CRM_PORT={taken_port + 1 if taken_port < 65535 else 8081}"):
        check_port("127.0.0.1", taken_port)


def test_a_port_just_left_can_be_taken_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, other.accept()[0]:
            assert client.getpeername()[1] == port
    check_port("127.0.0.1", port)


def test_an_address_that_is_not_this_machines_is_refused() -> None:
    with pytest.raises(NotPossible, match="不能在"):
        check_port("192.0.2.1", 8080)


def test_a_folder_that_is_a_file_is_refused_with_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(NotPossible, match="CRM_DATA_DIR"):
        check_folder(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_refused_with_what_to_set(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotPossible, match="CRM_DATA_DIR"):
        check_folder(tmp_path)


def _prepared(folder: Path) -> Stamp:
    with sqlite3.connect(folder / "qijie.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.close()
    stamp = Stamp(Settings(data_dir=folder))
    stamp.write()
    return stamp


def test_a_prepared_database_is_not_prepared_again(tmp_path: Path) -> None:
    assert _prepared(tmp_path).holds()


@pytest.mark.parametrize("change", ["DROP TABLE alembic_version", "DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = '0000'"])
def test_a_database_put_back_to_an_older_state_is_prepared_again(tmp_path: Path, change: str) -> None:
    stamp = _prepared(tmp_path)
    with sqlite3.connect(tmp_path / "qijie.db") as connection:
        connection.execute(change)
    connection.close()
    assert not stamp.holds()


def test_a_database_that_was_taken_away_is_prepared_again(tmp_path: Path) -> None:
    stamp = _prepared(tmp_path)
    (tmp_path / "qijie.db").unlink()
    assert not stamp.holds()


def test_a_servers_database_is_always_looked_at(tmp_path: Path) -> None:
    stamp = Stamp(Settings(data_dir=tmp_path, database_url="postgresql+psycopg://nobody@localhost/none"))
    stamp.write()
    assert not stamp.holds()


PARENT = """
import subprocess, sys, time
import crm.instance
crm.instance.sys.executable, crm.instance.ROOT = sys.executable, __import__("pathlib").Path(sys.argv[1])
processes = crm.instance.Processes()
child = processes.start()
print(child.pid, flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    pass
finally:
    processes.stop()
"""


KILLED = pytest.param(signal.SIGKILL, marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, KILLED])
def test_what_up_started_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "run.py").write_text("import time; time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.send_signal(number)
    parent.wait(20)
    parent.stdout.close()
    assert _ends(child)


def _ends(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
        if not state or state.startswith("Z"):  # gone, or dead and not yet looked at by its new parent
            return True
        time.sleep(0.05)
    return False
