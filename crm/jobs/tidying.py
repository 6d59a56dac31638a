"""Bytes nothing names any more are removed: a visit's file taken out before sign-off, a request that died between disk and database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crm.cases.models import CaseFile
from crm.core.uploads import sweep
from crm.jobs.registry import job
from crm.visits.models import Attachment

if TYPE_CHECKING:
    from crm.jobs.context import Context

GRACE = timedelta(days=1)
"""A file this fresh may belong to a request that has not committed yet."""


@job("tidy_files", "清理无主附件")
def tidy_files(context: Context) -> dict[str, Any]:
    """Remove kept files that no row names and nobody touched for a day."""
    before = (context.now() - GRACE).timestamp()
    with context.transaction() as session:
        wanted = set(session.scalars(select(Attachment.sha256).union(select(CaseFile.sha256), select(CaseFile.thumb).where(CaseFile.thumb.is_not(None)))))
    return {"removed": sweep(context.settings.data_dir, wanted, before)}
