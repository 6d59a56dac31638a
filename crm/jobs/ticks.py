"""When the nightly run is due, and which nights were missed. Hours are Asia/Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from crm.core.clock import SHANGHAI, local
from crm.jobs import operations
from crm.jobs.models import JobRun

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NIGHTLY = "nightly"
ANCHOR = "first-start"
"""Key of the row that remembers when a worker first ran here: nights before it were never due."""
CATCH_UP = 31
"""Nights made up for after a long stop; older ones are not repeated."""


def due(after: datetime, until: datetime, at: str) -> list[datetime]:
    """Instants of the nightly run in (after, until], oldest first. `at` is 'HH:MM'."""
    hour, minute = (int(part) for part in at.split(":"))
    day = local(after).date()
    found = []
    while (instant := datetime.combine(day, time(hour, minute), SHANGHAI).astimezone(UTC)) <= until:
        if instant > after:
            found.append(instant)
        day += timedelta(days=1)
    return found[-CATCH_UP:]


def record_due(session: Session, now: datetime, at: str) -> list[datetime]:
    """Write a run for every night since the last recorded one. Twice does nothing. Returns what was new."""
    last = session.scalar(select(func.max(JobRun.scheduled_for)).where(JobRun.job == NIGHTLY, JobRun.asked_by.is_(None)))
    if last is None:
        first = operations.enqueue(session, NIGHTLY, ANCHOR, at=now)
        first.state, first.finished_at = "done", now
        session.flush()
        return []
    return [instant for instant in due(last, now, at) if operations.record_tick(session, NIGHTLY, instant)]


def day_of(instant: datetime) -> date:
    """The calendar day a tick belongs to."""
    return local(instant).date()
