"""Alerts are states, not messages: one per firm, rule and subject while it stands, every change in its history.

open → acknowledged → in hand (a visit, case or task attached) → resolved or expired; beside them snoozed and muted.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Json, Keyed
from crm.enterprises.models import Enterprise

RULES = {
    "exit_risk": "退库预警", "newly_entered_at_risk": "新上规待稳", "near_threshold": "临近阈值", "first_crossing": "首次跨线", "re_entry_window": "可重返入库",
    "title_expiring": "证书到期", "filing_missing": "缺报", "figure_suspicious": "数据可疑", "visit_overdue": "久未走访", "case_overdue": "诉求超期",
}
"""Rule id -> what people read; the order of the alert centre's tabs."""
LEVELS = ("red", "orange", "yellow", "green", "grey")
LEVEL_NAMES = {"red": "红", "orange": "橙", "yellow": "黄", "green": "绿", "grey": "灰"}
STATES = {
    "open": "待认领", "acknowledged": "已认领", "in_hand": "办理中", "snoozed": "暂缓", "muted": "免打扰", "resolved": "已解除", "expired": "已过期",
}
LIVE = ("open", "acknowledged", "in_hand", "snoozed", "muted")
"""States in which an alert stands: at most one per firm, rule and subject."""
CLOSED = ("resolved", "expired")
STANDS = "state NOT IN ('resolved', 'expired')"
ESCALATIONS = ("助企干部", "县级管理者", "市级管理者")
"""Who is asked to handle an alert, by `Alert.escalation`."""
LINKS = {"visit": "走访", "case": "诉求", "task": "任务"}


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
    muted_until: Mapped[date | None]
    expires_on: Mapped[date | None]  # after this day a ground that is gone ran out, it was not settled
    raised_at: Mapped[Instant | None]
    acknowledged_at: Mapped[Instant | None]  # the first time somebody took it on
    minutes_to_acknowledge: Mapped[int | None] = mapped_column(BigInteger)
    waiting_since: Mapped[date | None]  # work days without handling count from here
    escalation: Mapped[int] = mapped_column(default=0, server_default="0")  # index into ESCALATIONS
    easing_level: Mapped[str | None] = mapped_column(String(8))  # better level waiting to be believed; 'gone': no ground any more
    easing_since: Mapped[date | None]
    resolved_at: Mapped[Instant | None]
    resolution: Mapped[str | None] = mapped_column(String(200))
    is_watched: Mapped[bool] = mapped_column(default=False)  # settled by a person while its condition still held
    version: Mapped[int] = mapped_column(default=1, server_default="1")  # raised with every change of state, level or owner
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    __table_args__ = (
        Index("uq_alert_live", "enterprise_id", "rule", "subject", unique=True, sqlite_where=text(STANDS), postgresql_where=text(STANDS)),
        Index("ix_alert_state_level", "state", "level", "raised_on", "id"),
        Index("ix_alert_raised", "raised_on", "id"),
        {"extend_existing": False},
    )


class AlertEvent(Keyed):
    """Every change of an alert. Append-only."""

    __tablename__ = "alert_event"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # see crm/web/alerts/words.py EVENTS
    at: Mapped[Instant]
    by: Mapped[int | None]  # None: the worker
    level: Mapped[str | None] = mapped_column(String(8))
    state: Mapped[str | None] = mapped_column(String(12))  # the alert's state after it
    note: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict | None] = mapped_column(Json)  # of a person's act also `before`: what undoing puts back


class AlertLink(Keyed):
    """What was started because of an alert: a visit, a case, or a task with a day."""

    __tablename__ = "alert_link"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))  # visit | case | task
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case_.id", ondelete="CASCADE"), index=True)
    text: Mapped[str | None] = mapped_column(String(200))
    due_on: Mapped[date | None]
    done_at: Mapped[Instant | None]
    at: Mapped[Instant]
    by: Mapped[int | None]
    __table_args__ = (Index(None, "alert_id", "visit_id", unique=True), Index(None, "alert_id", "case_id", unique=True), {"extend_existing": False})


class AlertMute(Keyed):
    """A matter of a firm nobody wants to hear of until a day, with the reason. It outlives the alert it began with."""

    __tablename__ = "alert_mute"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"))
    rule: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), default="")
    until: Mapped[date]  # heard of again from this day on
    reason: Mapped[str] = mapped_column(String(200))
    at: Mapped[Instant]
    by: Mapped[int | None]
    ended_at: Mapped[Instant | None]
    __table_args__ = (
        Index("uq_alert_mute_live", "enterprise_id", "rule", "subject", unique=True, sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        {"extend_existing": False},
    )


class AlertWeek(Base):
    """How many alerts stood at the end of each week (or now, for the week that runs), per town, zone, rule and level. Rewritten nightly."""

    __tablename__ = "alert_week"
    week: Mapped[date] = mapped_column(primary_key=True)  # its Monday
    region_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    zone_code: Mapped[str] = mapped_column(String(16), primary_key=True, default="")
    rule: Mapped[str] = mapped_column(String(32), primary_key=True)
    level: Mapped[str] = mapped_column(String(8), primary_key=True)
    standing: Mapped[int]
    waiting: Mapped[int]  # of them taken on by nobody


class AlertOutcome(Base):
    """What came of a firm in a year a rule speaks of: whether it was warned, and whether the thing warned of happened."""

    __tablename__ = "alert_outcome"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(32), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    warned_on: Mapped[date | None]  # first alert of the year; None: it happened without a warning
    level: Mapped[str | None] = mapped_column(String(8))  # the worst it reached
    happened: Mapped[bool | None]  # None: not yet known
    how: Mapped[str | None] = mapped_column(String(16))  # left | below | kept | entered | reached | stayed
    happened_on: Mapped[date | None]
    figure: Mapped[int | None] = mapped_column(BigInteger)  # the year's 元, where that decided
    line: Mapped[int | None] = mapped_column(BigInteger)
    recorded_at: Mapped[Instant]
    __table_args__ = (Index(None, "rule", "year"), {"extend_existing": False})


class ForecastParameters(Keyed):
    """Parameters of the forecast learned from this instance's own firms. Append-only; the latest of the newest year counts."""

    __tablename__ = "forecast_parameters"
    year: Mapped[int]  # the completed year they were learned from
    firms: Mapped[int]
    body: Mapped[dict] = mapped_column(Json)
    recorded_at: Mapped[Instant]
    run_id: Mapped[int | None]  # the run that learned them
    __table_args__ = (Index(None, "year"), {"extend_existing": False})


class ForecastPace(Keyed):
    """How all firms grow together in a year so far: the newest row of the newest month counts."""

    __tablename__ = "forecast_pace"
    year: Mapped[int]
    month: Mapped[int]  # data to this month
    firms: Mapped[int]  # that show it
    growth: Mapped[int]  # median logarithm of 累计 against the same months of the year before, in ten-thousandths
    recorded_at: Mapped[Instant]
    run_id: Mapped[int | None]
    __table_args__ = (Index(None, "year", "month"), {"extend_existing": False})
