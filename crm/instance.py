"""One instance on this machine: its folder, its port, its processes, and what was prepared. Standard library only: `up` starts fast."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crm.config import ROOT

if TYPE_CHECKING:
    from types import FrameType

    from crm.config import Settings

READY_SECONDS = 60
STOP_SECONDS = 10
_PR_SET_PDEATHSIG = 1


class NotPossible(Exception):
    """The instance cannot start here; the text says why and what to type."""


def check_folder(folder: Path) -> None:
    """Raises NotPossible unless `folder` is there, or can be made, and can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise NotPossible(f"数据目录 {folder} 不能写入（{error.strerror}）。请改它的权限，或用 CRM_DATA_DIR=/另一个文件夹 指定别处。") from None


def check_port(host: str, port: int) -> None:
    """Raises NotPossible when nothing can listen on `host`:`port`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        taken = f"端口 {port} 已被占用（也许企阶已经在运行： http://{host}:{port}）"
        why = taken if isinstance(error, OSError) and error.errno in {48, 98} else f"不能在 {host}:{port} 上监听（{error}）"
        raise NotPossible(f"{why}。请停掉占用它的程序，或用 CRM_PORT={_next(port)} 换一个端口。") from None


def _next(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 8081


class Stamp:
    """What was prepared, and with which code: a second start need not look again. A changed file, revision or database undoes it."""

    def __init__(self, given: Settings) -> None:
        self.path = given.data_dir / "prepared"
        self.sqlite = Path(given.url.removeprefix("sqlite:///")) if given.url.startswith("sqlite:///") else None
        files = sorted(p for folder in ("crm", "seeds", "migrations") for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".csv", ".json"})
        state = [given.url, *(f"{p.relative_to(ROOT)} {p.stat().st_mtime_ns} {p.stat().st_size}" for p in files)]
        self.digest = sha256("\n".join(state).encode()).hexdigest()

    def holds(self) -> bool:
        """Whether this code has prepared this database. A server's database is always looked at."""
        revision = self._revision()
        return revision is not None and self.path.exists() and self.path.read_text() == f"{self.digest} {revision}"

    def write(self) -> None:
        """Remember."""
        self.path.write_text(f"{self.digest} {self._revision()}")

    def _revision(self) -> str | None:
        """The revision the SQLite file is at; None when there is no file, no schema in it, or another kind of database."""
        if self.sqlite is None or not self.sqlite.exists():
            return None
        try:
            connection = sqlite3.connect(self.sqlite)
            try:
                found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            finally:
                connection.close()
        except sqlite3.Error:
            return None
        return str(found[0]) if found else None


class Processes:
    """The processes `up` started. None outlives it: not after Ctrl-C, SIGTERM, a closed terminal or, on Linux, SIGKILL."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)

    def start(self, *words: str, quiet: bool = False) -> subprocess.Popen[bytes]:
        """Start `run.py WORDS` in a session of its own, so that Ctrl-C reaches only us and we stop the rest in order."""
        command = [sys.executable, str(ROOT / "run.py"), *words]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL if quiet else None, start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no thread runs yet
        )
        self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for one that has an end; returns whether it ended well."""
        done = process.wait() == 0
        self._running.remove(process)
        return done

    def all_run(self) -> bool:
        """Whether none has ended."""
        return all(process.poll() is None for process in self._running)

    def wait_until_ready(self, given: Settings) -> None:
        """Return when the pages answer; raises NotPossible when a process ends first or it takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(given.host, given.host)  # noqa: S104 - compared, not bound
        while time.monotonic() < deadline:
            if not self.all_run():
                raise NotPossible("没有启动成功，原因见上面的输出。")
            try:
                with urllib.request.urlopen(f"http://{host}:{given.port}/healthz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise NotPossible(f"{READY_SECONDS} 秒内没有启动成功，已停止。请看上面的输出。")

    def stop(self) -> None:
        """End every process: asked first, made to after ten seconds. A second Ctrl-C does not leave any behind."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running:
            _end(process, deadline)


def _end(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _die_with_parent() -> None:
    """In the child, before it runs: the kernel sends it SIGTERM when `up` is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
