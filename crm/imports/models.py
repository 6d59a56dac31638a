"""Import batches, what each changed (enough to undo exactly), and remembered column mappings."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm.core.db import Base, Instant, Json, Keyed

KINDS = {"registrations": "企业登记", "annual": "年度数据", "monthly": "月度数据", "titles": "称号认定", "register": "入库退库", "cases": "诉求"}
STATES = {
    "uploaded": "待对应列", "checking": "检查中", "checked": "待写入", "applying": "写入中", "applied": "已写入",
    "undoing": "撤销中", "undone": "已撤销", "failed": "失败", "discarded": "已放弃",
}


class ImportBatch(Keyed):
    """One file on its way in. Counts: rows, new, changed, same, duplicate, rejected."""

    __tablename__ = "import_batch"
    kind: Mapped[str] = mapped_column(String(16))
    file_name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str] = mapped_column(String(200))  # relative to data_dir
    state: Mapped[str] = mapped_column(String(12), default="uploaded")
    layout: Mapped[dict | None] = mapped_column(Json)  # sheet, header row, units, orientation, encoding as read
    mapping: Mapped[dict | None] = mapped_column(Json)  # column -> field
    counts: Mapped[dict | None] = mapped_column(Json)
    reasons: Mapped[dict | None] = mapped_column(Json)  # reason code -> rows
    rejected_path: Mapped[str | None] = mapped_column(String(200))
    error: Mapped[str | None] = mapped_column(Text)
    done: Mapped[int] = mapped_column(default=0)  # n of m
    total: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Instant]
    created_by: Mapped[int | None]
    applied_at: Mapped[Instant | None]
    undone_at: Mapped[Instant | None]


class ImportChange(Keyed):
    """One row written by a batch, with what stood there before."""

    __tablename__ = "import_change"
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    row: Mapped[int]
    table: Mapped[str] = mapped_column(String(32))
    row_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(12))  # insert | update | supersede
    before: Mapped[dict | None] = mapped_column(Json)
    __table_args__ = (Index(None, "batch_id", "id"), {"extend_existing": False})


class ImportFinding(Keyed):
    """Something to say about a row: rejected, duplicate, repaired or suspicious, with column, value and reason."""

    __tablename__ = "import_finding"
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    row: Mapped[int]
    severity: Mapped[str] = mapped_column(String(10))  # rejected | duplicate | repaired | suspicious
    column: Mapped[str | None] = mapped_column(String(64))
    value: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(48))  # code
    message: Mapped[str] = mapped_column(String(300))
    __table_args__ = (Index(None, "batch_id", "severity", "row"), {"extend_existing": False})


class MappingMemory(Base):
    """The mapping last confirmed for a kind and a set of column heads."""

    __tablename__ = "import_mapping"
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    heads: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest of the heads
    mapping: Mapped[dict] = mapped_column(Json)
    used_at: Mapped[Instant]
