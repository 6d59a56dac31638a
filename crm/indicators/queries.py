"""Reads of figures: one firm's filings as known on a day, and many firms' figures as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from sqlalchemy import and_, or_, select

from crm.core.bulk import fetch_columns
from crm.indicators.models import COLUMNS, Filing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

PRIORITY = ("audit", "tax", "statistics", "electricity", "import", "firm", "visit", "demo")
"""Which source is believed first when several filed the same figure; measure by measure."""
_FEW = 500


def known(at: datetime | None = None) -> ColumnElement[bool]:
    """Condition: the filing stood at that instant (None: stands now). A later correction does not change the answer."""
    if at is None:
        return Filing.superseded_at.is_(None)
    return and_(Filing.recorded_at <= at, or_(Filing.superseded_at.is_(None), Filing.superseded_at > at))


def filings(session: Session, enterprise_id: int, *, kind: str | None = None, at: datetime | None = None) -> list[Filing]:
    """One firm's filings, newest period first; `kind` is year, month or day."""
    query = select(Filing).where(Filing.enterprise_id == enterprise_id, known(at))
    if kind:
        query = query.where(Filing.period_kind == kind)
    return list(session.scalars(query.order_by(Filing.period.desc(), Filing.form, Filing.source)))


def corrections(session: Session, enterprise_id: int, period: str, form: str) -> list[Filing]:
    """Every filing ever made for a period, oldest first: who said what when."""
    query = select(Filing).where(Filing.enterprise_id == enterprise_id, Filing.period == period, Filing.form == form)
    return list(session.scalars(query.order_by(Filing.recorded_at, Filing.id)))


def filings_frame(
    session: Session, wanted: Iterable[tuple[str, str]], measures: Sequence[str], *, enterprise_ids: Sequence[int] | None = None,
    at: datetime | None = None, sources: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Figures of many firms: one row per (enterprise_id, period, form) with `source` and one Int64 column per measure.

    `wanted` are (period, form) pairs: ('2024', 'period'), ('2025-09', 'ytd'). `enterprise_ids` None: all firms. Where
    several sources filed, each measure comes from the first of PRIORITY that has it, and `source` names the first of all.
    """
    pairs = sorted(set(wanted))
    own = [name for name in measures if name in _OWN]
    others = [name for name in measures if name not in _OWN]
    query = select(
        Filing.enterprise_id, Filing.period, Filing.form, Filing.source, *(getattr(Filing, name) for name in own), *([Filing.extra] if others else [])
    ).where(_in_pairs(pairs), known(at))
    if sources is not None:
        query = query.where(Filing.source.in_(sources))
    parts = [fetch_columns(session, part) for part in _for_firms(query, enterprise_ids)]
    schema: dict[str, Any] = {"enterprise_id": pl.Int64, "period": pl.String, "form": pl.String, "source": pl.String, **dict.fromkeys(own, pl.Int64)}
    extras = [value for part in parts for value in part.pop("extra", ())]
    frame = pl.concat([pl.DataFrame(part, schema=schema, strict=False) for part in parts]) if parts else pl.DataFrame(schema=schema)
    if others:
        frame = frame.with_columns(from_extra(extras, others))
    return _one_per_period(frame, list(measures))


_OWN = frozenset(COLUMNS)


def _in_pairs(pairs: list[tuple[str, str]]) -> ColumnElement[bool]:
    """Few distinct periods and forms: two IN lists and, where that is too wide, the pairs themselves."""
    by_form: dict[str, list[str]] = {}
    for period, form in pairs:
        by_form.setdefault(form, []).append(period)
    kinds = sorted({{4: "year", 7: "month", 10: "day"}[len(period)] for period, _ in pairs})
    return and_(Filing.period_kind.in_(kinds), or_(*(and_(Filing.form == form, Filing.period.in_(periods)) for form, periods in by_form.items())))


def _for_firms(query: Any, enterprise_ids: Sequence[int] | None) -> list[Any]:
    if enterprise_ids is None:
        return [query]
    ids = list(enterprise_ids)
    return [query.where(Filing.enterprise_id.in_(ids[i : i + _FEW])) for i in range(0, len(ids), _FEW)]


def from_extra(extras: list[Any], names: list[str]) -> list[pl.Series]:
    """Int64 columns out of the JSON column, as the driver gave it (text on SQLite, dict on PostgreSQL)."""
    read = [orjson.loads(value) if isinstance(value, str | bytes) else value or {} for value in extras]
    return [pl.Series(name, [row.get(name) if row else None for row in read], dtype=pl.Int64) for name in names]


def _one_per_period(frame: pl.DataFrame, measures: list[str]) -> pl.DataFrame:
    keys = ["enterprise_id", "period", "form"]
    order = ["enterprise_id", "period", "form", "source", *measures]
    if frame["source"].n_unique() <= 1:
        return frame.select(order)
    rank = pl.col("source").replace_strict({s: i for i, s in enumerate(PRIORITY)}, default=len(PRIORITY), return_dtype=pl.Int8)
    ranked = frame.sort(rank)
    first = [pl.col(name).drop_nulls().first() for name in measures]
    return ranked.group_by(keys, maintain_order=True).agg(pl.col("source").first(), *first).select(order)
