"""Check a file of annual or monthly figures: one row a firm and period, or a firm and many periods side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crm.core.errors import Invalid
from crm.imports.checking.firms import with_firms
from crm.imports.checking.plan import Check, Findings, Plan
from crm.imports.checking.suspicions import suspect
from crm.imports.errors import MissingColumn
from crm.imports.fields import MEASURES
from crm.imports.guess import FIGURES
from crm.imports.reading.cells import SCALES, clean, integers
from crm.indicators.batches import compare_filings
from crm.indicators.models import SOURCES
from crm.indicators.periods import Period, parse_period, year_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm.imports.mapping import ColumnMap

_SHAPES = {f.name: f.shape for f in MEASURES}
_LABELS = {f.name: f.label for f in MEASURES}
_OWN_SCALE = {"money": 1, "count": 1, "kwh": 1, "area": 1, "energy": 1, "bp": 100, "score": 100, "level": 10}
"""Factor for a cell whose unit nobody says: money is taken as 元 (and said so), shares as per cent."""
KEYS = ("enterprise_id", "period", "form")


def check_figures(session: Session, check: Check) -> Plan:
    """Judge every row. Plan data: `filings` (compared), `measures`, `source`."""
    columns = [c for c in check.mapping.columns if c.field in _SHAPES and _SHAPES[c.field] in FIGURES]
    if not columns:
        raise MissingColumn("没有一列对应到指标，请在“对应关系”里至少选一列数据。", field="mapping")
    if check.mapping.source not in SOURCES:
        raise Invalid(f"没有“{check.mapping.source}”这种数据来源。", field="source")
    findings = Findings()
    base = with_firms(session, check, findings)
    check.tell(0.3)
    base = _with_periods(base, check, columns, findings)
    long, base = _unpivot(base, check, columns, findings)
    measures = sorted({c.field for c in columns if c.field})
    check.tell(0.6)
    long, base = _duplicates(long, base, measures, findings)
    compared = compare_filings(session, long, measures, check.mapping.source)
    suspect(session, compared, measures, check, findings)
    check.tell(1.0)
    return Plan(check.mapping.kind, _row_states(base, compared), findings, {"filings": compared, "measures": measures, "source": check.mapping.source})


def _with_periods(base: pl.DataFrame, check: Check, columns: list[ColumnMap], findings: Findings) -> pl.DataFrame:
    """Add `period` and `form` of the row; reject rows whose period nobody says."""
    texts = check.texts(("period", "month", "quarter"))
    default = parse_period(check.mapping.period) if check.mapping.period else None
    if check.mapping.period and default is None:
        raise Invalid(f"“{check.mapping.period}”不是报告期，应写成 2025 或 2025-09。", field="period")
    read = {key: _period(key, check, default) for key in texts.select("period", "month", "quarter").unique().rows()}
    found = [read[tuple(rest)] for _, *rest in texts.rows()]
    base = base.with_columns(
        pl.Series("period", [p.text if p else None for p in found], dtype=pl.String), pl.Series("period_form", [p.form if p else None for p in found], dtype=pl.String),
    )
    if any(c.period is None for c in columns):
        lost = base.filter(pl.col("period").is_null() & pl.col("state").is_null()).join(texts.select("row", pl.col("period").alias("text")), on="row")
        findings.add_rows(lost.select("row", "text").rows(), "rejected", check.head("period") or check.head("month"), "period_unreadable",
                          "看不出是哪一期的数据：请补报告期（如 2025、2025-09），或在导入设置里选定。")
        base = base.with_columns(pl.when(pl.col("row").is_in(lost["row"].to_list())).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))
    late = base.filter(pl.col("period") > check.today.isoformat()[: 4 if check.mapping.kind == "annual" else 7])
    findings.add_rows(late.filter(pl.col("state").is_null()).select("row", "period").rows(), "suspicious", check.head("period"), "period_in_future", "{} 还没有到，请核对报告期。")
    return base


def _period(texts: tuple[str | None, ...], check: Check, default: Period | None) -> Period | None:
    period, month, quarter = texts
    if check.mapping.kind == "annual":
        return year_of(period) if period else default
    year = parse_period(period) if period else default
    if quarter and year and (number := "".join(c for c in quarter if c.isdigit())[-1:]) in set("1234"):
        return Period("month", f"{year.year}-{int(number) * 3:02d}", "ytd")
    if month:
        text = f"{month}月" if month.isdigit() and len(month) <= 2 else month
        return parse_period(text, year.year if year else None)
    if year and year.kind == "day":
        return Period("month", year.text[:7])
    return year if year and year.kind == "month" else parse_period(period or "", default.year) if default and period else None


def _form(column: ColumnMap, check: Check) -> pl.Expr:
    if check.mapping.kind == "annual":
        return pl.lit("period")
    return pl.lit(column.form) if column.form else pl.coalesce("period_form", pl.lit(check.mapping.form or "period"))


def _unpivot(base: pl.DataFrame, check: Check, columns: list[ColumnMap], findings: Findings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per file row, period and form; rows with unreadable numbers or none at all are rejected."""
    bad: set[int] = set()
    groups: dict[tuple[str | None, str | None], list[ColumnMap]] = {}
    for column in columns:
        groups.setdefault((column.period, column.form), []).append(column)
    if check.mapping.kind == "monthly" and check.mapping.form is None and any(c.form is None for c in columns) and base["period_form"].is_null().any():
        findings.add(int(base["row"][0]), "suspicious", None, None, "form_assumed", "表里没有写明是当月数还是累计数，按当月数处理；若是累计数请在导入设置里改正。")
    parts = []
    for (period, _), members in groups.items():
        values = check.table.body.select("row", *(_number(c, check, findings, bad) for c in members))
        part = base.filter(pl.col("state").is_null()).join(values, on="row", how="inner").with_columns(_form(members[0], check).alias("form"))
        if period:
            part = part.with_columns(pl.lit(period).alias("period"))
        parts.append(part.select("row", *KEYS, *(c.field for c in members if c.field)))
    long = pl.concat(parts, how="diagonal").filter(~pl.col("row").is_in(list(bad)))
    measures = [c for c in long.columns if c not in {"row", *KEYS}]
    long = long.filter(pl.any_horizontal(pl.col(m).is_not_null() for m in measures))
    empty = base.filter(pl.col("state").is_null() & ~pl.col("row").is_in(list(bad)) & ~pl.col("row").is_in(long["row"].unique().to_list()))
    findings.add_rows(((row, None) for row in empty["row"]), "rejected", None, "no_figures", "本行没有一个可导入的数据。")
    lost = bad | set(empty["row"].to_list())
    return long, base.with_columns(pl.when(pl.col("row").is_in(list(lost))).then(pl.lit("rejected")).otherwise(pl.col("state")).alias("state"))


def _number(column: ColumnMap, check: Check, findings: Findings, bad: set[int]) -> pl.Expr:
    """The integers of one column; cells that are no number are told and their rows given back."""
    name = column.field or ""
    unit = column.unit or (check.mapping.unit if _SHAPES[name] == "money" else None)
    if unit is not None and not SCALES.get(unit):
        raise MissingColumn(f"“{column.head}”的单位“{unit}”不能换算，请在“对应关系”里改正。", field="mapping")
    if unit is None and _SHAPES[name] == "money":
        findings.add(int(check.table.body["row"][0]), "suspicious", column.head, None, "unit_assumed", "没有写明单位，按“元”处理；若是万元等，请在对应关系里指定。")
    text = clean(f"c{column.index}")
    value = integers(text, SCALES[unit] if unit else _OWN_SCALE[_SHAPES[name]])
    unread = check.table.body.select("row", text.alias("text"), value.alias("value")).filter(pl.col("text").is_not_null() & pl.col("value").is_null())
    for row, shown in unread.select("row", "text").rows():
        findings.add(row, "rejected", column.head, shown, "number_unreadable", f"“{shown}”不是数字，请改成数字；没有数据就留空。")
        bad.add(row)
    return value.alias(name)


def _duplicates(long: pl.DataFrame, base: pl.DataFrame, measures: list[str], findings: Findings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same firm and period twice: identical rows are duplicates, contradictory ones are given back."""
    doubled = long.filter(pl.struct(KEYS).is_duplicated())
    if doubled.is_empty():
        return long, base
    duplicates, rejected = set(), set()
    for (_, period, _), group in doubled.group_by(list(KEYS), maintain_order=True):
        first, *others = group.sort("row").to_dicts()
        for other in others:
            differs = [_LABELS[m] for m in measures if other[m] is not None and other[m] != first[m]]
            if other["row"] == first["row"]:
                continue
            if differs:
                rejected.add(other["row"])
                findings.add(other["row"], "rejected", None, period, "conflicting_row",
                             f"与第 {first['row']} 行是同一家企业同一期，{'、'.join(differs)}不同，看不出以谁为准；请只留一行。")
            else:
                duplicates.add(other["row"])
                findings.add(other["row"], "duplicate", None, period, "same_row", f"与第 {first['row']} 行是同一家企业同一期，数据相同，本行不另写入。")
    out = duplicates | rejected
    state = pl.when(pl.col("row").is_in(list(rejected))).then(pl.lit("rejected")).when(pl.col("row").is_in(list(duplicates))).then(pl.lit("duplicate"))
    kept = long.filter(~pl.col("row").is_in(list(out))).unique(list(KEYS), keep="first", maintain_order=True)
    return kept, base.with_columns(pl.coalesce("state", state).alias("state"))


def _row_states(base: pl.DataFrame, compared: pl.DataFrame) -> pl.DataFrame:
    """A file row is changed when one of its filings is, else new when one is, else the same."""
    rank = pl.col("state").replace_strict({"same": 0, "new": 1, "changed": 2}, return_dtype=pl.Int8).max()
    rows = compared.group_by("row").agg(rank.replace_strict({0: "same", 1: "new", 2: "changed"}, return_dtype=pl.String).alias("filed"))
    joined = base.join(rows, on="row", how="left")
    return joined.select("row", pl.coalesce("state", "filed", pl.lit("same")).alias("state")).sort("row")
