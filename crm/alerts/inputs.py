"""What alert levels are decided from: one row per firm of projection, comparisons and silences, and the line that matters.

Works on a facts frame with the columns of `COLUMNS`, from the database or from a facts file. Missing stays null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crm.alerts.forecasting.wide import project
from crm.alerts.season import data_month
from crm.criteria.terms import Column, Compare, Const, walk
from crm.criteria.terms import columns as term_columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from crm.alerts.forecasting.model import Parameters
    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack
    from crm.criteria.program import RunItem

STOPS = ("suspended", "closed", "deregistered", "abnormal_listed")
"""Events after which a firm does not go on, unless `resumed` came later."""
MAIN, ALL = "revenue_main", "revenue"
LINES = "line."
"""Items of a pack that are revenue lines."""
COLUMNS = (
    *(Column(kind, measure) for measure in (MAIN, ALL) for kind in ("ytd", "ytd_month", "ytd_prior")),  # type: ignore[arg-type]
    *(Column("year", measure, back) for measure in (MAIN, ALL) for back in (-1, -2)), Column("register", "in"), *(Column("event", kind) for kind in (*STOPS, "resumed")),
)
"""Fact columns read beside those the pack's rules need."""


def inputs(evaluation: Evaluation, frame: pl.DataFrame | None = None, parameters: Parameters | None = None) -> pl.DataFrame:
    """One row per firm, in the evaluation's order, named as alert rules of a pack call them. `frame`: the evaluation's, with more columns.

    `line` 元, `projected` (with `_low`, `_high`, `method`, `share`), `below_line` (0–1), `below.<line>` for each revenue line of the pack,
    `last_year`, `year_before`, `ytd`, `ytd_month`, `ytd_prior`, `ytd_before` (two years ago, where the season is unusual),
    `ytd_yoy`, `electricity_yoy`, `insured_yoy` as (now, before) pairs, `months_missing`, `months_without_power`, `stopped`,
    `no_data`, `in_register`, `month` (of the newest figures that should be in), `stopped_by`, `stopped_on`.
    """
    on, frame = evaluation.on, evaluation.frame if frame is None else frame
    year, month = data_month(on)
    named = frame.select(
        *(key for key in ("enterprise_id", "uscc") if key in frame.columns),
        industry=_industry(frame), **_sales(evaluation, frame), in_register=_or_null(frame, "register.in", pl.Boolean()), line=_by_test(evaluation, lines(evaluation.program.register)), months_without_power=_or_null(frame, "months_without_power"),
        electricity=_or_null(frame, "electricity"), electricity_before=_or_null(frame, "electricity_before"),
        insured=_or_null(frame, "insured"), insured_before=_or_null(frame, "insured_before"), **_stop(frame),
    )
    same_year = year == on.year  # in January and February the newest figures are last year's: the current year has none to miss
    due = month if same_year else 0
    missing = (due - pl.col("ytd_month")).clip(0)  # a firm without any figure this year may never have filed: no data, not silence
    return project(_ratios(named), on, parameters, steps(evaluation)).with_columns(
        months_missing=missing.cast(pl.Int64), no_data=(pl.col("ytd").is_null() & (due > 0)), month=pl.lit(month, pl.Int64),
        stopped=pl.col("stopped_by").is_not_null(), months_used=pl.col("ytd_month").cast(pl.Int64),
        below=(pl.col("below_line") * 1000).round().cast(pl.Int64), above=((1 - pl.col("below_line")) * 1000).round().cast(pl.Int64),
    )


def steps(evaluation: Evaluation) -> list[int]:
    """The revenue lines of the pack (一亿, 十亿 …), 元, lowest first."""
    return sorted({line for line in lines(item for item in evaluation.program.items if item.key.startswith(LINES)) if line})


def _ratios(named: pl.DataFrame) -> pl.DataFrame:
    """Signals beside sales as ratios to the same time last year; null where either is missing."""
    pairs = {"electricity_yoy": ("electricity", "electricity_before"), "insured_yoy": ("insured", "insured_before")}
    return named.with_columns(pl.when(pl.col(before) > 0).then(pl.col(now) / pl.col(before)).alias(name) for name, (now, before) in pairs.items())


def _industry(frame: pl.DataFrame) -> pl.Expr:
    return pl.col("industry").str.strip_chars_start("ABCDEFGHIJKLMNOPQRST") if "industry" in frame.columns else pl.lit(None, pl.String)


def forecast(seen: pl.DataFrame, on: date) -> pl.DataFrame:
    """The inputs as a standing shows them: this year's 累计, its period, the same a year before, the projection."""
    return seen.select(
        "enterprise_id", revenue_ytd=pl.col("ytd"), ytd_period=pl.lit(f"{on.year}-") + pl.col("ytd_month").cast(pl.String).str.zfill(2),
        revenue_ytd_before=pl.col("ytd_prior"), projected=pl.col("projected"), projected_low=pl.col("projected_low"), projected_high=pl.col("projected_high"),
    )


def lines(tests: Iterable[RunItem]) -> list[int | None]:
    """For each register test the lowest figure it asks for, 元; None when it asks for none."""
    found: list[int | None] = []
    for item in tests:
        constants = [
            part.right.value
            for leaf in (item.tree.leaves if item.tree else ())
            for part in walk(leaf.term)
            if isinstance(part, Compare) and part.op in (">=", ">") and isinstance(part.right, Const) and part.right.unit == "元"
        ]
        found.append(int(min(constants)) if constants else None)
    return found


def register_line(pack: Pack, key: str | None, on: date) -> int | None:
    """The figure a register test asks for, 元; None for a test that asks for none, or no test."""
    return next(iter(lines(item for item in pack.program(on).register if item.key == key)), None)


def _by_test(evaluation: Evaluation, values: list[int | None]) -> pl.Expr:
    """The value of the register test that applies to each firm."""
    if not values or "#register" not in evaluation.frame.columns:
        return pl.lit(None, pl.Int64)
    return pl.col("#register").cast(pl.Int64).replace_strict(list(range(len(values))), values, default=None, return_dtype=pl.Int64)


def _sales(evaluation: Evaluation, frame: pl.DataFrame) -> dict[str, pl.Expr]:
    """`measure` and its figures: 主营业务收入 where the firm's register test asks for it and it is on file, else 营业收入.

    A measure with its own season on file goes before one without.
    """
    columns = {m: {"ytd": f"{m}.ytd", "ytd_month": f"{m}.ytd_month", "ytd_prior": f"{m}.ytd_prior", "last_year": f"{m}.y-1", "year_before": f"{m}.y-2", "ytd_before": f"{m}.ytd_before"} for m in (MAIN, ALL)}
    asks_main = [1 if any(c.key == MAIN for leaf in (item.tree.leaves if item.tree else ()) for c in term_columns(leaf.term)) else 0 for item in evaluation.program.register]
    main = _by_test(evaluation, [*asks_main]) == 1
    whole = {m: pl.all_horizontal([_or_null(frame, name).is_not_null() for key, name in columns[m].items() if key not in {"year_before", "ytd_before"}]) for m in columns}
    some = _or_null(frame, f"{MAIN}.ytd").is_not_null()
    use_main = main.fill_null(value=False) & (whole[MAIN] | (some & ~whole[ALL]))
    picked = {key: pl.when(use_main).then(_or_null(frame, columns[MAIN][key])).otherwise(_or_null(frame, columns[ALL][key])) for key in columns[ALL]}
    return {"measure": pl.when(use_main).then(pl.lit(MAIN)).otherwise(pl.lit(ALL)), **picked}


def _or_null(frame: pl.DataFrame, name: str, kind: pl.DataType | None = None) -> pl.Expr:
    kind = kind or pl.Int64()
    return pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind)


def _stop(frame: pl.DataFrame) -> dict[str, pl.Expr]:
    """The latest stop that no resumption followed: its kind and day. The year 1 stands for 'never' in facts frames."""
    days = {kind: pl.col(f"event.{kind}") for kind in STOPS if f"event.{kind}" in frame.columns}
    if not days:
        return {"stopped_by": pl.lit(None, pl.String), "stopped_on": pl.lit(None, pl.Date)}
    latest = pl.max_horizontal(list(days.values()))
    resumed = pl.col("event.resumed") if "event.resumed" in frame.columns else pl.lit(None, pl.Date)
    stands = latest.is_not_null() & (latest.dt.year() > 1) & (resumed.is_null() | (resumed < latest))
    kind = pl.coalesce([pl.when(day == latest).then(pl.lit(name)) for name, day in days.items()])
    return {"stopped_by": pl.when(stands).then(kind), "stopped_on": pl.when(stands).then(latest)}
