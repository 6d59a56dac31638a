"""The journal of a batch: which rows of which tables it inserted, updated or superseded, and what stood there before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm.core.bulk import insert_rows
from crm.imports.models import ImportChange

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(slots=True)
class Journal:
    """Collected while a plan is written, stored at its end in the same transaction."""

    batch_id: int
    by: int | None
    at: datetime
    row: list[int] = field(default_factory=list)
    table: list[str] = field(default_factory=list)
    row_id: list[int] = field(default_factory=list)
    action: list[str] = field(default_factory=list)
    before: list[dict[str, Any] | None] = field(default_factory=list)

    def add(self, rows: Iterable[int], table: str, ids: Iterable[int], action: str, before: Iterable[dict[str, Any] | None] | None = None) -> None:
        """Note rows of one table: file row, key, and for updates the former values."""
        ids = list(ids)
        self.row.extend(rows)
        self.row_id.extend(ids)
        self.table.extend([table] * len(ids))
        self.action.extend([action] * len(ids))
        self.before.extend(before if before is not None else [None] * len(ids))

    def store(self, session: Session) -> int:
        """Write it; returns how many changes."""
        return insert_rows(session, ImportChange, {
            "batch_id": [self.batch_id] * len(self.row), "row": self.row, "table": self.table, "row_id": self.row_id, "action": self.action, "before": self.before,
        })
