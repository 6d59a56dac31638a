"""Firms nobody went to see for too long, or ever. How long is too long depends on where the firm stands and what threatens it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import func, select

from crm.alerts.watches.base import levelled, parts
from crm.core.bulk import fetch_columns
from crm.core.clock import SHANGHAI
from crm.enterprises.models import Enterprise
from crm.visits.models import Visit

if TYPE_CHECKING:
    from crm.alerts.watches.base import Asked
    from crm.criteria.schema import AlertRule

RULE = "visit_overdue"
LEADING = ("strong", "listed", "large")
ENDED = ("suspended", "revoked", "cancelled", "moved_out")


def find(asked: Asked, rule: AlertRule) -> pl.DataFrame:
    """Firms in business whose last visit lies too far back."""
    few = asked.few()
    query = select(Visit.enterprise_id, func.max(Visit.started_at).label("day")).group_by(Visit.enterprise_id)
    seen = fetch_columns(asked.session, parts(query, Visit.enterprise_id, few))
    visits = pl.DataFrame({"enterprise_id": seen["enterprise_id"], "last_visit_on": _days(seen["day"])}, schema={"enterprise_id": pl.Int64, "last_visit_on": pl.Date})
    mine = parts(select(Enterprise.id.label("enterprise_id")).where(Enterprise.officer_id.is_not(None)), Enterprise.id, few)
    assigned = pl.DataFrame(fetch_columns(asked.session, mine), schema={"enterprise_id": pl.Int64}).with_columns(assigned=pl.lit(value=True))
    firms = asked.firms.filter(~pl.col("stopped").fill_null(value=False) & ~pl.col("status").is_in(ENDED).fill_null(value=False))
    frame = firms.select(
        "enterprise_id", in_register=pl.col("in_register").fill_null(value=False), leading=pl.col("tier").is_in(LEADING),
        in_pool=pl.col("in_pool").fill_null(value=False), at_risk=pl.col("exit_level").is_in(["red", "orange"]).fill_null(value=False),
    )
    frame = frame.join(visits, on="enterprise_id", how="left").join(assigned, on="enterprise_id", how="left")
    frame = frame.with_columns(
        subject=pl.lit("visit"), never=pl.col("last_visit_on").is_null(), assigned=pl.col("assigned").fill_null(value=False),
        days_since=(pl.lit(asked.on) - pl.col("last_visit_on")).dt.total_days(),
    )
    return levelled(rule, frame, asked.on)


def _days(values: list[Any]) -> list[Any]:
    """Days in Shanghai of instants as each driver gives them; SQLite gives UTC text without a zone."""
    made = []
    for value in values:
        instant = datetime.fromisoformat(value + "+00:00") if isinstance(value, str) else value
        made.append(instant.astimezone(SHANGHAI).date())
    return made


def headline(row: dict[str, Any]) -> str:
    """When somebody was there last."""
    return f"{row['text']}；" + ("从未走访" if row["never"] else f"上次走访 {row['last_visit_on']}")


FACTS = ("last_visit_on", "never", "at_risk", "leading", "in_register", "in_pool")
