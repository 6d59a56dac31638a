"""Alerts of one firm of a facts file, for `run.py evaluate`: the same rules, no database. Fits crm.criteria.commands.parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from crm.alerts.evidence import answer
from crm.alerts.inputs import COLUMNS
from crm.alerts.rules import assess, raised
from crm.criteria.columns import dtype, required_columns
from crm.criteria.engine import evaluate
from crm.criteria.facts import cell

if TYPE_CHECKING:
    from datetime import date

    from crm.criteria.explain import Explanation
    from crm.criteria.facts import Enterprise
    from crm.criteria.packs import Pack


def alerts_for(pack: Pack, firm: Enterprise, _explanation: Explanation | None, on: date) -> list[dict[str, Any]]:
    """The alerts that stand for the firm on the day, worst rule first."""
    columns = sorted(set(required_columns(pack, on)) | set(COLUMNS))
    facts = pl.DataFrame({column.name: pl.Series([cell(firm, column, on)], dtype=dtype(column)) for column in columns})
    return [answer(row, pack, on) for row in raised(assess(evaluate(pack, facts, on))).iter_rows(named=True)]
