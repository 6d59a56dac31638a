"""Evaluation between nights: asked for when facts changed, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crm.jobs.dirty import ask_for_evaluation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

AT = datetime(2026, 10, 20, 2, 30, tzinfo=UTC)


def test_where_no_fact_has_changed_nothing_is_asked_for(session: Session) -> None:
    assert ask_for_evaluation(session, AT) is None
