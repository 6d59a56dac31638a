"""A database with divisions and firms, and an import from text in one call."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crm.criteria.loading import load_packs
from crm.enterprises.operations import register_enterprise
from crm.imports.operations import import_file
from tests.regions.some import load_some

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.imports.models import ImportBatch

RULES = load_packs(Path(__file__).resolve().parents[2] / "plugins", ["cn"])["cn"].cases
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CODES = ("91331002MA14177796", "91331081MA17066936", "91330803MA4391500M")
NAMES = ("椒江精工机械有限公司", "温岭大元泵业股份有限公司", "衢江仙鹤纸业有限公司")


@pytest.fixture
def reference(session: Session) -> Session:
    """The session, with divisions, zones and industries."""
    load_some(session)
    session.commit()
    return session


@pytest.fixture
def firms(reference: Session) -> list[int]:
    """Three firms on file: in 椒江, 温岭, 衢江."""
    made = [
        register_enterprise(reference, {"uscc": code, "name": name, "region_code": region}, by=None, at=AT).id
        for code, name, region in zip(CODES, NAMES, ("331002", "331081", "330803"), strict=True)
    ]
    reference.commit()
    return made


@pytest.fixture
def bring(reference: Session, tmp_path: Path) -> Callable[..., ImportBatch]:
    """bring("a,b\\n1,2", kind="annual", period="2024") imports a text as a CSV file and returns the batch."""

    def _bring(text: str | bytes, *, kind: str | None = None, write: bool = True, name: str = "表.csv", **given: Any) -> ImportBatch:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        batch = import_file(reference, path, kind=kind, given=given, by=None, at=AT, data_dir=tmp_path, write=write, rules=lambda _code: RULES)
        reference.commit()
        return batch

    return _bring
