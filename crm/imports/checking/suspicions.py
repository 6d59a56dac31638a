"""Figures that are readable and probably wrong: a unit off by 10⁴, 当月 and 累计 swapped, a cumulative figure that falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from crm.core.bulk import fetch_columns
from crm.core.money import human
from crm.imports.checking.lookup import CHUNK
from crm.imports.fields import MEASURES
from crm.indicators.models import COLUMNS, Filing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.checking.plan import Check, Findings

LEVELS = ("revenue", "revenue_main", "revenue_taxable", "invoiced_sales", "output_gross", "assets_total")
"""Measures that do not change a thousandfold from one period to the next."""
FLOWS = ("revenue", "revenue_main", "revenue_taxable", "invoiced_sales", "output_gross", "electricity")
"""Measures whose cumulative figure cannot fall within a year."""
TIMES = 1000
_LABELS = {f.name: f.label for f in MEASURES}


def suspect(session: Session, compared: pl.DataFrame, measures: list[str], check: Check, findings: Findings) -> None:
    """Add findings of severity `suspicious`; nothing is rejected for them."""
    watched = [m for m in measures if m in LEVELS or m in FLOWS]
    if not watched or compared.is_empty():
        return
    series = _series(session, compared, watched)
    heads = {c.field: c.head for c in check.mapping.columns if c.field}
    for measure in watched:
        one = series.filter(pl.col(measure).is_not_null()).select("row", "enterprise_id", "period", "form", pl.col(measure).alias("value"))
        if measure in LEVELS:
            _unit(one, measure, heads.get(measure), findings)
        if measure in FLOWS and check.mapping.kind == "monthly":
            _falling(one, measure, heads.get(measure), findings)
            _swapped(one, measure, heads.get(measure), findings)
            _cumulative(one, measure, heads.get(measure), findings)
        negative = one.filter((pl.col("value") < 0) & pl.col("row").is_not_null())
        findings.add_rows(negative.select("row", "value").rows(), "suspicious", heads.get(measure), "negative", f"{_LABELS[measure]}是负数，请核对。")


def _series(session: Session, compared: pl.DataFrame, measures: list[str]) -> pl.DataFrame:
    """The file's figures beside what is on file for the same firms (`row` null), the file's standing where both have one."""
    own = [m for m in measures if m in COLUMNS]
    mine = compared.select(pl.col("row").cast(pl.Int64), "enterprise_id", "period", "form", *own)
    firms = mine["enterprise_id"].unique().to_list()
    kind = {4: "year", 7: "month", 10: "day"}[len(mine["period"][0])]
    query = select(Filing.enterprise_id, Filing.period, Filing.form, *(getattr(Filing, m) for m in own)).where(Filing.superseded_at.is_(None), Filing.period_kind == kind)
    data = fetch_columns(session, query if len(firms) > CHUNK else query.where(Filing.enterprise_id.in_(firms)))
    filed = pl.DataFrame(data, schema={"enterprise_id": pl.Int64, "period": pl.String, "form": pl.String, **dict.fromkeys(own, pl.Int64)}, strict=False)
    filed = filed.unique(["enterprise_id", "period", "form"]).join(mine, on=["enterprise_id", "period", "form"], how="anti")
    return pl.concat([mine, filed.with_columns(pl.lit(None, dtype=pl.Int64).alias("row")).select(mine.columns)]).sort("enterprise_id", "form", "period")


def _figure(measure: str, value: int) -> str:
    """A figure with the unit it was read in: 2,010 万元, 83,724 千瓦时."""
    return f"{value:,} 千瓦时" if measure == "electricity" else human(value)


def _unit(one: pl.DataFrame, measure: str, head: str | None, findings: Findings) -> None:
    """A thousand times what stood in the period before or after: a unit, most likely."""
    over = ["enterprise_id", "form"]
    pairs = one.filter(pl.col("value") > 0).with_columns(
        pl.col("value").shift(1).over(over).alias("before"), pl.col("period").shift(1).over(over).alias("before_on"), pl.col("row").shift(1).over(over).alias("before_row"),
    ).filter(pl.col("before").is_not_null())
    jump = pairs.filter((pl.col("value") // pl.col("before") >= TIMES) | (pl.col("before") // pl.col("value") >= TIMES))
    for row, before_row, value, before, on in jump.select("row", "before_row", "value", "before", "before_on").rows():
        times = f"{max(value, before) / min(value, before):,.0f}"
        way = "大" if value > before else "小"
        if row is None and before_row is None:
            continue
        findings.add(row if row is not None else before_row, "suspicious", head, _figure(measure, value), "unit_suspect",
                     f"{_LABELS[measure]} {_figure(measure, value)}，与 {on} 的 {_figure(measure, before)} 相差约 {times} 倍（偏{way}），疑似单位写错，请核对。")


def _falling(one: pl.DataFrame, measure: str, head: str | None, findings: Findings) -> None:
    year = pl.col("period").str.slice(0, 4)
    ytd = one.filter(pl.col("form") == "ytd").with_columns(year.alias("year"))
    ytd = ytd.with_columns(pl.col("value").shift(1).over("enterprise_id", "year").alias("before"), pl.col("period").shift(1).over("enterprise_id", "year").alias("on"),
                           pl.col("row").shift(1).over("enterprise_id", "year").alias("before_row"))
    for row, before_row, period, value, before, on in ytd.filter(pl.col("value") < pl.col("before")).select("row", "before_row", "period", "value", "before", "on").rows():
        if row is not None or before_row is not None:
            findings.add(row if row is not None else before_row, "suspicious", head, _figure(measure, value), "ytd_falling",
                         f"{_LABELS[measure]}累计数下降：{on} 累计 {_figure(measure, before)}，{period} 累计 {_figure(measure, value)}。")


def _swapped(one: pl.DataFrame, measure: str, head: str | None, findings: Findings) -> None:
    both = one.filter(pl.col("form") == "period").join(one.filter(pl.col("form") == "ytd"), on=["enterprise_id", "period"], suffix="_ytd")
    hit = both.filter((pl.col("value") > pl.col("value_ytd")) & (pl.col("row").is_not_null() | pl.col("row_ytd").is_not_null()))
    for row, row_ytd, period, value, ytd in hit.select("row", "row_ytd", "period", "value", "value_ytd").rows():
        findings.add(row if row is not None else row_ytd, "suspicious", head, _figure(measure, value), "period_exceeds_ytd",
                     f"{period} {_LABELS[measure]}当月 {_figure(measure, value)} 大于累计 {_figure(measure, ytd)}，疑似当月、累计填反。")


def _cumulative(one: pl.DataFrame, measure: str, head: str | None, findings: Findings) -> None:
    """当月 figures that grow month by month like a running total (at least four months of a year, each about m/(m−1) of the last)."""
    monthly = one.filter(pl.col("form") == "period").with_columns(pl.col("period").str.slice(0, 4).alias("year"), pl.col("period").str.slice(5, 2).cast(pl.Int32).alias("m"))
    over = ["enterprise_id", "year"]
    steps = monthly.with_columns(pl.col("value").shift(1).over(over).alias("v0"), pl.col("m").shift(1).over(over).alias("m0")).filter(pl.col("v0") > 0)
    rate = (pl.col("value") / pl.col("v0")) / (pl.col("m") / pl.col("m0"))
    grown = steps.group_by(over).agg(((rate > 0.75) & (rate < 1.35) & (pl.col("value") > pl.col("v0"))).all().alias("grows"), pl.len().alias("n"),
                                     (pl.col("value").last() / pl.col("v0").first()).alias("times"), pl.col("row").drop_nulls().first().alias("row"))
    hit = grown.filter(pl.col("grows") & (pl.col("n") >= 3) & (pl.col("times") > 1.8) & pl.col("row").is_not_null())
    findings.add_rows(hit.select("row", "year").rows(), "suspicious", head, "looks_cumulative", f"{{}} 年{_LABELS[measure]}逐月累加，像是累计数被当作当月数，请核对。")
