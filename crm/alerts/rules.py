"""Which alerts stand on a day: the pack's rules over the inputs of many firms, or of one from a facts file. Pure.

`exit_risk` is asked of firms in the register; `near_threshold` of firms outside it (subject `register`) and of titles that
are one criterion short (subject: the title). A colour is a default of the pack, not policy, and is shown so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crm.alerts.inputs import inputs
from crm.alerts.levels import level_of, named_for_levels
from crm.alerts.projection import probability_below

if TYPE_CHECKING:
    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule

EXIT, NEAR = "exit_risk", "near_threshold"
REGISTER = "register"
YEAR_ON_YEAR = ("ytd_yoy", "electricity_yoy", "insured_yoy")
RAISED = {EXIT: ("red", "orange", "yellow", "grey"), NEAR: ("red", "orange", "yellow")}
"""Levels that become an alert; green never does, and a firm outside the register without figures is no news."""
TITLE_FROM = 800
"""Per mille of the way from which a firm one criterion short of a title is told of; our default, not policy."""
NEAR_FROM = 0.5
"""Firms outside the register are asked about from half of their line upwards (last year or projected)."""


def assess(evaluation: Evaluation, seen: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row per firm and rule that was asked: the inputs, `rule`, `subject`, `level`, `text`, `by` and `probability` (below the line).

    `by`: the comparison with a year before that gave the level, null where another figure did.
    """
    seen = inputs(evaluation) if seen is None else seen
    parts = []
    for name in (EXIT, NEAR):
        if rule := evaluation.pack.alerts.get(name):
            asked = _in_register(seen) if name == EXIT else _outside(seen)
            parts.append(_levelled(rule, asked, evaluation).with_columns(rule=pl.lit(name), subject=pl.lit(REGISTER)))
    if not parts:
        return seen.clear().with_columns(rule=pl.lit(""), subject=pl.lit(""), level=pl.lit(""), text=pl.lit(""), by=pl.lit(""), probability=pl.lit(0.0))
    return pl.concat(parts).with_columns(probability=pl.when(pl.col("line") > 0).then(probability_below(pl.col("line"))))


def titles_near(pack: Pack, standings: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Rows as `assess` gives, for firms one criterion short of a title, most of the way there and with nothing unknown about it.

    `standings`: crm.ladder.standing; the figures of `seen` speak of the register and are left out.
    """
    if NEAR not in pack.alerts:
        return seen.clear().with_columns(rule=pl.lit(""), subject=pl.lit(""), level=pl.lit(""), text=pl.lit(""), by=pl.lit(""), probability=pl.lit(0.0))
    titles = [title.id for title in pack.book.titles]
    short = (pl.col("near_missing") == 1) & (pl.col("near_unknown") == 0) & (pl.col("near_ratio") >= TITLE_FROM) & pl.col("near_item").is_in(titles)
    near = standings.filter(short).select("enterprise_id", subject="near_item", text=pl.lit("只差 1 条：") + pl.col("near_text"))
    nothing = [pl.lit(None, kind).alias(name) for name, kind in seen.schema.items() if name != "enterprise_id"]
    fixed = {"rule": pl.lit(NEAR), "level": pl.lit("yellow"), "by": pl.lit(None, pl.String), "probability": pl.lit(None, pl.Float64)}
    return near.with_columns(*nothing, **fixed)


def raised(assessed: pl.DataFrame) -> pl.DataFrame:
    """The rows whose level becomes an alert."""
    wanted = [(pl.col("rule") == rule) & pl.col("level").is_in(levels) for rule, levels in RAISED.items()]
    return assessed.filter(pl.any_horizontal(wanted))


def _in_register(seen: pl.DataFrame) -> pl.DataFrame:
    return seen.filter(pl.col("in_register").fill_null(value=False))


def _outside(seen: pl.DataFrame) -> pl.DataFrame:
    """Not in the register, going on, and not far below the line."""
    near = pl.max_horizontal("last_year", "projected") >= pl.col("line") * NEAR_FROM
    return seen.filter(~pl.col("in_register").fill_null(value=False) & near & ~pl.col("stopped"))


def _levelled(rule: AlertRule, asked: pl.DataFrame, evaluation: Evaluation) -> pl.DataFrame:
    index = named_for_levels(asked).select(level_of(rule, evaluation.on).alias("index"))["index"]
    at = list(range(len(rule.levels)))
    levels = index.replace_strict(at, [level.level for level in rule.levels], default=None, return_dtype=pl.String)
    texts = index.replace_strict(at, [level.text for level in rule.levels], default=None, return_dtype=pl.String)
    by = index.replace_strict(at, [_decisive(level.if_) for level in rule.levels], default=None, return_dtype=pl.String)
    return asked.with_columns(level=levels, text=texts, by=by)


def _decisive(condition: str | None) -> str | None:
    """The comparison with a year before that a level's condition rests on, if it does."""
    return next((name for name in YEAR_ON_YEAR if condition and name in condition), None)
