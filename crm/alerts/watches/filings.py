"""Months whose figures should be in and are not. January is reported together with February and is never missing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts.watches.base import levelled
from crm.core import workdays

if TYPE_CHECKING:
    from crm.alerts.watches.base import Asked
    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule

RULE = "filing_missing"
NO_JANUARY = 1
DUE_DAY = 15  # of the following month; default, not policy


def due_on(pack: Pack, year: int, month: int) -> date | None:
    """The day by which a month's figures are expected by the pack's calendar; None for a month that is not reported.

    A deadline on a free day moves to the next work day.
    """
    given = next((d for d in reversed(pack.book.filing_deadlines) if not d.months or month in d.months), None)
    if month == NO_JANUARY or (given is not None and month in given.skip_months):
        return None
    first = date(year + month // 12, month % 12 + 1, 1)
    day = first + timedelta(days=(given.day if given is not None else DUE_DAY) - 1)
    return workdays.add(day, 0).on


def due_months(pack: Pack, on: date) -> list[tuple[int, date]]:
    """Months of the year whose deadline is past, with the deadline, oldest first."""
    found = ((month, due_on(pack, on.year, month)) for month in range(1, 13))
    return [(month, day) for month, day in found if day is not None and day < on]


def find(asked: Asked, rule: AlertRule) -> pl.DataFrame:
    """Firms of the register that have not filed a month that is past its deadline."""
    return judged(asked.pack, rule, asked.firms, asked.on)


def judged(pack: Pack, rule: AlertRule, firms: pl.DataFrame, on: date) -> pl.DataFrame:
    """Rows with level. `firms`: crm.alerts.inputs. A firm that never filed anything is grey: perhaps it need not."""
    due = due_months(pack, on)
    if not due:
        return levelled(rule, firms.clear().select("enterprise_id", subject=pl.lit("")), on)
    filed = pl.col("ytd_month").fill_null(0)
    missing = pl.sum_horizontal([(filed < month).cast(pl.Int64) for month, _ in due])
    first = pl.coalesce([pl.when(filed < month).then(pl.lit(day)) for month, day in due])
    first_month = pl.coalesce([pl.when(filed < month).then(pl.lit(month)) for month, _ in due])
    known = pl.col("last_year").is_not_null() | pl.col("ytd_prior").is_not_null() | pl.col("ytd").is_not_null()
    asked = firms.filter(pl.col("in_register").fill_null(value=False) & ~pl.col("stopped").fill_null(value=False) & (missing > 0))
    frame = asked.select(
        "enterprise_id", "ytd_month", subject=pl.lit("monthly"), missing=missing, deadline=first, first_month=first_month, no_data=~known,
        expires_on=pl.lit(date(on.year, 12, 31)), year=pl.lit(on.year),
    ).with_columns(days_late=(pl.lit(on) - pl.col("deadline")).dt.total_days())
    return levelled(rule, frame, on)


def headline(row: dict[str, Any]) -> str:
    """Which month is waited for."""
    if row["no_data"]:
        return "从未报过月度数据，请先确认这家企业是否应报"
    last = f"，最近一次报到 {row['ytd_month']} 月" if row["ytd_month"] else "，本年还没有报过"
    since = f"{row['first_month']} 月起" if row["missing"] > 1 else f"{row['first_month']} 月"
    return f"{since}的累计营收没有报（应在 {row['deadline']} 前）{last}"


FACTS = ("deadline", "first_month", "missing", "ytd_month", "no_data", "year")
