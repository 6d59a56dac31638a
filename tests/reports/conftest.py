"""The faces, made once and kept between runs, and a warm rendering process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crm.reports import fonts
from crm.reports.pool import RenderPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.reports.fonts import FontSet

FACES = Path(tempfile.gettempdir()) / "qijie-test-faces"


@pytest.fixture(scope="session")
def faces() -> FontSet:
    """Made on the first run of a machine (some 15 s), found afterwards."""
    return fonts.ensure(FACES)


@pytest.fixture(scope="session")
def pool(faces: FontSet) -> Iterator[RenderPool]:
    """One warm child."""
    with RenderPool(FACES) as made:
        yield made
