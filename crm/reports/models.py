"""Rendered documents: kept under their digest, asked for through the queue, verified by an open page."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Instant, Json, Keyed


class RenderedRecord(Keyed):
    """The PDF of a signed visit. Bytes are identical when made again from the same frozen content."""

    __tablename__ = "rendered_record"
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    variant: Mapped[str] = mapped_column(String(12), default="full", server_default="full")  # full | no_photos | one_page
    content_digest: Mapped[str] = mapped_column(String(64))  # of the visit's frozen content
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    path: Mapped[str] = mapped_column(String(200))  # relative to data_dir
    sealed_by: Mapped[str | None] = mapped_column(String(200))  # holder and issuer of the certificate; null: not sealed
    made_at: Mapped[Instant]


class Paper(Keyed):
    """Any other paper: a briefing card, a dispatch slip, records bound together. What it prints is fixed when it is asked for.

    `subject` is what it is about (enterprise:7, case:<uuid>, visits) and decides who may open it.
    """

    __tablename__ = "paper"
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(160))  # the file's name
    unit: Mapped[str] = mapped_column(String(128), default="")
    content: Mapped[dict] = mapped_column(Json)
    content_digest: Mapped[str] = mapped_column(String(64))
    check_code: Mapped[str] = mapped_column(String(16), index=True)
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    asked_at: Mapped[Instant]
    media_type: Mapped[str] = mapped_column(String(32), default="application/pdf")
    sha256: Mapped[str | None] = mapped_column(String(64))  # null until it is made
    size: Mapped[int | None] = mapped_column(BigInteger)
    pages: Mapped[int | None]
    path: Mapped[str | None] = mapped_column(String(200))
    made_at: Mapped[Instant | None]
    __table_args__ = (Index(None, "kind", "subject", "content_digest", unique=True), {"extend_existing": False})
