"""Where a firm stands: dated stays (register, titles, listing stages), moves, and the standing row lists are drawn from."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Json, Keyed
from crm.enterprises.models import Enterprise

MOVE_STATES = {"proposed": "待确认", "confirmed": "已确认", "rejected": "已驳回", "withdrawn": "已撤回", "superseded": "已失效"}
STAGES = {
    "nurture": "培育", "share_reform": "股改", "neeq": "新三板", "tutoring": "辅导",
    "accepted": "报会", "registered": "注册", "listed": "上市",
}


class RegisterMembership(Keyed):
    """A stay in the statistics register (在库名录). Entered by people or import, never by software; ended, not deleted."""

    __tablename__ = "register_membership"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    entered_on: Mapped[date]
    exited_on: Mapped[date | None]
    entry: Mapped[str] = mapped_column(String(12))  # first | re_entry
    profession: Mapped[str | None] = mapped_column(String(16))  # industry, wholesale …
    exit_reason: Mapped[str | None] = mapped_column(String(64))
    document: Mapped[str | None] = mapped_column(String(200))
    batch_id: Mapped[int | None]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    end_recorded_at: Mapped[Instant | None]  # when the exit was put on file
    __table_args__ = (
        Index("uq_register_membership_open", "enterprise_id", unique=True, sqlite_where=text("exited_on IS NULL"), postgresql_where=text("exited_on IS NULL")),
        {"extend_existing": False},
    )


class TitleGrant(Keyed):
    """A title held from a day to a day."""

    __tablename__ = "title_grant"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    title: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(8), default="first")  # first | review
    level: Mapped[str | None] = mapped_column(String(16))
    batch: Mapped[str | None] = mapped_column(String(64))
    document: Mapped[str | None] = mapped_column(String(200))
    granted_on: Mapped[date]
    valid_to: Mapped[date | None]
    revoked_on: Mapped[date | None]
    batch_id: Mapped[int | None]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    end_recorded_at: Mapped[Instant | None]  # when the revocation was put on file
    __table_args__ = (Index(None, "enterprise_id", "title", "granted_on", unique=True), {"extend_existing": False})


class StageEntry(Keyed):
    """A listing stage reached on a day."""

    __tablename__ = "stage_entry"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    stage: Mapped[str] = mapped_column(String(16))
    on: Mapped[date]
    board: Mapped[str | None] = mapped_column(String(16))
    document: Mapped[str | None] = mapped_column(String(200))
    ended_on: Mapped[date | None]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    end_recorded_at: Mapped[Instant | None]  # when the end was put on file


class Move(Keyed):
    """A move between places: proposed by evaluation or a person, confirmed or rejected by a manager with a reason."""

    __tablename__ = "move"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    step: Mapped[str] = mapped_column(String(16))
    from_place: Mapped[str] = mapped_column(String(16))
    to_place: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(12), default="proposed")
    proposed_on: Mapped[date]
    proposed_by: Mapped[int | None]  # None: the evaluation
    reason: Mapped[str | None] = mapped_column(Text)
    against_verdict: Mapped[bool] = mapped_column(default=False)
    pack_hash: Mapped[str | None] = mapped_column(String(64))
    verdict: Mapped[dict[str, Any] | None] = mapped_column(Json)  # what the step's test said when proposed
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[int | None]
    decision_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Instant]
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    __table_args__ = (
        Index("uq_move_open", "enterprise_id", "step", unique=True, sqlite_where=text("state = 'proposed'"), postgresql_where=text("state = 'proposed'")),
        Index(None, "state", "step"),
        {"extend_existing": False},
    )


class Standing(Base):
    """One narrow row per firm, rebuilt by evaluation: what lists, boards and cards show without touching the verdict.

    `place` is the confirmed place (the highest confirmed move, else the evaluated tier at first sight); `tier` is what
    the verdicts say. `near_*` describe the title or register test with the fewest criteria short.
    """

    __tablename__ = "standing"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    region_code: Mapped[str] = mapped_column(String(12))  # copied for scoped counts without a join
    place: Mapped[str] = mapped_column(String(12), default="small")
    place_since: Mapped[date | None]
    tier: Mapped[str] = mapped_column(String(12), default="small")
    size_class: Mapped[str | None] = mapped_column(String(8))
    in_register: Mapped[bool] = mapped_column(default=False)
    should_register: Mapped[bool] = mapped_column(default=False)
    register_item: Mapped[str | None] = mapped_column(String(40))
    register_state: Mapped[str | None] = mapped_column(String(12))
    pools: Mapped[list[str]] = mapped_column(Json, default=list)  # pool ids met
    titles: Mapped[list[str]] = mapped_column(Json, default=list)  # titles held on the day
    steps: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # step -> {"state", "item", "missing", "text"}
    active_step: Mapped[str | None] = mapped_column(String(12))  # board column
    board_group: Mapped[str | None] = mapped_column(String(48))  # heading within the column
    near_item: Mapped[str | None] = mapped_column(String(48))
    near_missing: Mapped[int | None]  # criteria short
    near_text: Mapped[str | None] = mapped_column(String(120))  # '研发费用占比 差 0.24 个百分点'
    near_ratio: Mapped[int | None]  # per mille of the way, for the bar and for sorting
    revenue_year: Mapped[int | None]  # which year revenue_last is of
    revenue_last: Mapped[int | None] = mapped_column(BigInteger)
    revenue_ytd: Mapped[int | None] = mapped_column(BigInteger)
    ytd_period: Mapped[str | None] = mapped_column(String(7))
    revenue_ytd_before: Mapped[int | None] = mapped_column(BigInteger)  # same period a year earlier
    projected: Mapped[int | None] = mapped_column(BigInteger)
    projected_low: Mapped[int | None] = mapped_column(BigInteger)
    projected_high: Mapped[int | None] = mapped_column(BigInteger)
    alert_level: Mapped[str | None] = mapped_column(String(8))  # worst open alert
    last_visit_on: Mapped[date | None]
    evaluated_on: Mapped[date | None]
    __table_args__ = (
        Index("ix_standing_step", "active_step", "board_group", "near_missing", text("near_ratio DESC"), "enterprise_id"),
        Index("ix_standing_region_place", "region_code", "place"),
        Index("ix_standing_near", "near_missing", text("near_ratio DESC"), "enterprise_id"),
        Index("ix_standing_revenue", text("revenue_last DESC"), "enterprise_id"),
        Index("ix_standing_projected", text("projected DESC"), "enterprise_id"),
        Index("ix_standing_visit", "last_visit_on", "enterprise_id"),
        {"extend_existing": False},
    )


class StandingCount(Base):
    """Counts per region (every level), so that no page counts a table. Rewritten by the nightly run and after imports.

    `dimension` is place, tier, pool, step, group, near, alert, register …; `value` the member.
    """

    __tablename__ = "standing_count"
    region_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    dimension: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    counted_at: Mapped[Instant]
