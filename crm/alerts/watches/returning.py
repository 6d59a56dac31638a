"""Firms that left the register not long ago and whose sales are back at the line: they can be put forward again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import case, func, select

from crm.alerts.calendar import next_review
from crm.alerts.settings import whole
from crm.alerts.watches.base import levelled, parts
from crm.core.bulk import fetch_columns
from crm.core.money import human
from crm.ladder.models import RegisterMembership

if TYPE_CHECKING:
    from crm.alerts.watches.base import Asked
    from crm.criteria.packs import Pack
    from crm.criteria.schema import AlertRule

RULE = "re_entry_window"
WITHIN = 3  # years since the exit; the pack says


def find(asked: Asked, rule: AlertRule) -> pl.DataFrame:
    """Firms outside the register whose last exit lies within the pack's years."""
    model = RegisterMembership
    inside = func.max(case((model.exited_on.is_(None) | (model.exited_on > asked.on), 1), else_=0))
    query = select(model.enterprise_id, func.max(model.exited_on).label("left")).where(model.entered_on <= asked.on).group_by(model.enterprise_id).having(inside == 0)
    rows = fetch_columns(asked.session, parts(query, model.enterprise_id, asked.few()))
    left = [date.fromisoformat(day) if isinstance(day, str) else day for day in rows["left"]]
    exits = pl.DataFrame({"enterprise_id": rows["enterprise_id"], "left_on": left}, schema={"enterprise_id": pl.Int64, "left_on": pl.Date})
    return judged(asked.pack, rule, asked.firms, exits, asked.on)


def judged(pack: Pack, rule: AlertRule, firms: pl.DataFrame, exits: pl.DataFrame, on: date) -> pl.DataFrame:
    """Rows with level. `firms`: crm.alerts.inputs; `exits`: `enterprise_id`, `left_on` of firms that are outside now."""
    first = _years_before(on, whole(rule, "within", WITHIN))
    window = next_review(pack, on)
    frame = firms.filter(~pl.col("stopped").fill_null(value=False) & ~pl.col("in_register").fill_null(value=False)).join(
        exits.filter(pl.col("left_on") >= first), on="enterprise_id"
    )
    frame = frame.select(
        "enterprise_id", "line", "projected", "last_year", "left_on", subject=pl.lit("register"), days_out=(pl.lit(on) - pl.col("left_on")).dt.total_days(),
        review_left=pl.lit((window.closes - on).days if window else None, pl.Int64), review_closes=pl.lit(window.closes if window else None, pl.Date),
        expires_on=pl.col("left_on").dt.offset_by(f"{whole(rule, 'within', WITHIN)}y"),
    )
    return levelled(rule, frame, on)


def _years_before(on: date, years: int) -> date:
    return date(on.year - years, on.month, min(on.day, 28))


def headline(row: dict[str, Any]) -> str:
    """Back at the line, and since when outside."""
    reached = row["last_year"] is not None and row["line"] is not None and row["last_year"] >= row["line"]
    sales = f"上年 {human(row['last_year'])}" if reached else f"全年预计 {human(row['projected'])}"
    return f"{row['left_on']} 退库，{sales}，已回到起点 {human(row['line'])}"


FACTS = ("left_on", "line", "projected", "last_year", "review_closes")
