"""How all firms of the city grow together in the year so far: measured by the night, so that every forecast of a day is made with one figure.

A loss that everybody has is made up sooner than a loss of one's own; a firm looked at alone cannot tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sqlalchemy import func, select

from crm.alerts.forecasting.signs import FEWEST
from crm.alerts.models import ForecastPace
from crm.core.frames import fetch_frame
from crm.enterprises.models import Enterprise
from crm.indicators.models import Filing
from crm.indicators.queries import PRIORITY, known
from crm.ladder.facts import narrowed

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

MOST = 20_000
"""Firms that are asked: more tell little more."""
RECENT = 3
"""The newest months are looked at: of the last one few may have filed."""
PARTS = 10_000
"""Kept as a whole number of these parts."""


def pace_of(session: Session, on: date) -> float | None:
    """The common growth (a logarithm) that forecasts of a day are made with; None where it was never measured this year."""
    query = select(ForecastPace.growth).where(ForecastPace.year == on.year, ForecastPace.month < on.month)
    growth = session.scalar(query.order_by(ForecastPace.month.desc(), ForecastPace.id.desc()).limit(1))
    return None if growth is None else growth / PARTS


def measure(session: Session, on: date, at: datetime, run_id: int | None = None) -> None:
    """Measure the pace on the day and keep it where it is new. Too few firms with the same months of two years: nothing is kept."""
    found = _growth(_pairs(session, on))
    if found is None:
        return
    month, firms, growth = found
    latest = select(ForecastPace.growth).where(ForecastPace.year == on.year, ForecastPace.month == month).order_by(ForecastPace.id.desc()).limit(1)
    if session.scalar(latest) != growth:
        session.add(ForecastPace(year=on.year, month=month, firms=firms, growth=growth, recorded_at=at, run_id=run_id))
        session.flush()


def _pairs(session: Session, on: date) -> pl.DataFrame:
    """`month`, `now`, `before`: 累计 of firms that have it of this year and the last, in the newest months."""
    months = range(max(2, on.month - RECENT), on.month)
    count = session.scalar(select(func.count()).select_from(Enterprise)) or 0
    ids = list(session.scalars(select(Enterprise.id).where(Enterprise.id % max(1, -(-count // MOST)) == 0)))
    if not ids or not months:
        return pl.DataFrame(schema={"month": pl.Int64, "now": pl.Int64, "before": pl.Int64})
    value = func.coalesce(Filing.revenue, Filing.revenue_main).label("value")  # type: ignore[attr-defined]
    periods = [f"{on.year - back}-{month:02d}" for back in (0, 1) for month in months]
    query = select(Filing.enterprise_id, Filing.period, Filing.source, value).where(Filing.form == "ytd", Filing.period.in_(periods), known(), value > 0)
    kinds = {"enterprise_id": pl.Int64, "period": pl.String, "source": pl.String, "value": pl.Int64}
    rows = pl.concat([fetch_frame(session, part, kinds) for part in narrowed(query, Filing.enterprise_id, ids)])
    rank = pl.col("source").replace_strict({source: place for place, source in enumerate(PRIORITY)}, default=len(PRIORITY), return_dtype=pl.Int64)
    rows = rows.sort(rank, "enterprise_id", "period").unique(["enterprise_id", "period"], keep="first").with_columns(
        year=pl.col("period").str.head(4).cast(pl.Int64), month=pl.col("period").str.slice(5).cast(pl.Int64),
    )
    now, before = (rows.filter(pl.col("year") == on.year - back).select("enterprise_id", "month", pl.col("value").alias(name)) for back, name in enumerate(("now", "before")))
    return now.join(before, on=["enterprise_id", "month"]).select("month", "now", "before")


def _growth(pairs: pl.DataFrame) -> tuple[int, int, int] | None:
    """The newest month at least half as many firms show as any, how many, and their median growth."""
    counts = pairs.group_by("month").len().sort("month").filter((pl.col("len") >= FEWEST) & (pl.col("len") * 2 >= pl.col("len").max()))
    if counts.is_empty():
        return None
    month, firms = counts.row(-1)
    one = pairs.filter(pl.col("month") == month)
    return month, firms, round(float(np.median(np.log(one["now"].to_numpy() / one["before"].to_numpy()))) * PARTS)
