"""Many filings at once, for imports and generators: compare with what is on file, then write new ones and corrections.

A frame of filings has the columns `row` (the caller's), `enterprise_id`, `period`, `form` and one Int64 column per measure;
null is "not mentioned" and leaves what is on file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select, update

from crm.core.bulk import fetch_columns, insert_rows, reserve_ids
from crm.indicators.models import COLUMNS, Filing
from crm.indicators.queries import from_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

CHUNK = 5_000
_KINDS = {4: "year", 7: "month", 10: "day"}


def compare_filings(session: Session, frame: pl.DataFrame, measures: Sequence[str], source: str) -> pl.DataFrame:
    """Add `live_id` (the filing on file, or null) and `state`: new, changed or same."""
    live = _live(session, frame, measures, source)
    joined = frame.join(live, on=["enterprise_id", "period", "form"], how="left", suffix="_was")
    differs = pl.any_horizontal(pl.col(m).is_not_null() & pl.col(m).ne_missing(pl.col(f"{m}_was")) for m in measures)
    state = pl.when(pl.col("live_id").is_null()).then(pl.lit("new")).when(differs).then(pl.lit("changed")).otherwise(pl.lit("same"))
    return joined.with_columns(state.alias("state"))


def write_filings(
    session: Session, compared: pl.DataFrame, measures: Sequence[str], source: str, *, by: int | None, at: datetime, batch_id: int | None
) -> pl.DataFrame:
    """Write what `compare_filings` called new or changed; returns `row`, `filing_id`, `superseded_id` of what was written.

    A correction carries over the figures it does not mention; the filing it corrects is superseded at `at`.
    """
    touched = compared.filter(pl.col("state") != "same")
    if touched.is_empty():
        return pl.DataFrame(schema={"row": pl.Int64, "filing_id": pl.Int64, "superseded_id": pl.Int64})
    former = touched["live_id"].drop_nulls().to_list()
    before = _whole(session, former)
    for i in range(0, len(former), CHUNK):
        session.execute(update(Filing).where(Filing.id.in_(former[i : i + CHUNK])).values(superseded_at=at).execution_options(synchronize_session=False))
    ids = reserve_ids(session, Filing, touched.height)
    columns = _columns(touched, measures, before)
    size = touched.height
    insert_rows(session, Filing, {
        "id": ids, "enterprise_id": touched["enterprise_id"].to_list(), "period": touched["period"].to_list(), "form": touched["form"].to_list(),
        "period_kind": [_KINDS[len(p)] for p in touched["period"]], "source": [source] * size, "recorded_at": [at] * size, "recorded_by": [by] * size,
        "batch_id": [batch_id] * size, **columns,
    })
    return touched.select("row", pl.Series("filing_id", ids, dtype=pl.Int64), pl.col("live_id").alias("superseded_id"))


def _live(session: Session, frame: pl.DataFrame, measures: Sequence[str], source: str) -> pl.DataFrame:
    own, others = _split(measures)
    query = select(Filing.id, Filing.enterprise_id, Filing.period, Filing.form, *(getattr(Filing, m) for m in own), *([Filing.extra] if others else [])).where(
        Filing.source == source, Filing.superseded_at.is_(None), Filing.period_kind.in_({_KINDS[len(p)] for p in frame["period"].unique()}),
        Filing.period.in_(frame["period"].unique().to_list()),
    )
    firms = frame["enterprise_id"].unique().to_list()
    parts = [fetch_columns(session, query)] if len(firms) > CHUNK else [fetch_columns(session, query.where(Filing.enterprise_id.in_(firms)))]
    data = parts[0]
    extras = data.pop("extra", [])
    schema: dict[str, Any] = {"id": pl.Int64, "enterprise_id": pl.Int64, "period": pl.String, "form": pl.String, **dict.fromkeys(own, pl.Int64)}
    live = pl.DataFrame(data, schema=schema, strict=False)
    return live.with_columns(from_extra(extras, others)).rename({"id": "live_id"}) if others else live.rename({"id": "live_id"})


def _whole(session: Session, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """All figures of some filings."""
    found: dict[int, dict[str, int]] = {}
    for i in range(0, len(ids), CHUNK):
        for filing_id, extra, *values in session.execute(select(Filing.id, Filing.extra, *(getattr(Filing, m) for m in COLUMNS)).where(Filing.id.in_(ids[i : i + CHUNK]))):
            own = {m: v for m, v in zip(COLUMNS, values, strict=True) if v is not None}
            found[filing_id] = {**own, **(extra or {})}
    return found


def _columns(touched: pl.DataFrame, measures: Sequence[str], before: dict[int, dict[str, int]]) -> dict[str, list[Any]]:
    """Values to insert by column; corrections start from what they correct."""
    own, others = _split(measures)
    if not before:
        columns: dict[str, list[Any]] = {m: touched[m].to_list() for m in own}
        if others:
            columns["extra"] = [{k: v for k, v in row.items() if v is not None} or None for row in touched.select(others).to_dicts()]
        return columns
    rows = [
        {**before.get(live, {}), **{m: v for m, v in given.items() if v is not None}}
        for live, given in zip(touched["live_id"], touched.select(measures).to_dicts(), strict=True)
    ]
    used = [m for m in COLUMNS if any(m in row for row in rows)]
    columns = {m: [row.get(m) for row in rows] for m in used}
    columns["extra"] = [{k: v for k, v in row.items() if k not in _OWN} or None for row in rows]
    return columns


_OWN = frozenset(COLUMNS)


def _split(measures: Sequence[str]) -> tuple[list[str], list[str]]:
    return [m for m in measures if m in _OWN], [m for m in measures if m not in _OWN]
