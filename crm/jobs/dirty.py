"""Between nights: firms whose facts changed are evaluated again within seconds of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, select

from crm.criteria.models import FactsDirty
from crm.jobs import operations
from crm.jobs.models import JobRun

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

EVALUATE = "evaluate"


def ask_for_evaluation(session: Session, at: datetime) -> JobRun | None:
    """Queue an evaluation of the changed firms unless one waits already. None: nothing changed."""
    newest = session.scalar(select(func.max(FactsDirty.since)))
    if newest is None:
        return None
    waits_or_failed = (JobRun.state == "queued") | ((JobRun.state == "failed") & (JobRun.scheduled_for >= newest))
    if session.scalar(select(exists().where(JobRun.job == EVALUATE, waits_or_failed))):
        return None  # one that failed is not asked for again until something else changes
    return operations.enqueue(session, EVALUATE, f"{EVALUATE}:{at.isoformat()}", at=at)
