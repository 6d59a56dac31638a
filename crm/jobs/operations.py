"""The queue's verbs: ask, claim, finish, fail, take back, pause. Nothing here commits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from crm.core.clock import now
from crm.core.db import is_postgresql
from crm.core.errors import NotFound
from crm.jobs.errors import LostRun, Unfinished
from crm.jobs.models import JobPause, JobRun, WorkerBeat
from crm.jobs.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

BACK_OFF = timedelta(seconds=20)
"""Wait before the second attempt; doubles with each further one."""
SILENT_AFTER = timedelta(seconds=60)
BY_HAND = "cli:"
"""Runs started from the command line have worker names that begin so: they live beside the leading worker."""


def enqueue(
    session: Session, job: str, key: str, payload: dict[str, Any] | None = None, by: int | None = None, *,
    at: datetime | None = None, again: bool = False,
) -> JobRun:
    """Ask for work once: a second request with the same key returns the first one's row.

    `again` puts a finished, failed or cancelled row back into the queue.
    """
    at = at or now()
    _insert_once(session, job=job, key=key, scheduled_for=at, payload=payload, asked_by=by, state="queued", attempts=0, done=0, total=0)
    run = session.scalars(select(JobRun).where(JobRun.job == job, JobRun.key == key).execution_options(populate_existing=True)).one()
    if again and run.state in ("done", "failed", "cancelled"):
        _requeue(run, at)
        run.payload, run.asked_by = payload, by
        session.flush()
    return run


def run_again(session: Session, run_id: int, by: int | None, at: datetime) -> JobRun:
    """Put a run that ended back into the queue (the 'run now' of the jobs page)."""
    run = session.get(JobRun, run_id)
    if run is None:
        raise NotFound("没有这次运行。")
    if run.state in ("queued", "running"):
        raise Unfinished("这次运行还没有结束，不必重复提交。")
    _requeue(run, at)
    run.asked_by = by
    session.flush()
    return run


def cancel(session: Session, run_id: int, at: datetime) -> JobRun:
    """Take a waiting run out of the queue."""
    run = session.get(JobRun, run_id)
    if run is None:
        raise NotFound("没有这次运行。")
    if run.state != "queued":
        raise Unfinished("只有排队中的运行可以取消。")
    run.state, run.finished_at = "cancelled", at
    session.flush()
    return run


def record_tick(session: Session, job: str, instant: datetime) -> bool:
    """Write that `job` is due at `instant`, before any work. False: it was recorded already."""
    return _insert_once(session, job=job, key=instant.isoformat(), scheduled_for=instant, state="queued", attempts=0, done=0, total=0)


def claim(session: Session, worker: str, at: datetime) -> JobRun | None:
    """Take the next run that may start: asked work before ticks, then in order of time. None: nothing to do.

    One UPDATE on both databases; PostgreSQL skips rows another claim has locked, SQLite has one writer at a time.
    """
    other = aliased(JobRun)
    ordered = [kind.name for kind in KINDS.values() if kind.in_order]
    before = or_(other.scheduled_for < JobRun.scheduled_for, and_(other.scheduled_for == JobRun.scheduled_for, other.id < JobRun.id))
    blocked = select(other.id).where(
        other.job == JobRun.job, other.job.in_(ordered), or_(other.state == "running", and_(other.state == "queued", before))
    )
    waiting = (
        select(JobRun.id)
        .where(
            JobRun.state == "queued",
            or_(JobRun.not_before.is_(None), JobRun.not_before <= at),
            JobRun.job.not_in(select(JobPause.job)),
            ~blocked.exists(),
        )
        .order_by(JobRun.asked_by.is_(None), JobRun.scheduled_for, JobRun.id)
        .limit(1)
    )
    if is_postgresql(session):
        waiting = waiting.with_for_update(skip_locked=True, of=JobRun)
    taken = {
        "state": "running", "attempts": JobRun.attempts + 1, "worker": worker, "started_at": at, "heartbeat_at": at,
        "finished_at": None, "error": None,
    }
    statement = update(JobRun).where(JobRun.id == waiting.scalar_subquery(), JobRun.state == "queued").values(taken)
    return session.scalars(statement.returning(JobRun), execution_options={"synchronize_session": False, "populate_existing": True}).first()


def own(session: Session, run: JobRun) -> None:
    """Raise LostRun unless the run is still this worker's attempt. Call it in the transaction that must not be done twice."""
    held = select(JobRun.id).where(JobRun.id == run.id, JobRun.state == "running", JobRun.worker == run.worker, JobRun.attempts == run.attempts)
    if session.scalar(held.with_for_update()) is None:
        raise LostRun(f"run {run.id} is no longer attempt {run.attempts} of {run.worker}")


def finish(session: Session, run: JobRun, result: dict[str, Any] | None, at: datetime) -> None:
    """The work is done and kept."""
    own(session, run)
    values: dict[str, Any] = {"state": "done", "finished_at": at, "heartbeat_at": at, "step": None, "error": None, "not_before": None}
    if result is not None:
        values["result"] = result
    session.execute(update(JobRun).where(JobRun.id == run.id).values(values))


def fail(session: Session, run: JobRun, error: str, at: datetime, *, for_good: bool = False) -> str:
    """The work did not succeed: back into the queue with a growing wait, or failed for good. Returns the new state."""
    own(session, run)
    kind = KINDS.get(run.job)
    values: dict[str, Any] = {"error": error[:4000], "heartbeat_at": at}
    if for_good or kind is None or run.attempts >= kind.attempts:
        values |= {"state": "failed", "finished_at": at}
    else:
        values |= {"state": "queued", "not_before": at + BACK_OFF * 2 ** (run.attempts - 1), "worker": None}
    session.execute(update(JobRun).where(JobRun.id == run.id).values(values))
    return str(values["state"])


def give_back(session: Session, run: JobRun) -> None:
    """Interrupted by a stop, not by a mistake: the attempt does not count."""
    own(session, run)
    session.execute(update(JobRun).where(JobRun.id == run.id).values(state="queued", attempts=run.attempts - 1, worker=None))


def take_back(session: Session, leader: str, at: datetime) -> list[int]:
    """Runs of workers that are gone go back into the queue; those that ended their worker too often fail. Returns their ids.

    Only the leader works, so whatever another worker left running is dead; runs by hand are given up after a minute
    without a heartbeat.
    """
    gone = and_(JobRun.worker != leader, or_(JobRun.worker.not_like(f"{BY_HAND}%"), JobRun.heartbeat_at < at - SILENT_AFTER))
    runs = session.scalars(select(JobRun).where(JobRun.state == "running", or_(JobRun.worker.is_(None), gone))).all()
    for run in runs:
        kind = KINDS.get(run.job)
        if kind and run.attempts < kind.attempts:
            run.state, run.worker, run.not_before = "queued", None, None
        else:
            run.state, run.finished_at, run.error = "failed", at, f"运行了 {run.attempts} 次都没有做完，工作进程中途退出。"
    session.flush()
    return [run.id for run in runs]


def beat(session: Session, worker: str, at: datetime, started_at: datetime, *, is_leader: bool) -> None:
    """The worker is alive; whatever it runs is too. Beats of workers silent for a day are dropped."""
    session.execute(delete(WorkerBeat).where(WorkerBeat.at < at - timedelta(days=1), WorkerBeat.worker != worker))
    values = {"at": at, "is_leader": is_leader, "started_at": started_at}
    insert = (postgresql if is_postgresql(session) else sqlite).insert(WorkerBeat).values(worker=worker, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["worker"], set_=values))  # the clock's thread and the one that has just come to lead may write at once
    session.execute(update(JobRun).where(JobRun.state == "running", JobRun.worker == worker).values(heartbeat_at=at))


def pause(session: Session, job: str, by: int | None, at: datetime) -> None:
    """Runs of this job wait until it is resumed; one that is going on ends as usual."""
    session.merge(JobPause(job=job, by=by, at=at))
    session.flush()


def resume(session: Session, job: str) -> None:
    """Let the job run again."""
    session.execute(delete(JobPause).where(JobPause.job == job))


def _requeue(run: JobRun, at: datetime) -> None:
    run.state, run.attempts, run.not_before, run.error, run.result = "queued", 0, None, None, None
    run.finished_at, run.done, run.total, run.scheduled_for = None, 0, 0, at


def _insert_once(session: Session, **values: Any) -> bool:
    session.flush()
    insert = (postgresql if is_postgresql(session) else sqlite).insert(JobRun).values(**values)
    done = session.execute(insert.on_conflict_do_nothing(index_elements=["job", "key"]).returning(JobRun.id))
    return done.first() is not None


def forget(session: Session, jobs: Iterable[str], before: datetime) -> int:
    """Drop finished runs of frequent jobs that nobody will read again."""
    gone = delete(JobRun).where(JobRun.job.in_(list(jobs)), JobRun.state == "done", JobRun.finished_at < before)
    return session.execute(gone).rowcount  # type: ignore[attr-defined, no-any-return]
