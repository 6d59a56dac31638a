"""Alerts are states, not messages: open, acknowledged, snoozed, resolved; one per firm, rule and subject while not closed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Instant, Json, Keyed
from crm.enterprises.models import Enterprise

RULES = {"exit_risk": "退库预警", "near_threshold": "临近阈值"}
LEVELS = ("red", "orange", "yellow", "green", "grey")
LEVEL_NAMES = {"red": "红", "orange": "橙", "yellow": "黄", "green": "绿", "grey": "灰"}
STATES = {"open": "待认领", "acknowledged": "已认领", "snoozed": "暂缓", "resolved": "已解除"}


class Alert(Keyed):
    """What somebody must look at, with the figures, period, source and rule version it rests on."""

    __tablename__ = "alert"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    rule: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), default="")  # register.industry, srdi …
    level: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), default="open")
    headline: Mapped[str] = mapped_column(String(200))
    evidence: Mapped[dict] = mapped_column(Json)
    pack_hash: Mapped[str | None] = mapped_column(String(64))
    raised_on: Mapped[date]
    seen_on: Mapped[date]  # last evaluation that still found it
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    snoozed_until: Mapped[date | None]
    resolved_at: Mapped[Instant | None]
    resolution: Mapped[str | None] = mapped_column(String(200))
    is_watched: Mapped[bool] = mapped_column(default=False)  # settled by a person while its condition still held
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    __table_args__ = (
        Index(
            "uq_alert_live", "enterprise_id", "rule", "subject", unique=True,
            sqlite_where=text("state <> 'resolved'"), postgresql_where=text("state <> 'resolved'"),
        ),
        Index("ix_alert_state_level", "state", "level", "raised_on", "id"),
        {"extend_existing": False},
    )


class AlertEvent(Keyed):
    """Every change of an alert. Append-only."""

    __tablename__ = "alert_event"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # raised | worsened | eased | acknowledged | released | snoozed | reopened | resolved | note
    at: Mapped[Instant]
    by: Mapped[int | None]  # None: the worker
    level: Mapped[str | None] = mapped_column(String(8))
    note: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict | None] = mapped_column(Json)
