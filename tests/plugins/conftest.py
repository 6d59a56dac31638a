"""The packs as shipped, loaded once a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crm.criteria.loading import load_packs

if TYPE_CHECKING:
    from crm.criteria.packs import Packs

FOLDER = Path(__file__).resolve().parents[2] / "plugins"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/pack.yaml"))


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """Every pack of the folder."""
    return load_packs(FOLDER, NAMES, tmp_path_factory.mktemp("compiled"))
