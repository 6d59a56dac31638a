"""What people add to a plan's goals: figures the system cannot count, each with its source, and how far a task has come."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Instant, Keyed

TASK_STATES = {"open": "未开始", "under_way": "推进中", "done": "已完成", "stopped": "已停止"}


class TargetActual(Keyed):
    """A figure somebody brought for a goal, a year and a place. Replaced by revoking it and entering another."""

    __tablename__ = "target_actual"
    pack: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(64))
    year: Mapped[int]
    region_code: Mapped[str] = mapped_column(String(12))
    value: Mapped[str] = mapped_column(String(40))  # with its unit, as the goal has it: 6.5%, 120亿元
    as_of: Mapped[date]
    source: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[int | None]
    __table_args__ = (
        Index("uq_target_actual_open", "pack", "target", "year", "region_code", unique=True, sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL")),
        {"extend_existing": False},
    )


class TaskEntry(Keyed):
    """A step in the life of a task; the newest says where it stands. Append-only."""

    __tablename__ = "task_entry"
    pack: Mapped[str] = mapped_column(String(32))
    task: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text, default="")
    on: Mapped[date]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    __table_args__ = (Index(None, "pack", "task", "id"), {"extend_existing": False})
