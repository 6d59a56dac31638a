"""Which firms changed since they were evaluated: written by a signal inside the changing transaction, cleared by evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from crm.core.bulk import upsert_rows
from crm.core.clock import now
from crm.core.signals import enterprise_changed
from crm.criteria.models import FactsDirty

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session


def listen() -> None:
    """Connect to the signal; twice does nothing. Called by the application and the worker."""
    enterprise_changed.connect(mark_changed)


def mark_changed(_sender: Any = None, *, session: Session, enterprise_ids: Iterable[int], at: datetime | None = None) -> None:
    """Remember that these firms must be evaluated again."""
    ids = sorted(set(enterprise_ids))
    upsert_rows(session, FactsDirty, ["enterprise_id"], {"enterprise_id": ids, "since": [at or now()] * len(ids)})


def changed(session: Session, until: datetime, limit: int | None = None) -> list[int]:
    """Firms marked up to `until`, oldest first."""
    query = select(FactsDirty.enterprise_id).where(FactsDirty.since <= until).order_by(FactsDirty.since, FactsDirty.enterprise_id)
    return list(session.scalars(query.limit(limit) if limit else query))


def clear(session: Session, until: datetime, ids: Iterable[int] | None = None) -> None:
    """Forget marks up to `until`; a firm that changed after that keeps its mark."""
    gone = delete(FactsDirty).where(FactsDirty.since <= until)
    if ids is not None:
        wanted = list(ids)
        for start in range(0, len(wanted), 500):
            session.execute(gone.where(FactsDirty.enterprise_id.in_(wanted[start : start + 500])))
        return
    session.execute(gone)
