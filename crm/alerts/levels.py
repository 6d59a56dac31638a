"""Levels of an alert rule: a pack's conditions over the inputs, first match wins, compiled to Polars like every criterion."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from crm.criteria import terms
from crm.criteria.expressions import Names, parse_condition
from crm.criteria.terms import Const, Figure, Ratio, Sum
from crm.criteria.vectors import Compiler

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.schema import AlertRule

ALERT_INPUTS: dict[str, str] = {
    "line": "元", "projected": "元", "projected_low": "元", "projected_high": "元", "last_year": "元", "ytd": "元",
    "below": "%", "above": "%", "ytd_yoy": "%", "electricity_yoy": "%", "insured_yoy": "%",
    "months_missing": "", "months_used": "", "months_without_power": "", "month": "", "missing": "", "share": "%",
    "stopped": "?", "no_data": "?", "in_register": "?", "title_way": "%", "title_yes_no": "?", "title_now": "?", "title_next": "?",
}
"""Names the conditions of alerts.yaml may speak of -> unit ('?' = yes/no)."""
NAMES = Names(measures={}, extra=ALERT_INPUTS)
_PER_MILLE = ("share", "below", "above", "title_way")
_PAIRS = {"ytd_yoy": ("ytd", "ytd_prior"), "electricity_yoy": ("electricity", "electricity_before"), "insured_yoy": ("insured", "insured_before")}


def level_of(rule: AlertRule, on: date, names: Names | None = None, *, staying: bool = False) -> pl.Expr:
    """Index of the first level whose condition is met (a level without condition always is), null when none is.

    `staying`: the level a firm keeps that is there already; a level's `stay` suffices as well.
    """
    compiler = Compiler(on)
    found: pl.Expr = pl.lit(None, pl.Int32)
    for index, level in reversed(list(enumerate(rule.levels))):
        if level.if_ is None:
            found = pl.lit(index, pl.Int32)
            continue
        for text in (level.if_, level.stay) if staying and level.stay else (level.if_,):
            term = terms.rebuild(parse_condition(text, names or NAMES), _exact)
            test = compiler.condition(term)  # type: ignore[arg-type]  # rebuilding keeps a condition a condition
            found = pl.when(test.fill_null(value=False)).then(pl.lit(index, pl.Int32)).otherwise(found)
    return found


def named_for_levels(inputs: pl.DataFrame) -> pl.DataFrame:
    """The inputs under the names the compiled conditions look for: figures as `x.at`, yes/no as they are."""
    figures = [name for name in ("ytd_prior", "electricity", "electricity_before", "insured", "insured_before", *ALERT_INPUTS) if name in inputs.columns and ALERT_INPUTS.get(name) != "?"]
    flags = [pl.col(name) if name in inputs.columns else pl.lit(None, pl.Boolean).alias(name) for name, unit in ALERT_INPUTS.items() if unit == "?"]
    absent = [pl.lit(None, pl.Int64).alias(f"{name}.at") for name in ALERT_INPUTS if ALERT_INPUTS[name] != "?" and name not in figures]
    return inputs.select(*(pl.col(name).cast(pl.Int64).alias(f"{name}.at") for name in figures), *flags, *absent)


def _exact(term: terms.Term) -> terms.Term:
    """Growth is a ratio of two whole figures, compared exactly; `share` and the chances are stored per mille."""
    if isinstance(term, Figure) and term.measure in _PAIRS:
        now, before = _PAIRS[term.measure]
        return Sum(Ratio(Figure(now, "at", "元"), Figure(before, "at", "元")), Const(Fraction(1)), -1)
    if isinstance(term, Figure) and term.measure in _PER_MILLE:
        return Figure(term.measure, "at", "%", Fraction(1, 1000))
    return term
