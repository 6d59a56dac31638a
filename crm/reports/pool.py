"""Rendering outside the caller's process: children with limits on CPU, memory and time, kept warm between records.

A child that overruns or dies takes one record with it and is replaced; the caller gets an error that says what to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, Self

from crm.config import ROOT
from crm.core.errors import CrmError
from crm.reports.child import receive, send
from crm.reports.fonts import FontSet, ensure
from crm.reports.render import Rendered, RenderFailed

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 10  # seconds a record may take, wall and CPU
START_TIMEOUT = 30  # the first record of a child also loads the libraries
MEMORY_MB = 2048
PASSED_ON = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "VIRTUAL_ENV")


class RenderingDied(CrmError):
    """The rendering process was ended by a limit."""

    status = 422


class RenderPool:
    """Up to `size` warm children; `render` may be called from several threads."""

    def __init__(self, data_dir: Path, size: int = 1, *, timeout: float = TIMEOUT, memory_mb: int = MEMORY_MB) -> None:
        self._data_dir, self._timeout, self._memory_mb = data_dir, timeout, memory_mb
        self._idle: LifoQueue[_Child] = LifoQueue()
        self._slots = threading.BoundedSemaphore(size)
        self._fonts: FontSet | None = None

    @property
    def fonts(self) -> FontSet:
        """The faces, made on first use."""
        if self._fonts is None:
            self._fonts = ensure(self._data_dir)
        return self._fonts

    def render(self, data: dict[str, Any], images: dict[str, bytes], kind: str = "record") -> Rendered:
        """Lay out one paper of a kind of crm.reports.render.PAPERS. Raises CrmError with a message for people when it cannot be done."""
        with self._slots:
            child = self._take()
            try:
                head, blobs = child.ask({"kind": kind, "data": data}, images)
            except BaseException:
                child.kill()
                raise
            self._idle.put(child)
        if head.get("ok"):
            return Rendered(blobs["pdf"], int(head["pages"]))
        raise RenderFailed(str(head["message"]), **head.get("details", {}))

    def close(self) -> None:
        """End the children."""
        while True:
            try:
                self._idle.get_nowait().kill()
            except Empty:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _take(self) -> _Child:
        with suppress(Empty):
            child = self._idle.get_nowait()
            if child.is_alive():
                return child
            child.kill()
        return _Child(self.fonts, self._timeout, self._memory_mb)


class _Child:
    """One rendering process."""

    def __init__(self, fonts: FontSet, timeout: float, memory_mb: int) -> None:
        self._timeout, self._first = timeout, True
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {"FONTCONFIG_FILE": str(fonts.config), "PYTHONUTF8": "1", "TZ": "Asia/Shanghai"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crm.reports.child", str(max(1, int(timeout))), str(memory_mb)],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, head: dict[str, Any], blobs: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Send one message and wait for the answer, no longer than the limit."""
        allowed = max(self._timeout, START_TIMEOUT) if self._first else self._timeout
        watch = threading.Timer(allowed, self._process.kill)
        watch.start()
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            send(self._process.stdin, head, blobs)
            answer = receive(self._process.stdout)
        except (BrokenPipeError, OSError):
            answer = None
        except RecursionError:  # nothing was sent: the message could not even be written
            return {"ok": False, "message": "内容层层嵌套太深，排不了版。请检查数据来源。"}, {}
        finally:
            watch.cancel()
        if answer is None:
            raise RenderingDied(f"这份记录没能在 {self._timeout:g} 秒内排好版，已停止。请缩短文字、减少照片后重试。")
        self._first = False
        return answer

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
