"""Appending to a case's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.cases.models import CaseEvent
from crm.core.errors import Invalid

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from crm.cases.models import Case

LONGEST_NOTE = 2000


def append(session: Session, case: Case, kind: str, at: datetime, by: int | None, text: str | None, detail: dict[str, Any] | None = None) -> CaseEvent:
    """Write down a step: who, when, why."""
    if text is not None and len(text) > LONGEST_NOTE:
        raise Invalid(f"说明有 {len(text)} 字，最多 {LONGEST_NOTE} 字，请缩短。", field="note")
    event = CaseEvent(case_id=case.id, kind=kind, at=at, by=by, note=tidy(text), detail=detail)
    session.add(event)
    session.flush()
    return event


def tidy(value: str | None) -> str | None:
    """Trimmed; None when nothing is left. A NUL cannot be kept on PostgreSQL."""
    return (value or "").replace("\x00", "").strip() or None
