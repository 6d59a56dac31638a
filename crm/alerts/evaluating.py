"""`run.py evaluate` with alerts: the same rules as at night, over a facts file or one firm of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts import seasons
from crm.alerts.evidence import answer
from crm.alerts.inputs import COLUMNS, inputs
from crm.alerts.past import of_facts
from crm.alerts.rules import EXIT, RAISED, assess, crossings, titles_near
from crm.alerts.signals import recent_months, signals
from crm.alerts.telling import answer as watch_answer
from crm.alerts.watches.facts import watch_facts
from crm.config import Settings
from crm.core.db import make_engine, make_sessions, transaction
from crm.criteria.commands import database, evaluate, more_columns, parts
from crm.criteria.facts import Enterprise
from crm.ladder.commands import commands as ladder_commands
from crm.ladder.past import firm_of, look_back
from crm.programmes import evaluating  # noqa: F401  # adds `awards` to the answer

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.engine import Evaluation
    from crm.criteria.packs import Pack


SHOWN = {**RAISED, EXIT: (*RAISED[EXIT], "green")}


def alerts(evaluation: Evaluation, firms: list[Enterprise]) -> list[list[dict[str, Any]]]:
    """For each firm of the facts file, in order, what stands: `exit_risk` at any level, green included, the rest only when raised."""
    frame = evaluation.frame.with_row_index("enterprise_id").with_columns(pl.col("enterprise_id").cast(pl.Int64))
    for more in (_electricity(firms, evaluation), seasons.of_facts(firms, frame, evaluation.on)):
        frame = frame.join(more, on="enterprise_id", how="left", maintain_order="left")
    seen = inputs(evaluation, frame)
    found: list[list[dict[str, Any]]] = [[] for _ in firms]
    best, entered = of_facts(firms, evaluation.on)
    seen = seen.join(entered, on="enterprise_id", how="left", maintain_order="left")
    assessed = assess(evaluation, seen)
    for row in pl.concat([assessed, crossings(evaluation, assessed, best), titles_near(evaluation, seen)], how="diagonal_relaxed").iter_rows(named=True):
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


def from_database(pack: Pack, uscc: str, on: date, known_on: date | None) -> tuple[list[Enterprise], Evaluation]:
    """One firm of the database, as of a day and as known on a day, as `evaluate` takes it."""
    with transaction(make_sessions(make_engine(Settings.from_env().url))) as session:
        firm = firm_of(session, uscc)
        named = Enterprise(uscc=firm.uscc, name=firm.name, region=firm.region_code, industry=firm.industry_code)
        return [named], look_back(session, pack, firm.id, on, known_on).evaluation


more_columns.extend(COLUMNS)
database.append(from_database)
parts["alerts"] = alerts
commands = [evaluate, *ladder_commands]
