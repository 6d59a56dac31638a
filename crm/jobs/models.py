"""Ticks and queued work. A row is written before the work starts and is unique by (job, key): doubles do nothing."""

from __future__ import annotations

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Base, Instant, Json, Keyed

STATES = {"queued": "排队", "running": "进行中", "done": "完成", "failed": "失败", "cancelled": "取消"}


class JobRun(Keyed):
    """A run of a job. For ticks `key` is the scheduled instant (ISO), for queued work whatever makes it unique."""

    __tablename__ = "job_run"
    job: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(128))
    scheduled_for: Mapped[Instant]
    payload: Mapped[dict | None] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[Instant | None]
    started_at: Mapped[Instant | None]
    heartbeat_at: Mapped[Instant | None]
    finished_at: Mapped[Instant | None]
    done: Mapped[int] = mapped_column(default=0)  # n of m
    total: Mapped[int] = mapped_column(default=0)
    step: Mapped[str | None] = mapped_column(String(64))
    result: Mapped[dict | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[int | None]
    worker: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (
        Index(None, "job", "key", unique=True),
        Index("ix_job_run_state", "state", "not_before", "id"),
        {"extend_existing": False},
    )


class WorkerBeat(Base):
    """The leading worker writes here every few seconds; 'no worker for 60 s' is read from it."""

    __tablename__ = "worker_beat"
    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[Instant]
    is_leader: Mapped[bool]
    started_at: Mapped[Instant]


class JobPause(Base):
    """Jobs an administrator has paused."""

    __tablename__ = "job_pause"
    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    by: Mapped[int | None]
    at: Mapped[Instant]
