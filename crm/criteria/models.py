"""What the engine leaves behind: pack versions, one verdict row per firm and pack, transitions."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Base, Instant, Keyed


class PackVersion(Base):
    """A compiled pack that was used, whole: a past decision can be run again from it."""

    __tablename__ = "pack_version"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    pack: Mapped[str] = mapped_column(String(32), index=True)
    document: Mapped[str] = mapped_column(Text)  # the compiled pack, canonical JSON
    first_used_at: Mapped[Instant]
    last_used_at: Mapped[Instant]


class VerdictRow(Base):
    """The current verdicts of one firm under one pack, packed: expand on read with the pack of `pack_hash`.

    `outcomes` holds one letter per item of the pack (m met, u unmet, k unknown, n not in force), `unmet` and `unknown`
    one bit per criterion, `evidence` the facts seen (layout: crm/criteria/packing.py).
    """

    __tablename__ = "verdict"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    pack: Mapped[str] = mapped_column(String(32), primary_key=True)
    as_of: Mapped[date]
    pack_hash: Mapped[str] = mapped_column(String(64))
    outcomes: Mapped[str] = mapped_column(Text)
    unmet: Mapped[bytes] = mapped_column(LargeBinary)
    unknown: Mapped[bytes] = mapped_column(LargeBinary)
    scores: Mapped[str] = mapped_column(Text, default="")
    evidence: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = {"sqlite_with_rowid": False}  # the key is the table: one tree to write, not two


class Transition(Keyed):
    """An item of a firm changed its state on a day. Append-only; history, notices and audit come from here."""

    __tablename__ = "transition"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), index=True)
    pack: Mapped[str] = mapped_column(String(32))
    item: Mapped[str] = mapped_column(String(64))
    before: Mapped[str | None] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    on: Mapped[date]
    pack_hash: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[int | None]
    __table_args__ = (Index(None, "item", "on"), {"extend_existing": False})


class FactsDirty(Base):
    """Firms whose facts changed since they were evaluated last."""

    __tablename__ = "facts_dirty"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[Instant]


