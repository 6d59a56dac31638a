"""People to tell something to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from crm.notices import operations
from crm.security.models import User

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
"""Noon in Shanghai: nobody's quiet hours."""
NIGHT = datetime(2026, 7, 1, 14, 0, tzinfo=UTC)
"""Ten in the evening there: quiet by default."""


@pytest.fixture
def person(session: Session) -> Callable[..., int]:
    """person("a") -> the key of a user."""

    def make(name: str, *, active: bool = True) -> int:
        user = User(first_name=name, last_name="", username=name, email=f"{name}@example.test", active=active)
        session.add(user)
        session.flush()
        return int(user.id)

    return make


@pytest.fixture
def tell(session: Session) -> Callable[..., int]:
    """tell(user, "key") -> how many were told."""

    def make(*to: int, key: str = "k1", at: datetime = NOON, **more: Any) -> int:
        given = {"kind": "alert", "title": "退库预警", "text": "甲公司：退库概率 82%", "link": "/alerts/1", **more}
        return operations.post(session, to=to, key=key, at=at, **given)

    return make
