"""The same months two years ago, of firms whose last year had an unusual season: whether two years agree decides how far it is believed.

Asked only where it matters, which keeps the night short: a usual season is the industry's in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from sqlalchemy import select

from crm.alerts.forecasting.season import NATIONAL
from crm.core.frames import fetch_frame
from crm.indicators.models import Filing
from crm.indicators.queries import PRIORITY, known
from crm.ladder.facts import narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.facts import Enterprise

MEASURES = ("revenue", "revenue_main")
UNUSUAL = 0.5
"""So far (a logarithm of rest to so far) a season departs from the national one before two years are compared."""
SCHEMA = {"enterprise_id": pl.Int64, **{f"{name}.ytd_before": pl.Int64 for name in MEASURES}}


def earlier(session: Session, frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """`enterprise_id` and, for each measure, `<measure>.ytd_before`: 累计 two years ago to the month of this year's newest; firms that need it only."""
    made = pl.DataFrame(schema=SCHEMA)
    for name in MEASURES:
        asked = unusual(frame, name)
        if asked.is_empty():
            continue
        periods = {f"{on.year - 2}-{month:02d}": month for month in asked["month"].unique().sort().to_list()}
        value = getattr(Filing, name)
        query = select(Filing.enterprise_id, Filing.period, Filing.source, value.label("value")).where(Filing.form == "ytd", Filing.period.in_(list(periods)), known(), value.is_not(None))
        kinds = {"enterprise_id": pl.Int64, "period": pl.String, "source": pl.String, "value": pl.Int64}
        rows = pl.concat([fetch_frame(session, part, kinds) for part in narrowed(query, Filing.enterprise_id, asked["enterprise_id"].to_list())])
        rank = pl.col("source").replace_strict({source: place for place, source in enumerate(PRIORITY)}, default=len(PRIORITY), return_dtype=pl.Int64)
        rows = rows.sort(rank).with_columns(month=pl.col("period").str.slice(5).cast(pl.Int64)).unique(["enterprise_id", "month"], keep="first")
        made = _with(made, asked.join(rows, on=["enterprise_id", "month"]), name)
    return made


def of_facts(firms: Sequence[Enterprise], frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """The same of a facts file, by the firms' numbers."""
    made = pl.DataFrame(schema=SCHEMA)
    for name in MEASURES:
        rows = [(number, firms[number].ytd.get(f"{on.year - 2}-{month:02d}", {}).get(name)) for number, month in unusual(frame, name).iter_rows()]
        made = _with(made, pl.DataFrame(rows, schema={"enterprise_id": pl.Int64, "value": pl.Int64}, orient="row").drop_nulls(), name)
    return made


def unusual(frame: pl.DataFrame, measure: str) -> pl.DataFrame:
    """`enterprise_id`, `month` of the firms of a facts frame whose last year departs from the usual season, and whose year before is on file."""
    names = {key: f"{measure}.{key}" for key in ("ytd_month", "ytd_prior", "y-1", "y-2")}
    if not set(names.values()) <= set(frame.columns):
        return pl.DataFrame(schema={"enterprise_id": pl.Int64, "month": pl.Int64})
    month, prior, last = (pl.col(names[key]) for key in ("ytd_month", "ytd_prior", "y-1"))
    known_firms = frame.select("enterprise_id", month=month.cast(pl.Int64), prior=prior, last=last, before=pl.col(names["y-2"])).filter(
        pl.col("month").is_between(1, 11) & (pl.col("before") > 0) & (pl.col("prior") > 0) & (pl.col("prior") < pl.col("last"))
    )
    usual = NATIONAL[known_firms["month"].to_numpy()]
    odds = (known_firms["last"] - known_firms["prior"]).to_numpy() / known_firms["prior"].to_numpy()
    return known_firms.filter(pl.Series(np.abs(np.log(odds) - np.log((1 - usual) / usual)) > UNUSUAL)).select("enterprise_id", "month")


def _with(made: pl.DataFrame, rows: pl.DataFrame, measure: str) -> pl.DataFrame:
    """One more measure's figures beside those found."""
    found = rows.select("enterprise_id", pl.col("value").alias(f"{measure}.ytd_before"))
    return made.drop(f"{measure}.ytd_before").join(found, on="enterprise_id", how="full", coalesce=True).select(*SCHEMA)
