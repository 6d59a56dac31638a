"""What every watch is given, what it gives, and how a pack's conditions become its levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts.levels import level_of
from crm.criteria.alerting import WATCH_INPUTS
from crm.criteria.expressions import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule

RULES = frozenset(WATCH_INPUTS)
FEW = 500
"""Up to so many firms are asked for by number; more are read whole and cut afterwards."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One night's question: which firms, on which day, by which pack. `only` None: everybody of `firms` and no short way."""

    session: Session
    pack: Pack
    on: date
    firms: pl.DataFrame  # enterprise_id and what the evaluation knows of each (crm.alerts.inputs), tier, in_pool, exit_level
    only: Sequence[int] | None = None

    def few(self) -> list[int] | None:
        """The firms by number, when they are few enough to ask for each."""
        return list(self.only) if self.only is not None and len(self.only) <= FEW else None


@dataclass(frozen=True, slots=True)
class Watched:
    """What a rule found. `firms`: those it looked at, None for all that were asked about; others keep their alerts."""

    rule: str
    found: pl.DataFrame
    firms: set[int] | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row per firm and subject."""
        for row in self.found.iter_rows(named=True):
            yield row | {"rule": self.rule}


def firms_for_watches(evaluation: Evaluation, seen: pl.DataFrame, assessed: pl.DataFrame, standings: pl.DataFrame) -> pl.DataFrame:
    """What the watches are told of each firm: the inputs of the night, its status, tier and pools, and tonight's level of `exit_risk`."""
    levels = assessed.filter(pl.col("rule") == "exit_risk").select("enterprise_id", exit_level="level")
    status = evaluation.frame.select("enterprise_id", "status") if "status" in evaluation.frame.columns else seen.select("enterprise_id", status=pl.lit("active"))
    frame = seen.select("enterprise_id", "in_register", "stopped", "line", "projected", "last_year", "ytd", "ytd_month", "ytd_prior")
    where = standings.select("enterprise_id", "tier", in_pool=(pl.col("pools") != "[]").fill_null(value=False))
    for other in (status, where, levels):
        frame = frame.join(other, on="enterprise_id", how="left", maintain_order="left")
    return frame


def levelled(rule: AlertRule, frame: pl.DataFrame, on: date) -> pl.DataFrame:
    """The rows whose level is one to be told of, with `level`, `text` and `at` (number of the condition). Missing inputs are unknown."""
    if frame.is_empty():
        return frame.with_columns(at=pl.lit(None, pl.Int64), level=pl.lit(None, pl.String), text=pl.lit(None, pl.String))
    inputs = WATCH_INPUTS[rule.id]
    named = frame.select(
        *(_input(frame, name).cast(pl.Int64).alias(f"{name}.at") for name, unit in inputs.items() if unit != "?"),
        *(_input(frame, name).cast(pl.Boolean).alias(name) for name, unit in inputs.items() if unit == "?"),
    )
    index = named.select(level_of(rule, on, Names(measures={}, extra=inputs)).alias("at"))["at"].cast(pl.Int64)
    places = list(range(len(rule.levels)))
    made = frame.with_columns(
        at=index, level=index.replace_strict(places, [level.level for level in rule.levels], default=None, return_dtype=pl.String),
        text=index.replace_strict(places, [level.text for level in rule.levels], default=None, return_dtype=pl.String),
    )
    return made.filter(pl.col("level").is_not_null() & (pl.col("level") != "green"))


def _input(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None)


def parts(query: Any, key: Any, few: Sequence[int] | None) -> Any:
    """The query, narrowed to a few firms where that is so."""
    return query if few is None else query.where(key.in_(few))
