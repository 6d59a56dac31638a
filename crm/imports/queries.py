"""Reads about imports: the list, one batch's findings page by page, the rejected rows as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from crm.core.errors import NotFound
from crm.enterprises.models import Enterprise
from crm.imports.models import ImportBatch, ImportFinding
from crm.security.access import covers

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from crm.security.access import Access


def get_batch(session: Session, batch_id: int, *, by: int | None = None) -> ImportBatch:
    """One batch; `by` limits to the person who uploaded it. Raises NotFound."""
    batch = session.get(ImportBatch, batch_id)
    if batch is None or (by is not None and batch.created_by != by):
        raise NotFound("没有找到这次导入。")
    return batch


def seen_by(session: Session, access: Access) -> ColumnElement[bool]:
    """SQL condition: one's own batches; for administrators also those of users whose jurisdiction lies within theirs.

    What was imported on the server belongs to nobody: administrators see it whose jurisdiction covers every firm.
    """
    mine = ImportBatch.created_by == access.user_id
    if not access.has("administrator"):
        return mine
    theirs = or_(mine, access.oversees(ImportBatch.created_by))
    return or_(theirs, ImportBatch.created_by.is_(None)) if _covers_all(session, access) else theirs


def _covers_all(session: Session, access: Access) -> bool:
    """Whether one of the user's divisions holds the first and the last firm by code, and so all between. Two index reads."""
    ends = session.execute(select(select(func.min(Enterprise.region_code)).scalar_subquery(), select(func.max(Enterprise.region_code)).scalar_subquery())).one()
    return any(all(end is None or covers((region,), end) for end in ends) for region in access.regions)


def batches(
    session: Session, *, by: int | None = None, before: int | None = None, limit: int = 30, seen: ColumnElement[bool] | None = None
) -> list[ImportBatch]:
    """Newest first; `by` limits to one person's, `seen` is a condition, `before` the last id of the page above."""
    query = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit)
    if by is not None:
        query = query.where(ImportBatch.created_by == by)
    if seen is not None:
        query = query.where(seen)
    if before is not None:
        query = query.where(ImportBatch.id < before)
    return list(session.scalars(query))


def findings(session: Session, batch_id: int, severity: str | None = None, after: int = 0, limit: int = 100, reason: str | None = None) -> list[ImportFinding]:
    """Findings in the order of the file's rows; `after` is the id of the last one shown."""
    query = select(ImportFinding).where(ImportFinding.batch_id == batch_id, ImportFinding.id > after)
    if severity:
        query = query.where(ImportFinding.severity == severity)
    if reason:
        query = query.where(ImportFinding.reason == reason)
    return list(session.scalars(query.order_by(ImportFinding.id).limit(limit)))


def finding_counts(session: Session, batch_id: int) -> dict[str, dict[str, int]]:
    """severity -> reason -> findings."""
    counts: dict[str, dict[str, int]] = {}
    rows = session.execute(
        select(ImportFinding.severity, ImportFinding.reason, func.count())
        .where(ImportFinding.batch_id == batch_id)
        .group_by(ImportFinding.severity, ImportFinding.reason)
        .order_by(func.count().desc())
    )
    for severity, reason, count in rows:
        counts.setdefault(severity, {})[reason] = count
    return counts


def rejected_file(session: Session, batch_id: int, data_dir: Path) -> Path | None:
    """The rejected rows in the shape of the file they came in, with a column of reasons; None when there are none."""
    batch = get_batch(session, batch_id)
    path = data_dir / batch.rejected_path if batch.rejected_path else None
    return path if path and path.is_file() else None
