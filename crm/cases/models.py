"""Cases (诉求): what a firm asked for. Closed (办结) and resolved (化解) are two facts; events are append-only."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.clock import local
from crm.core.db import Instant, Json, Keyed
from crm.enterprises.models import Enterprise
from crm.security.models import Unit

KINDS = {
    "labour": "用工", "finance": "融资", "land": "用地", "energy": "用能", "market": "市场订单", "tech": "技术人才",
    "policy": "政策兑现", "permit": "审批证照", "life": "子女教育等生活", "other": "其他",
}
URGENCIES = {"normal": "一般", "simple": "简易", "urgent": "紧急"}
SOURCES = {
    "visit": "走访", "officer": "助企员登记", "firm": "企业码自报", "17687": "17687 热线", "12345": "12345 热线", "bqy": "帮企云", "qym": "企业码平台",
    "zqt": "政企通", "other": "其他转来",
}
"""Where a case came from -> what people read."""
SATISFACTION = {5: "非常满意", 4: "满意", 3: "基本满意", 2: "不满意", 1: "非常不满意"}


class Case(Keyed):
    """One problem of one firm. `state` and `stage` are derived from the events and stored beside them."""

    __tablename__ = "case_"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12), default="other")
    urgency: Mapped[str] = mapped_column(String(8), default="normal")  # normal | simple | urgent
    title: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(12), default="officer", server_default="officer")
    external_no: Mapped[str | None] = mapped_column(String(64))  # number in the system it came from
    contact_name: Mapped[str | None] = mapped_column(String(64))
    contact_phone: Mapped[str | None] = mapped_column(String(32))
    lead_unit: Mapped[str | None] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(12), default="open")  # open | closed
    stage: Mapped[str] = mapped_column(String(12), default="accepted", server_default="accepted")  # see crm.cases.life.STAGES
    accept_by: Mapped[date | None]
    due_on: Mapped[date | None]
    due_rule: Mapped[str | None] = mapped_column(String(200))  # the rule that gave the day, in words
    due_provisional: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    extension: Mapped[dict | None] = mapped_column(Json)  # {"days", "asked_on", "granted": null | bool}; one in a life
    recheck_on: Mapped[date | None]  # of a deferred case
    urged: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))  # how often supervision stepped in
    urged_on: Mapped[date | None]
    joined_to: Mapped[int | None] = mapped_column(ForeignKey("case_.id"))
    is_resolved: Mapped[bool | None]  # None: not asked yet
    satisfaction: Mapped[int | None] = mapped_column(SmallInteger)  # 5 … 1, None: not asked yet
    opened_at: Mapped[Instant]
    opened_by: Mapped[int | None]
    accepted_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    units: Mapped[list[CaseUnit]] = relationship(lazy="raise", order_by="CaseUnit.id")
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(None, "state", "due_on"),
        Index("ix_case_stage", "stage", "due_on", "id"),
        Index("uq_case_external", "source", "external_no", unique=True),
        {"extend_existing": False},
    )

    @property
    def number(self) -> str:
        """What people quote: 诉〔2026〕00012号."""
        return f"诉〔{local(self.opened_at).year}〕{self.id:05}号"


class CaseUnit(Keyed):
    """A unit a case was dispatched to; ended when it was given to another. Its feedback is its own."""

    __tablename__ = "case_unit"
    case_id: Mapped[int] = mapped_column(ForeignKey("case_.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)
    is_lead: Mapped[bool]
    dispatched_at: Mapped[Instant]
    feedback: Mapped[str | None] = mapped_column(Text)
    feedback_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    unit: Mapped[Unit] = relationship(lazy="joined")


class CaseEvent(Keyed):
    """A step in a case's life: who, when, why."""

    __tablename__ = "case_event"
    case_id: Mapped[int] = mapped_column(ForeignKey("case_.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[Instant]
    by: Mapped[int | None]
    note: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict | None] = mapped_column(Json)


class CaseFile(Keyed):
    """A file that came with a step, kept under its digest outside the web root; a photo has a small picture of itself."""

    __tablename__ = "case_file"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_.id"), index=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("case_event.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))  # sniffed
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    thumb: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[Instant]
    created_by: Mapped[int | None]

    @property
    def is_paper(self) -> bool:
        """Listed after the photos."""
        return self.thumb is None


class CaseDoor(Keyed):
    """An open address (企业码) through which one firm raises cases itself, without signing in."""

    __tablename__ = "case_door"
    token: Mapped[str] = mapped_column(String(43), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    made_at: Mapped[Instant]
    made_by: Mapped[int | None]
    ended_at: Mapped[Instant | None]
