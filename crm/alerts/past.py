"""What alert rules ask of a firm's past beside the year's facts: its best year, and when it first entered the register."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import func, select

from crm.core.bulk import fetch_columns
from crm.indicators.models import Filing
from crm.indicators.queries import known
from crm.ladder.facts import narrowed
from crm.ladder.models import RegisterMembership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from crm.criteria.facts import Enterprise

MEASURES = ("revenue", "revenue_main")
BEST = {"enterprise_id": pl.Int64, "best": pl.Int64}
ENTERED = {"enterprise_id": pl.Int64, "entered_on": pl.Date}


def best_years(session: Session, firms: Sequence[int], on: date) -> pl.DataFrame:
    """`enterprise_id`, `best`: the largest yearly revenue on file of any year before that of `on`, 元."""
    figures = [getattr(Filing, name) for name in MEASURES]
    query = select(Filing.enterprise_id, *(func.max(figure) for figure in figures)).where(
        Filing.period_kind == "year", Filing.form == "period", Filing.period < str(on.year), known()
    ).group_by(Filing.enterprise_id)
    rows = [row for part in narrowed(query, Filing.enterprise_id, sorted(set(firms))) for row in session.execute(part).tuples()] if firms else []
    made = [(firm, max((value for value in values if value is not None), default=None)) for firm, *values in rows]
    return pl.DataFrame(made, schema=BEST, orient="row")


def first_entries(session: Session, on: date, only: Sequence[int] | None = None) -> pl.DataFrame:
    """`enterprise_id`, `entered_on` of firms that entered the register for the first time last year or this year, and are in it."""
    model = RegisterMembership
    query = select(model.enterprise_id, func.max(model.entered_on).label("entered_on")).where(
        model.entry == "first", model.entered_on.between(date(on.year - 1, 1, 1), on), model.exited_on.is_(None) | (model.exited_on > on)
    ).group_by(model.enterprise_id)
    parts = [fetch_columns(session, part) for part in narrowed(query, model.enterprise_id, only)]
    frames = [pl.DataFrame({**part, "entered_on": [date.fromisoformat(day) if isinstance(day, str) else day for day in part["entered_on"]]}, schema=ENTERED) for part in parts]
    return pl.concat(frames) if frames else pl.DataFrame(schema=ENTERED)


def of_facts(firms: Sequence[Enterprise], on: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same two of a facts file, by the firms' numbers."""
    best, entered = [], []
    for number, firm in enumerate(firms):
        values = [value for year, figures in firm.year.items() if int(year) < on.year for name in MEASURES if (value := figures.get(name)) is not None]
        best.append((number, max(values, default=None)))
        days = [stay.entered_on for stay in firm.register_ or () if stay.entry == "first" and date(on.year - 1, 1, 1) <= stay.entered_on <= on]
        if days:
            entered.append((number, max(days)))
    return pl.DataFrame(best, schema=BEST, orient="row"), pl.DataFrame(entered, schema=ENTERED, orient="row")
