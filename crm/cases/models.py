"""Cases (诉求): what a firm asked for. Closed (办结) and resolved (化解) are two facts; events are append-only."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Instant, Json, Keyed
from crm.enterprises.models import Enterprise

KINDS = {
    "labour": "用工", "finance": "融资", "land": "用地", "energy": "用能", "market": "市场订单", "tech": "技术人才",
    "policy": "政策兑现", "permit": "审批证照", "life": "子女教育等生活", "other": "其他",
}


class Case(Keyed):
    """One problem of one firm. The state is derived from the events and stored beside them."""

    __tablename__ = "case_"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12), default="other")
    urgency: Mapped[str] = mapped_column(String(8), default="normal")  # normal | urgent
    title: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(Text)
    lead_unit: Mapped[str | None] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(12), default="open")  # open | closed
    due_on: Mapped[date | None]
    is_resolved: Mapped[bool | None]  # None: not asked yet
    opened_at: Mapped[Instant]
    opened_by: Mapped[int | None]
    closed_at: Mapped[Instant | None]
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    __table_args__ = (Index(None, "state", "due_on"), {"extend_existing": False})


class CaseEvent(Keyed):
    """A step in a case's life: who, when, why."""

    __tablename__ = "case_event"
    case_id: Mapped[int] = mapped_column(ForeignKey("case_.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[Instant]
    by: Mapped[int | None]
    note: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict | None] = mapped_column(Json)
