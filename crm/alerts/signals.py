"""Electricity of many firms: the latest month against the same month a year before, and months in a row without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from crm.alerts.season import data_month
from crm.core.frames import fetch_frame
from crm.indicators.models import Filing
from crm.indicators.queries import known
from crm.ladder.facts import narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

MONTHS = 3  # looked back for the latest figure and for months without power


def electricity(session: Session, on: date, only: Sequence[int] | None = None) -> pl.DataFrame:
    """`enterprise_id`, `electricity`, `electricity_before` (kWh), `months_without_power`; firms with a figure only."""
    recent, before = recent_months(on)
    return signals(_read(session, [*recent, *before], only), on)


def recent_months(on: date) -> tuple[list[str], list[str]]:
    """The months looked at, newest first, and the same months a year before: '2026-09'."""
    year, month = data_month(on)
    index = year * 12 + month - 1
    recent = [f"{n // 12}-{n % 12 + 1:02d}" for n in range(index, index - MONTHS, -1)]
    return recent, [f"{int(period[:4]) - 1}{period[4:]}" for period in recent]


def signals(rows: pl.DataFrame, on: date) -> pl.DataFrame:
    """The same columns from rows of `enterprise_id`, `period`, `electricity`."""
    recent, before = recent_months(on)
    kwh = {period: rows.filter(pl.col("period") == period).select("enterprise_id", pl.col("electricity").alias(period)) for period in (*recent, *before)}
    wide = rows.select("enterprise_id").unique()
    for part in kwh.values():
        wide = wide.join(part, on="enterprise_id", how="left")
    latest, earlier = pl.lit(None, pl.Int64), pl.lit(None, pl.Int64)
    for now, then in reversed(list(zip(recent, before, strict=True))):
        here = pl.col(now).is_not_null()
        latest, earlier = pl.when(here).then(pl.col(now)).otherwise(latest), pl.when(here).then(pl.col(then)).otherwise(earlier)
    run, silent = pl.lit(0, pl.Int64), pl.lit(value=True)
    for period in recent:
        silent = silent & (pl.col(period) == 0).fill_null(value=False)
        run = run + silent.cast(pl.Int64)
    return wide.select("enterprise_id", electricity=latest, electricity_before=earlier, months_without_power=run)


def _read(session: Session, periods: list[str], only: Sequence[int] | None) -> pl.DataFrame:
    query = select(Filing.enterprise_id, Filing.period, Filing.electricity).where(  # type: ignore[attr-defined]  # columns are set from a list
        Filing.form == "period", Filing.period.in_(periods), known(), Filing.electricity.is_not(None)  # type: ignore[attr-defined]
    )
    queries = narrowed(query.where(Filing.period_kind == "month") if only is None else query, Filing.enterprise_id, only)
    kinds = {"enterprise_id": pl.Int64, "period": pl.String, "electricity": pl.Int64}
    frames = [fetch_frame(session, q, kinds) for q in queries]
    return pl.concat(frames).unique(["enterprise_id", "period"], keep="first") if frames else pl.DataFrame(schema=kinds)
