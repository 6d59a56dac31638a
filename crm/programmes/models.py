"""What people decided about awards: rulings on what a text leaves open, decisions for one firm, money paid. Revoked, never deleted."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Instant, Keyed

DECISIONS = {"granted": "同意兑现", "refused": "不予兑现"}
_OPEN = {"sqlite_where": text("revoked_at IS NULL"), "postgresql_where": text("revoked_at IS NULL")}


class AwardRuling(Keyed):
    """How an office reads what a text leaves open, once for all firms of its pack."""

    __tablename__ = "award_ruling"
    pack: Mapped[str] = mapped_column(String(32))
    question: Mapped[str] = mapped_column(String(64))
    option: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    ruled_at: Mapped[Instant]
    ruled_by: Mapped[int | None]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[int | None]
    __table_args__ = (Index("uq_award_ruling_open", "pack", "question", unique=True, **_OPEN), {"extend_existing": False})


class AwardDecision(Keyed):
    """A person's word on one firm's claim of a year."""

    __tablename__ = "award_decision"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"))
    pack: Mapped[str] = mapped_column(String(32))
    award: Mapped[str] = mapped_column(String(64))
    year: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))  # granted | refused
    amount: Mapped[int] = mapped_column(BigInteger, default=0)  # 元; 0 when refused
    reason: Mapped[str] = mapped_column(Text)
    claim_state: Mapped[str] = mapped_column(String(12))  # what the rules said when it was decided
    pack_hash: Mapped[str] = mapped_column(String(64))
    decided_at: Mapped[Instant]
    decided_by: Mapped[int | None]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[int | None]
    __table_args__ = (Index("uq_award_decision_open", "enterprise_id", "award", "year", unique=True, **_OPEN), {"extend_existing": False})


class AwardPayout(Keyed):
    """Money that left: for a granted claim, or (award empty) of another policy for the same matter, which then counts against it."""

    __tablename__ = "award_payout"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id"), index=True)
    pack: Mapped[str] = mapped_column(String(32))
    award: Mapped[str | None] = mapped_column(String(64))
    exclusion_group: Mapped[str | None] = mapped_column(String(48))
    year: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInteger)  # 元
    paid_on: Mapped[date]
    document: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[int | None]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[int | None]
    __table_args__ = (Index("ix_award_payout_award", "award", "year"), {"extend_existing": False})
