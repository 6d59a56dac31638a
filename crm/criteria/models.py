"""What the engine leaves behind: pack versions, one verdict row per firm, transitions."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, text
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


class VerdictRules(Keyed):
    """The rules some verdicts were given by: a compiled pack in one of its epochs (see Pack.epoch). Bits are numbered by them."""

    __tablename__ = "verdict_rules"
    pack: Mapped[str] = mapped_column(String(32))
    pack_hash: Mapped[str] = mapped_column(String(64))
    year: Mapped[int]
    turn: Mapped[int]
    __table_args__ = (Index(None, "pack_hash", "year", "turn", unique=True), {"extend_existing": False})


class VerdictRow(Base):
    """The current verdicts of one firm, packed: expand on read with the pack and the program of its rules and day.

    Derived from filings and packs, so nothing points here and it points at nothing: a million rows are written without a
    look-up each. Layout of `body`: crm/criteria/packing.py.
    """

    __tablename__ = "verdict"
    enterprise_id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    rules_id: Mapped[int]
    as_of: Mapped[date]
    body: Mapped[bytes] = mapped_column(LargeBinary)


class VerdictMask(Base):
    """The two masks of 4,096 firms side by side, so that a question about everybody reads few rows; see crm/criteria/masks.py."""

    __tablename__ = "verdict_mask"
    rules_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    masks: Mapped[bytes] = mapped_column(LargeBinary)


class VerdictStale(Keyed):
    """A firm whose verdict changed after the masks were written; the next night empties this."""

    __tablename__ = "verdict_stale"
    enterprise_id: Mapped[int] = mapped_column(BigInteger)


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
    recorded_at: Mapped[Instant | None]  # by what was on file at this instant
    __table_args__ = (Index(None, "item", "on"), {"extend_existing": False})


class FactsDirty(Base):
    """Firms whose facts changed since they were evaluated last."""

    __tablename__ = "facts_dirty"
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprise.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[Instant]


class RuleChange(Keyed):
    """A dated value published by a person over a pack's own: data, not code. In force from a day, with its source, until revoked.

    `target` is a parameter's id, or a criterion's whose one number is replaced. See crm/criteria/published.py.
    """

    __tablename__ = "rule_change"
    pack: Mapped[str] = mapped_column(String(32))  # and every pack that extends it
    target: Mapped[str] = mapped_column(String(64))
    from_on: Mapped[date]
    value: Mapped[str] = mapped_column(String(40))  # as a person writes it: 1500万元
    before: Mapped[str] = mapped_column(String(40))  # what was in force on that day when it was published
    document: Mapped[str] = mapped_column(String(200))
    clause: Mapped[str] = mapped_column(String(120))
    quote: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    published_at: Mapped[Instant]
    published_by: Mapped[int | None]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[int | None]
    revoke_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("uq_rule_change_open", "pack", "target", "from_on", unique=True, sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL")),
        {"extend_existing": False},
    )
