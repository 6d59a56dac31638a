"""Visits: what was seen and said, by whom, with photos and signatures. Frozen at sign-off, then only supplements."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.core.db import Base, Instant, Json, Keyed
from crm.enterprises.models import Enterprise

KINDS = {"onsite": "实地走访", "meeting": "座谈会", "phone": "电话", "online": "线上"}


class Visit(Keyed):
    """A visit. `uuid` comes from the client, so that a repeated message changes nothing."""

    __tablename__ = "visit"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    number: Mapped[str | None] = mapped_column(String(48), unique=True)  # 〔2026〕0007号, given at sign-off
    kind: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    place: Mapped[str | None] = mapped_column(String(200))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    summary: Mapped[str | None] = mapped_column(Text)
    suggestions: Mapped[str | None] = mapped_column(Text)
    policies: Mapped[list] = mapped_column(Json, default=list)  # ids of policies explained
    fields: Mapped[dict] = mapped_column(Json, default=dict)  # the pack's own form fields
    next_step: Mapped[str | None] = mapped_column(String(300))
    next_on: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    created_at: Mapped[Instant]
    signed_at: Mapped[Instant | None]  # frozen from here on
    signed_by: Mapped[int | None]
    check_code: Mapped[str | None] = mapped_column(String(24), unique=True)
    digest: Mapped[str | None] = mapped_column(String(64))  # SHA-256 over the frozen content
    frozen: Mapped[dict | None] = mapped_column(Json)  # everything the record prints, ladder status included
    version: Mapped[int] = mapped_column(default=1)
    sent_digest: Mapped[str | None] = mapped_column(String(64))  # of the message these contents came with: the same again changes nothing
    enterprise: Mapped[Enterprise] = relationship(lazy="raise")
    people: Mapped[list[VisitPerson]] = relationship(lazy="raise", order_by="VisitPerson.position")
    attachments: Mapped[list[Attachment]] = relationship(lazy="raise", order_by="Attachment.id")
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("ix_visit_enterprise", "enterprise_id", "started_at"),
        Index("ix_visit_author", "author_id", "started_at"),
        Index("ix_visit_started", "started_at", "id"),
        {"extend_existing": False},
    )


class VisitPerson(Keyed):
    """Somebody present, kept as text: the team at that time."""

    __tablename__ = "visit_person"
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    side: Mapped[str] = mapped_column(String(8))  # us | firm
    name: Mapped[str] = mapped_column(String(64))
    unit: Mapped[str | None] = mapped_column(String(128))
    title: Mapped[str | None] = mapped_column(String(64))


class Supplement(Keyed):
    """What was added after sign-off, with author and time."""

    __tablename__ = "visit_supplement"
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"))
    at: Mapped[Instant]


class Attachment(Keyed):
    """A file kept under its digest, outside the web root; the original name lives here only."""

    __tablename__ = "attachment"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))  # photo | signature_us | signature_firm | file
    name: Mapped[str] = mapped_column(String(200))
    caption: Mapped[str | None] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(64))  # sniffed
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[Instant]
    created_by: Mapped[int | None]


class RecordNumber(Base):
    """The last record number given, per series and year."""

    __tablename__ = "record_number"
    series: Mapped[str] = mapped_column(String(32), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
