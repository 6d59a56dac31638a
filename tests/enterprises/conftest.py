"""A database with divisions and industries, and firms to talk about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crm.enterprises.operations import register_enterprise
from crm.security.access import Access
from tests.regions.some import load_some

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from crm.enterprises.models import Enterprise

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CODES = ("91331002MA14177796", "91331081MA17066936", "91330803MA4391500M", "91330381MA8063600Q", "91110108551385082Q")


@pytest.fixture
def reference(session: Session) -> Session:
    """The session, with divisions, zones and industries loaded."""
    load_some(session)
    return session


@pytest.fixture
def register(reference: Session) -> Callable[..., Enterprise]:
    """register(0, name="…", region_code="331081") enters a firm with the nth valid code."""

    def _register(n: int = 0, **values: Any) -> Enterprise:
        given = {"uscc": CODES[n], "name": "台州银轮机械有限公司", "region_code": "331081", **values}
        return register_enterprise(reference, given, by=None, at=AT)

    return _register


@pytest.fixture
def wenling() -> Access:
    """A user who looks after 温岭."""
    return Access(1, "officer", frozenset({"officer"}), ("331081",))
