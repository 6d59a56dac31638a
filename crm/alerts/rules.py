"""Which alerts stand on a day: the pack's rules over the inputs of many firms, or of one from a facts file. Pure.

`exit_risk` is asked of firms in the register; `near_threshold` of firms outside it (subject `register`), of revenue lines and of
titles that are one criterion short (subject `titles`: all of a firm's in one). A colour is a default of the pack, not policy, and is shown so.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from crm.alerts.inputs import inputs, steps
from crm.alerts.levels import level_of, named_for_levels
from crm.alerts.titles import SUBJECT as TITLES
from crm.alerts.titles import near_titles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm.criteria.engine import Evaluation
    from crm.criteria.schema import AlertRule

EXIT, NEAR, FIRST, SECOND = "exit_risk", "near_threshold", "first_crossing", "newly_entered_at_risk"
REGISTER = "register"
YEAR_ON_YEAR = ("ytd_yoy", "electricity_yoy", "insured_yoy")
RAISED = {EXIT: ("red", "orange", "yellow", "grey"), NEAR: ("red", "orange", "yellow"), FIRST: ("red", "orange", "yellow"), SECOND: ("red", "orange", "yellow")}
"""Levels that become an alert; green never does, and a firm outside the register without figures is no news."""
NEAR_FROM = 0.5
"""Firms outside the register are asked about from half of their line upwards (last year or projected)."""


def assess(evaluation: Evaluation, seen: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row per firm and rule that was asked: the inputs, `rule`, `subject`, `level`, `text`, `by` and `probability` (below the line).

    `by`: the comparison with a year before that gave the level, null where another figure did. `stay_level` and `stay_text`: the level
    that a firm which is there already keeps; never a better one than `level`.
    """
    seen = inputs(evaluation) if seen is None else seen
    parts = []
    for name, asked in _asked(evaluation, seen):
        if rule := evaluation.pack.alerts.get(name):
            frame = asked if "subject" in asked.columns else asked.with_columns(subject=pl.lit(REGISTER))
            parts.append(_levelled(rule, frame, evaluation).with_columns(rule=pl.lit(name)))
    if not parts:
        return _nothing(seen)
    return pl.concat(parts, how="diagonal_relaxed").with_columns(probability=pl.when(pl.col("line") > 0).then("below_line"))


def _asked(evaluation: Evaluation, seen: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each rule with the firms it is asked of."""
    inside = seen.filter(pl.col("in_register").fill_null(value=False))
    yield EXIT, inside
    yield NEAR, _outside(seen)
    yield NEAR, _towards(evaluation, seen)
    if "entered_on" in seen.columns:
        last_year = date(evaluation.on.year - 1, 1, 1)
        yield SECOND, inside.filter(pl.col("entered_on").is_between(last_year, date(evaluation.on.year, 12, 31)))


def _towards(evaluation: Evaluation, seen: pl.DataFrame) -> pl.DataFrame:
    """A row per firm and revenue line above last year that it may reach: the lowest such line only. `line` and the chances are that line's."""
    going = seen.filter(~pl.col("stopped") & pl.col("last_year").is_not_null() & pl.col("projected").is_not_null())
    parts = []
    for low, line in pairwise([0, *steps(evaluation)]):
        if f"below.{line}" not in going.columns:
            continue
        near = going.filter((pl.col("last_year") < line) & (pl.col("last_year") >= low) & (pl.col("projected_high") >= line))
        chance = pl.col(f"below.{line}")
        parts.append(near.with_columns(
            line=pl.lit(line, pl.Int64), below_line=chance, below=(chance * 1000).round().cast(pl.Int64), above=((1 - chance) * 1000).round().cast(pl.Int64), subject=pl.lit(f"revenue.{line}"),
        ))
    return pl.concat(parts) if parts else seen.clear().with_columns(subject=pl.lit(""))


def crossings(evaluation: Evaluation, assessed: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """Rows of `first_crossing`: lines a firm reaches this year for the first time in all years on file.

    `assessed`: what `assess` found; `best`: `enterprise_id`, `best` (元, the largest of all earlier years), see `near_lines` for whom.
    """
    rule = evaluation.pack.alerts.get(FIRST)
    rows = near_lines(assessed)
    if rule is None or rows.is_empty():
        return assessed.clear()
    first = rows.drop("level", "text", "by", "stay_level", "stay_text").join(best, on="enterprise_id", how="left").filter(pl.col("best").is_null() | (pl.col("best") < pl.col("line")))
    return _levelled(rule, first.drop("best"), evaluation).with_columns(rule=pl.lit(FIRST)).select(assessed.columns)


def near_lines(assessed: pl.DataFrame) -> pl.DataFrame:
    """The rows about revenue lines: whose history `crossings` must know."""
    return assessed.filter((pl.col("rule") == NEAR) & pl.col("subject").str.starts_with("revenue."))


def _nothing(seen: pl.DataFrame) -> pl.DataFrame:
    texts = {name: pl.lit("") for name in ("rule", "subject", "level", "text", "by", "stay_level", "stay_text")}
    return seen.clear().with_columns(**texts, probability=pl.lit(0.0))


def titles_near(evaluation: Evaluation, seen: pl.DataFrame) -> pl.DataFrame:
    """Rows as `assess` gives, one per firm that is one criterion short of titles; `titles` tells of each. The figures of `seen` speak of the register and are left out."""
    near = near_titles(evaluation, evaluation.pack.alerts.get(NEAR), seen)
    nothing = [pl.lit(None, kind).alias(name) for name, kind in seen.schema.items() if name != "enterprise_id"]
    fixed = {"rule": pl.lit(NEAR), "subject": pl.lit(TITLES), "by": pl.lit(None, pl.String), "stay_level": pl.lit(None, pl.String), "stay_text": pl.lit(None, pl.String), "probability": pl.lit(None, pl.Float64)}
    return near.with_columns(*nothing, **fixed)


def raised(assessed: pl.DataFrame) -> pl.DataFrame:
    """The rows whose level becomes an alert, and those that keep one at a level they are at already."""
    shown = ["level", *(["stay_level"] if "stay_level" in assessed.columns else [])]
    wanted = [(pl.col("rule") == rule) & pl.any_horizontal(pl.col(shown).is_in(levels)) for rule, levels in RAISED.items()]
    return assessed.filter(pl.any_horizontal(wanted))


def _outside(seen: pl.DataFrame) -> pl.DataFrame:
    """Not in the register, going on, and not far below the line."""
    near = pl.max_horizontal("last_year", "projected") >= pl.col("line") * NEAR_FROM
    return seen.filter(~pl.col("in_register").fill_null(value=False) & near & ~pl.col("stopped"))


def _levelled(rule: AlertRule, asked: pl.DataFrame, evaluation: Evaluation) -> pl.DataFrame:
    named = named_for_levels(asked)
    stays = any(level.stay for level in rule.levels)
    index = named.select(level_of(rule, evaluation.on).alias("index"))["index"]
    kept = named.select(level_of(rule, evaluation.on, staying=True).alias("index"))["index"] if stays else index
    at = list(range(len(rule.levels)))

    def of(which: pl.Series, values: list[str | None]) -> pl.Series:
        return which.replace_strict(at, values, default=None, return_dtype=pl.String)

    levels, texts = [level.level for level in rule.levels], [level.text for level in rule.levels]
    by = of(index, [_decisive(level.if_) for level in rule.levels])
    # grey says that nothing is known: a condition to stay does not soften it
    grey = of(index, levels) == "grey"
    return asked.with_columns(
        level=of(index, levels), text=of(index, texts), by=by, stay_level=of(kept, levels).zip_with(~grey.fill_null(value=False), of(index, levels)), stay_text=of(kept, texts),
    )


def _decisive(condition: str | None) -> str | None:
    """The comparison with a year before that a level's condition rests on, if it does."""
    return next((name for name in YEAR_ON_YEAR if condition and name in condition), None)
