"""`run.py evaluate` with alerts: the same rules as at night, over a facts file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts.evidence import answer
from crm.alerts.inputs import COLUMNS, inputs
from crm.alerts.rules import EXIT, RAISED, assess
from crm.alerts.signals import recent_months, signals
from crm.alerts.telling import answer as watch_answer
from crm.alerts.watches.facts import watch_facts
from crm.criteria.commands import evaluate, more_columns, parts
from crm.programmes import evaluating  # noqa: F401  # adds `awards` to the answer

if TYPE_CHECKING:
    from crm.criteria.engine import Evaluation
    from crm.criteria.facts import Enterprise


SHOWN = {**RAISED, EXIT: (*RAISED[EXIT], "green")}


def alerts(evaluation: Evaluation, firms: list[Enterprise]) -> list[list[dict[str, Any]]]:
    """For each firm of the facts file, in order, what stands: `exit_risk` at any level, green included, the rest only when raised."""
    frame = evaluation.frame.with_row_index("enterprise_id").with_columns(pl.col("enterprise_id").cast(pl.Int64))
    seen = inputs(evaluation, frame.join(_electricity(firms, evaluation), on="enterprise_id", how="left", maintain_order="left"))
    found: list[list[dict[str, Any]]] = [[] for _ in firms]
    for row in assess(evaluation, seen).iter_rows(named=True):
        if row["level"] in SHOWN[row["rule"]]:
            found[row["enterprise_id"]].append(answer(row, evaluation.pack, evaluation.on))
    for row in watch_facts(evaluation.pack, evaluation.on, firms, seen):
        found[row["enterprise_id"]].append(watch_answer(row, evaluation.pack, evaluation.on))
    return found


def _electricity(firms: list[Enterprise], evaluation: Evaluation) -> pl.DataFrame:
    """The months a level may ask about, from the firms' `month` figures."""
    periods = [period for part in recent_months(evaluation.on) for period in part]
    rows = [
        (number, period, kwh)
        for number, firm in enumerate(firms)
        for period in periods
        if (kwh := firm.month.get(period, {}).get("electricity")) is not None
    ]
    schema = {"enterprise_id": pl.Int64, "period": pl.String, "electricity": pl.Int64}
    return signals(pl.DataFrame(rows, schema=schema, orient="row"), evaluation.on)


more_columns.extend(COLUMNS)
parts["alerts"] = alerts
commands = [evaluate]
