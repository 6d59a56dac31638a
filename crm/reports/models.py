"""Rendered documents: kept under their digest, asked for through the queue, verified by an open page."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Instant, Keyed


class RenderedRecord(Keyed):
    """The PDF of a signed visit. Bytes are identical when made again from the same frozen content."""

    __tablename__ = "rendered_record"
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    content_digest: Mapped[str] = mapped_column(String(64))  # of the visit's frozen content
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    pages: Mapped[int]
    path: Mapped[str] = mapped_column(String(200))  # relative to data_dir
    made_at: Mapped[Instant]
