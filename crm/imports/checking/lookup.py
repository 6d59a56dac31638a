"""Fetch what is on file for the keys of a file: by key where the file is small beside the table, else the table at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from crm.core.bulk import fetch_columns
from crm.enterprises.models import Enterprise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

CHUNK = 5_000
_SHARE = 8  # a key costs about as much as reading this many rows in passing


def firms_by(session: Session, key: Any, wanted: Sequence[Any], columns: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of live firms whose `key` is in `wanted` (or of all: the caller joins, so more does no harm)."""
    live = select(*columns).where(Enterprise.deleted_at.is_(None))
    largest = session.scalar(select(func.max(Enterprise.id))) or 0
    if len(wanted) * _SHARE > largest:
        return fetch_columns(session, live)
    found: dict[str, list[Any]] = {}
    for i in range(0, max(len(wanted), 1), CHUNK):
        for name, values in fetch_columns(session, live.where(key.in_(wanted[i : i + CHUNK]))).items():
            found.setdefault(name, []).extend(values)
    return found
