"""Cases past the day they were due, counted in work days. One alert per case."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select

from crm.alerts.watches.base import levelled, parts
from crm.cases.models import Case
from crm.core import workdays
from crm.core.bulk import fetch_columns

if TYPE_CHECKING:
    from crm.alerts.watches.base import Asked
    from crm.criteria.schema import AlertRule

RULE = "case_overdue"
SUBJECT = "case:"


def find(asked: Asked, rule: AlertRule) -> pl.DataFrame:
    """Open cases of the firms asked about whose day is past."""
    query = select(Case.id, Case.enterprise_id, Case.title, Case.lead_unit, Case.due_on, Case.urgency).where(Case.closed_at.is_(None), Case.due_on < asked.on)
    rows = fetch_columns(asked.session, parts(query, Case.enterprise_id, asked.few()))
    due = [date.fromisoformat(day) if isinstance(day, str) else day for day in rows["due_on"]]
    past = {day: workdays.between(day, asked.on) for day in set(due)}
    frame = pl.DataFrame(
        {
            "enterprise_id": rows["enterprise_id"], "subject": [f"{SUBJECT}{number}" for number in rows["id"]], "case": rows["id"], "title": rows["title"],
            "lead_unit": rows["lead_unit"], "due_on": due, "urgent": [urgency == "urgent" for urgency in rows["urgency"]], "days_past": [past[day] for day in due],
            "provisional": [workdays.is_provisional(asked.on) or workdays.is_provisional(day) for day in due],
        },
        schema={"enterprise_id": pl.Int64, "subject": pl.String, "case": pl.Int64, "title": pl.String, "lead_unit": pl.String, "due_on": pl.Date,
                "urgent": pl.Boolean, "days_past": pl.Int64, "provisional": pl.Boolean},
    )
    return levelled(rule, frame.join(asked.firms.select("enterprise_id"), on="enterprise_id", how="semi"), asked.on)


def headline(row: dict[str, Any]) -> str:
    """Which case, whose, since when."""
    unit = f"（{row['lead_unit']}）" if row["lead_unit"] else "（还没有交办）"
    return f"诉求“{row['title'][:60]}”{unit}应在 {row['due_on']} 前办结"


FACTS = ("case", "title", "lead_unit", "due_on", "urgent", "provisional")
