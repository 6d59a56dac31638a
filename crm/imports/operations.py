"""A spreadsheet on its way in: stage → guess → (a person confirms the mapping) → dry_run → apply → undo.

    batch   = stage(session, file, name, by=user_id, at=now(), data_dir=settings.data_dir, kind="annual")
    mapping = guess(session, batch, data_dir=…)                       # remembered, or guessed with confidence and samples
    mapping = mapping.merge({"columns": {"营收": "revenue"}, "period": "2024"})
    report  = dry_run(session, batch.id, mapping, data_dir=…, progress=callback)   # batch.state 'checked', counts, findings
    report  = apply(session, batch.id, data_dir=…, by=…, at=…, progress=callback)  # batch.state 'applied'
    undo(session, batch.id, by=…, at=…)                               # batch.state 'undone'

All take an open session and never commit; the edge commits after each. `apply` and `undo` are one transaction: killed
half-way they leave nothing. `progress(done, total)` counts rows; it is called before the first write only, so a callback
may write to the same SQLite database through another connection.

`access` limits what a user may touch: rows of firms outside the jurisdiction are rejected with the reason `outside`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from crm.imports.mapping import Mapping
    from crm.imports.models import ImportBatch
    from crm.security.access import Access


def stage(
    session: Session, file: bytes | BinaryIO | Path, name: str, *, by: int | None, at: datetime, data_dir: Path, kind: str | None = None
) -> ImportBatch:
    """Keep the file under data_dir/imports and read its layout. `kind` None: guessed from the heads.

    Raises UnreadableFile when it is no table, NoEnterpriseColumn when nothing in it says which firm a row is about.
    """
    raise NotImplementedError


def guess(session: Session, batch: ImportBatch, *, data_dir: Path) -> Mapping:
    """The mapping to show: the one last confirmed for these heads, else guessed from heads, units and values."""
    raise NotImplementedError


def dry_run(
    session: Session, batch_id: int, mapping: Mapping, *, data_dir: Path, access: Access | None = None, progress: Callable[[int, int], None] | None = None
) -> ImportBatch:
    """Check every row; writes counts, reasons, findings and the rejected-rows file; state 'checked'."""
    raise NotImplementedError


def apply(
    session: Session, batch_id: int, *, data_dir: Path, by: int | None, at: datetime, access: Access | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportBatch:
    """Write a checked batch. Raises Conflict when the database changed so that the counts are no longer those shown."""
    raise NotImplementedError


def undo(session: Session, batch_id: int, *, by: int | None, at: datetime) -> ImportBatch:
    """Put back exactly what stood before. Raises Conflict naming the rows that were changed since."""
    raise NotImplementedError


def discard(session: Session, batch_id: int, *, data_dir: Path) -> None:
    """Give up a batch that was not applied; its file is removed."""
    raise NotImplementedError
