"""The commands as a person types them: in this process where that is the same, as a process where it is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from crm.config import ROOT
from run import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an instance of its own; no other setting is given."""
    for name in [name for name in os.environ if name.startswith("CRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def typed(folder: Path) -> Callable[..., Result]:
    """typed("db", "check") -> exit code, output, errors."""
    assert folder.parent.exists()

    def _typed(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return _typed


@pytest.fixture
def started(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """started("up") -> the finished process, as from a shell."""
    assert folder.parent.exists()

    def _started(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(ROOT / "run.py"), *words], capture_output=True, text=True, timeout=120, check=False)

    return _started


@pytest.fixture
def taken_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port somebody else listens on, set as CRM_PORT."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("CRM_PORT", str(port))
        yield port
