"""Reads for the jobs page and the frame: is a worker alive, what runs, what ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from crm.jobs.models import JobPause, JobRun, WorkerBeat
from crm.jobs.operations import SILENT_AFTER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class WorkerState:
    """The latest sign of life. `last_seen` None: no worker has ever run on this database."""

    alive: bool
    last_seen: datetime | None
    worker: str | None
    started_at: datetime | None


def worker_state(session: Session, at: datetime) -> WorkerState:
    """Whether a worker wrote its beat within the last 60 s before `at`. One query."""
    beat = session.scalars(select(WorkerBeat).order_by(WorkerBeat.at.desc()).limit(1)).first()
    if beat is None:
        return WorkerState(False, None, None, None)
    return WorkerState(at - beat.at <= SILENT_AFTER, beat.at, beat.worker, beat.started_at)


def runs(
    session: Session, job: str | None = None, state: str | None = None, before: int | None = None, limit: int = 50
) -> Sequence[JobRun]:
    """The newest runs first; `before` is the id the page ends on (keyset). The mark from which nights are counted is no run."""
    query = select(JobRun).where(or_(JobRun.state != "done", JobRun.started_at.is_not(None))).order_by(JobRun.id.desc()).limit(limit)
    if job:
        query = query.where(JobRun.job == job)
    if state:
        query = query.where(JobRun.state == state)
    if before:
        query = query.where(JobRun.id < before)
    return session.scalars(query).all()


def unfinished(session: Session, limit: int = 50) -> Sequence[JobRun]:
    """What is running or waits, running first."""
    query = select(JobRun).where(JobRun.state.in_(("running", "queued"))).order_by(JobRun.state.desc(), JobRun.id)
    return session.scalars(query.limit(limit)).all()


def run_of(session: Session, job: str, key: str) -> JobRun | None:
    """The run of one piece of queued work, if it was asked for."""
    return session.scalars(select(JobRun).where(JobRun.job == job, JobRun.key == key)).first()


def latest(session: Session) -> dict[str, JobRun]:
    """Job name -> its newest run that has started. Keys of jobs that never ran are absent."""
    newest = select(func.max(JobRun.id)).where(JobRun.started_at.is_not(None)).group_by(JobRun.job)
    return {run.job: run for run in session.scalars(select(JobRun).where(JobRun.id.in_(newest)))}


def paused(session: Session) -> dict[str, JobPause]:
    """Job name -> who paused it and when."""
    return {pause.job: pause for pause in session.scalars(select(JobPause))}
